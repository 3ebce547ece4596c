"""The blocks that the families are made of. Each takes a tensor [N, H, W, C] and returns one.

Reference:
    - Howard et al., "MobileNets", 2017, arXiv 1704.04861 (depthwise separable convolution).
    - He et al., "Deep residual learning for image recognition", 2015, arXiv 1512.03385.
    - Chollet, "Xception", 2016, arXiv 1610.02357 (SeparableConv2D: nothing between its two steps).
"""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from fer_keras.labels import IMAGE_SHAPE, NUM_CLASSES

LEAKY_SLOPE = 0.2

# Keras's 0.99 lags for the first hundreds of steps, which is all that a short run has.
BN_MOMENTUM = 0.95


def pixels() -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return (input, normalised input).

    The input takes grey values 0..255 [N, 48, 48, 1] as uint8 or float; scaling to -1..1 happens inside the
    model, so that no consumer can get it wrong.
    """
    inputs = keras.Input(IMAGE_SHAPE, name="images")
    return inputs, layers.Rescaling(1 / 127.5, offset=-1.0, name="scale_pixels")(inputs)


def classify(x: keras.KerasTensor, dropout: float = 0.0) -> keras.KerasTensor:
    """Return logits [N, 7] by global average pooling, dropout if any, and one dense layer."""
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name="pool_dropout")(x)
    return layers.Dense(NUM_CLASSES, name="logits")(x)


def conv_block(
    x: keras.KerasTensor, width: int, name: str, *, kernel_size: int = 3, stride: int = 1
) -> keras.KerasTensor:
    """Convolution with bias, batch normalisation, LeakyReLU(0.2): the reference CNN's unit."""
    x = layers.Conv2D(width, kernel_size, stride, padding="same", name=f"{name}_conv")(x)
    x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_bn")(x)
    return layers.LeakyReLU(negative_slope=LEAKY_SLOPE, name=f"{name}_act")(x)


def stem_block(x: keras.KerasTensor, width: int, stride: int) -> keras.KerasTensor:
    """Convolution 3x3 without bias, batch normalisation, ReLU: how both separable families begin."""
    x = layers.Conv2D(width, 3, stride, padding="same", use_bias=False, name="stem_conv")(x)
    x = layers.BatchNormalization(momentum=BN_MOMENTUM, name="stem_bn")(x)
    return layers.ReLU(name="stem_relu")(x)


def depthwise_block(x: keras.KerasTensor, width: int, stride: int, name: str) -> keras.KerasTensor:
    """Depthwise 3x3, BN, ReLU, pointwise 1x1, BN, ReLU, no biases: MobileNet's unit."""
    x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(name=f"{name}_depthwise_relu")(x)
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_pointwise")(x)
    x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_pointwise_bn")(x)
    return layers.ReLU(name=f"{name}_pointwise_relu")(x)


def separable_block(x: keras.KerasTensor, width: int, stride: int, name: str) -> keras.KerasTensor:
    """SeparableConv2D 3x3 without bias, BN, ReLU: one normalisation for the pair of steps."""
    x = layers.SeparableConv2D(width, 3, stride, padding="same", use_bias=False, name=f"{name}_separable")(x)
    x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def residual_block(x: keras.KerasTensor, width: int, stride: int, name: str) -> keras.KerasTensor:
    """ResNet's basic block: conv, BN, ReLU, conv, BN, plus the input (projected where its shape differs), ReLU."""
    shortcut = x
    if stride > 1 or x.shape[-1] != width:
        shortcut = layers.Conv2D(width, 1, stride, use_bias=False, name=f"{name}_shortcut")(x)
        shortcut = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_shortcut_bn")(shortcut)
    x = layers.Conv2D(width, 3, stride, padding="same", use_bias=False, name=f"{name}_conv1")(x)
    x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_bn1")(x)
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_conv2")(x)
    x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_bn2")(x)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu2")(x)


def build_chain(
    block: Callable[[keras.KerasTensor, int, int, str], keras.KerasTensor],
    widths: Sequence[int],
    strides: Sequence[int],
    dropouts: Sequence[float],
    name: str,
) -> keras.Model:
    """Build a stem and one `block` after the other, a dropout before each, then the classifier.

    Args:
        block: takes a tensor, its width, its stride and its name.
        widths: channels of the stem and of each block.
        strides: of the stem and of each block.
        dropouts: rate before each block.
        name: the model's name.
    """
    inputs, x = pixels()
    x = stem_block(x, widths[0], strides[0])
    rows = zip(widths[1:], strides[1:], dropouts, strict=True)
    for number, (width, stride, dropout) in enumerate(rows, 1):
        x = layers.Dropout(dropout, name=f"block{number}_dropout")(x)
        x = block(x, width, stride, f"block{number}")
    return keras.Model(inputs, classify(x), name=name)
