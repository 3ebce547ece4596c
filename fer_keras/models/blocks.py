"""The blocks that the families are made of. Each takes a tensor [N, H, W, C] and returns one.

Reference:
    - Howard et al., "MobileNets", 2017, arXiv 1704.04861 (depthwise separable convolution).
    - He et al., "Deep residual learning for image recognition", 2015, arXiv 1512.03385.
    - Chollet, "Xception", 2016, arXiv 1610.02357 (SeparableConv2D: nothing between its two steps).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
from keras import layers

from fer_keras.labels import IMAGE_SHAPE, IMAGE_SIZE, NUM_CLASSES

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


def classify(x: keras.KerasTensor, dropout: float = 0.0, num_classes: int = NUM_CLASSES) -> keras.KerasTensor:
    """Return logits [N, 7] by global average pooling, dropout if any, and one dense layer."""
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name="pool_dropout")(x)
    return layers.Dense(num_classes, name="logits")(x)


def conv_block(
    x: keras.KerasTensor, width: int, name: str, *, kernel_size: int = 3, stride: int = 1, residual: bool = False
) -> keras.KerasTensor:
    """Convolution with bias, batch normalisation, LeakyReLU(0.2): the reference CNN's unit.

    With `residual` the block's input is added before the activation, where both have the same shape.
    """
    inputs = x
    x = layers.Conv2D(width, kernel_size, stride, padding="same", name=f"{name}_conv")(x)
    x = _normalise(x, name, inputs if residual else None)
    return layers.LeakyReLU(negative_slope=LEAKY_SLOPE, name=f"{name}_act")(x)


def stem_block(x: keras.KerasTensor, width: int, stride: int, activation: str = "relu") -> keras.KerasTensor:
    """Convolution 3x3 without bias, batch normalisation, activation: how both separable families begin."""
    x = layers.Conv2D(width, 3, stride, padding="same", use_bias=False, name="stem_conv")(x)
    return _activate(x, "stem", activation)


@dataclass(frozen=True)
class BlockStyle:
    """What the blocks of a chain may have beyond the plain ones.

    Attributes:
        residual: add a block's input to its output, before the last activation, where both have the same shape.
        activation: a Keras activation's name.
        squeeze_excite: hidden units of squeeze-and-excitation as a share of the channels; 0 for none.
    """

    residual: bool = False
    activation: str = "relu"
    squeeze_excite: float = 0.0


def depthwise_block(
    x: keras.KerasTensor, width: int, stride: int, name: str, style: BlockStyle = BlockStyle()
) -> keras.KerasTensor:
    """Depthwise 3x3, BN, ReLU, pointwise 1x1, BN, ReLU, no biases: MobileNet's unit."""
    inputs = x
    x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = _activate(x, f"{name}_depthwise", style.activation)
    x = squeeze_excite(x, style.squeeze_excite, name)
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_pointwise")(x)
    return _activate(x, f"{name}_pointwise", style.activation, inputs if style.residual else None)


def separable_block(
    x: keras.KerasTensor, width: int, stride: int, name: str, style: BlockStyle = BlockStyle()
) -> keras.KerasTensor:
    """SeparableConv2D 3x3 without bias, BN, ReLU: one normalisation for the pair of steps."""
    inputs = x
    x = layers.SeparableConv2D(width, 3, stride, padding="same", use_bias=False, name=f"{name}_separable")(x)
    return _activate(x, name, style.activation, inputs if style.residual else None)


def squeeze_excite(x: keras.KerasTensor, ratio: float, name: str) -> keras.KerasTensor:
    """Weigh each channel by a small network's opinion of all channels' means; `ratio` 0 leaves `x` as it is.

    Reference: Hu et al., "Squeeze-and-excitation networks", 2017, arXiv 1709.01507; the hard sigmoid is MobileNetV3's
    (arXiv 1905.02244).
    """
    if not ratio:
        return x
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    hidden = squeeze_width(channels, ratio)
    weights = layers.Conv2D(hidden, 1, activation="relu", name=f"{name}_reduce")(weights)
    weights = layers.Conv2D(channels, 1, activation="hard_sigmoid", name=f"{name}_expand")(weights)
    return layers.Multiply(name=f"{name}_excite")([x, weights])


def squeeze_width(channels: int, ratio: float) -> int:
    """Return the hidden units of squeeze-and-excitation."""
    return max(1, round(channels * ratio))


def squeeze_excite_parameters(channels: int, ratio: float) -> int:
    """Count the trainable parameters of `squeeze_excite`."""
    return 2 * channels * (hidden := squeeze_width(channels, ratio)) + hidden + channels if ratio else 0


def _normalise(x: keras.KerasTensor, name: str, shortcut: keras.KerasTensor | None = None) -> keras.KerasTensor:
    """Batch normalisation, then the shortcut if there is one and it fits."""
    x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_bn")(x)
    if shortcut is not None and shortcut.shape == x.shape:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return x


def _activate(
    x: keras.KerasTensor, name: str, activation: str, shortcut: keras.KerasTensor | None = None
) -> keras.KerasTensor:
    """Batch normalisation, the shortcut if it fits, activation."""
    x = _normalise(x, name, shortcut)
    if activation == "relu":
        return layers.ReLU(name=f"{name}_relu")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x)


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
    block: Callable[[keras.KerasTensor, int, int, str, BlockStyle], keras.KerasTensor],
    widths: Sequence[int],
    strides: Sequence[int],
    dropouts: Sequence[float],
    style: BlockStyle,
    name: str,
) -> keras.Model:
    """Build a stem and one `block` after the other, a dropout before each that has a rate, then the classifier.

    Args:
        block: takes a tensor, its width, its stride, its name and the style.
        widths: channels of the stem and of each block.
        strides: of the stem and of each block.
        dropouts: rate before each block; () for none anywhere.
        style: of the blocks.
        name: the model's name.
    """
    inputs, x = pixels()
    x = stem_block(x, widths[0], strides[0], style.activation)
    rows = zip(widths[1:], strides[1:], dropouts or [0.0] * (len(widths) - 1), strict=True)
    for number, (width, stride, dropout) in enumerate(rows, 1):
        if dropout:
            x = layers.Dropout(dropout, name=f"block{number}_dropout")(x)
        x = block(x, width, stride, f"block{number}", style)
    return keras.Model(inputs, classify(x), name=name)


def separable_chain_multiply_adds(widths: Sequence[int], strides: Sequence[int]) -> int:
    """Count the multiply-adds of a `build_chain` of depthwise and pointwise convolutions, without building it."""
    size = -(-IMAGE_SIZE // strides[0])
    total = size**2 * 9 * widths[0]
    for channels, width, stride in zip(widths, widths[1:], strides[1:], strict=False):
        size = -(-size // stride)
        total += size**2 * channels * (9 + width)
    return total + widths[-1] * NUM_CLASSES
