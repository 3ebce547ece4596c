"""The blocks that the families are made of. Each takes a layer whose output is [N, H, W, C] and returns such a one.

Reference:
    - Howard et al., "MobileNets", 2017, arXiv 1704.04861 (depthwise separable convolution).
    - He et al., "Deep residual learning for image recognition", 2015, arXiv 1512.03385.
    - Chollet, "Xception", 2016, arXiv 1610.02357 (SeparableConv2D: nothing between its two steps).
"""

from dataclasses import dataclass

from fer_keras.labels import IMAGE_SHAPE
from fer_keras.models.specification import Layer, layer

LEAKY_SLOPE = 0.2

# Keras's 0.99 lags for the first hundreds of steps, which is all that a short run has.
BN_MOMENTUM = 0.95


def pixels() -> Layer:
    """Return grey values 0..255 [N, 48, 48, 1] as -1..1.

    The scaling happens inside the model, so that no consumer can get it wrong.
    """
    images = layer("InputLayer", shape=IMAGE_SHAPE, name="images")
    return layer("Rescaling", images, scale=1 / 127.5, offset=-1.0, name="scale_pixels")


def classify(x: Layer, num_classes: int, dropout: float = 0.0) -> Layer:
    """Return logits [N, C] by global average pooling, dropout if any, and one dense layer."""
    x = layer("GlobalAveragePooling2D", x, name="pool")
    if dropout:
        x = layer("Dropout", x, rate=dropout, name="pool_dropout")
    return layer("Dense", x, units=num_classes, name="logits")


def conv_block(
    x: Layer, width: int, name: str, *, kernel_size: int = 3, stride: int = 1, residual: bool = False
) -> Layer:
    """Convolution with bias, batch normalisation, LeakyReLU(0.2): the reference CNN's unit.

    With `residual` the block's input is added before the activation, where both have the same shape.
    """
    inputs = x
    x = layer("Conv2D", x, filters=width, kernel_size=kernel_size, strides=stride, padding="same", name=f"{name}_conv")
    x = _normalise(x, name, inputs if residual else None)
    return layer("LeakyReLU", x, negative_slope=LEAKY_SLOPE, name=f"{name}_act")


def stem_block(x: Layer, width: int, stride: int, activation: str = "relu") -> Layer:
    """Convolution 3x3 without bias, batch normalisation, activation: how all but the general CNN begin."""
    return _activate(_conv(x, width, "stem_conv", stride), "stem", activation)


@dataclass(frozen=True)
class BlockStyle:
    """What the blocks of a chain may have beyond the plain ones.

    Attributes:
        residual: add a block's input to its output, before the last activation, where both have the same shape.
        activation: a Keras activation's name.
    """

    residual: bool = False
    activation: str = "relu"


def depthwise_block(x: Layer, width: int, stride: int, name: str, style: BlockStyle = BlockStyle()) -> Layer:
    """Depthwise 3x3, BN, ReLU, pointwise 1x1, BN, ReLU, no biases: MobileNet's unit."""
    inputs = x
    x = layer(
        "DepthwiseConv2D", x, kernel_size=3, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )
    x = _activate(x, f"{name}_depthwise", style.activation)
    x = layer("Conv2D", x, filters=width, kernel_size=1, use_bias=False, name=f"{name}_pointwise")
    return _activate(x, f"{name}_pointwise", style.activation, inputs if style.residual else None)


def separable_block(x: Layer, width: int, stride: int, name: str, style: BlockStyle = BlockStyle()) -> Layer:
    """SeparableConv2D 3x3 without bias, BN, ReLU: one normalisation for the pair of steps."""
    inputs = x
    options = {"filters": width, "kernel_size": 3, "strides": stride, "padding": "same", "use_bias": False}
    x = layer("SeparableConv2D", x, **options, name=f"{name}_separable")
    return _activate(x, name, style.activation, inputs if style.residual else None)


def residual_block(x: Layer, width: int, stride: int, name: str) -> Layer:
    """ResNet's basic block: conv, BN, ReLU, conv, BN, plus the input (projected where its shape differs), ReLU."""
    shortcut = x
    if stride > 1 or x.shape[-1] != width:
        options = {"filters": width, "kernel_size": 1, "strides": stride, "use_bias": False}
        shortcut = layer("Conv2D", x, **options, name=f"{name}_shortcut")
        shortcut = _batch_norm(shortcut, f"{name}_shortcut_bn")
    x = _batch_norm(_conv(x, width, f"{name}_conv1", stride), f"{name}_bn1")
    x = layer("ReLU", x, name=f"{name}_relu1")
    x = _batch_norm(_conv(x, width, f"{name}_conv2"), f"{name}_bn2")
    x = layer("Add", x, shortcut, name=f"{name}_add")
    return layer("ReLU", x, name=f"{name}_relu2")


def _conv(x: Layer, width: int, name: str, stride: int = 1) -> Layer:
    """Convolution 3x3 without bias."""
    options = {"filters": width, "kernel_size": 3, "strides": stride, "padding": "same", "use_bias": False}
    return layer("Conv2D", x, **options, name=name)


def _batch_norm(x: Layer, name: str) -> Layer:
    return layer("BatchNormalization", x, momentum=BN_MOMENTUM, name=name)


def _normalise(x: Layer, name: str, shortcut: Layer | None = None) -> Layer:
    """Batch normalisation, then the shortcut if there is one and it fits."""
    x = _batch_norm(x, f"{name}_bn")
    if shortcut is not None and shortcut.shape == x.shape:
        x = layer("Add", x, shortcut, name=f"{name}_add")
    return x


def _activate(x: Layer, name: str, activation: str, shortcut: Layer | None = None) -> Layer:
    """Batch normalisation, the shortcut if it fits, activation."""
    x = _normalise(x, name, shortcut)
    if activation == "relu":
        return layer("ReLU", x, name=f"{name}_relu")
    return layer("Activation", x, activation=activation, name=f"{name}_{activation}")
