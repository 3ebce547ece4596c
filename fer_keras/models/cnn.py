"""The general CNN: stages of two full convolutions and a pooling, then dense layers."""

import itertools
from collections.abc import Iterator, Sequence

import keras
from keras import layers

from fer_keras.labels import IMAGE_SIZE, NUM_CLASSES
from fer_keras.models.blocks import BN_MOMENTUM, LEAKY_SLOPE, conv_block, pixels

WIDTHS = (64, 128, 256)
DEPTH = 2
DENSE_WIDTHS = (1024, 512)
FIRST_KERNEL = 4


def build_cnn(
    widths: Sequence[int] = WIDTHS,
    dense_widths: Sequence[int] = DENSE_WIDTHS,
    *,
    depths: Sequence[int] | None = None,
    stem_stride: int = 2,
    dropout: float = 0.25,
    dense_dropout: float = 0.5,
    residual: bool = False,
    name: str = "cnn",
) -> keras.Model:
    """Build a CNN of logits.

    Reference: the course report's general CNN, which the defaults give exactly (4,038,279 parameters).

    Args:
        widths: channels of each stage (conv-BN-LeakyReLU, as often as its depth, then max-pool 2).
            Defaults to (64, 128, 256).
        dense_widths: units of each hidden dense layer; () for none. Defaults to (1024, 512).
        depths: convolutions of each stage; None for two each. Defaults to None.
        stem_stride: stride of the very first convolution, 4x4. Defaults to 2.
        dropout: rate of the spatial dropout after each stage. Defaults to 0.25.
        dense_dropout: rate of the dropout after each hidden dense layer. Defaults to 0.5.
        residual: add a convolution's input to its output where both have the same shape. Defaults to False.
        name: the model's name. Defaults to "cnn".

    Returns:
        A functional model from grey values 0..255 [N, 48, 48, 1] to logits [N, 7].
    """
    inputs, x = pixels()
    for stage, (width, depth) in enumerate(zip(widths, _depths(widths, depths), strict=True), 1):
        for number in range(1, depth + 1):
            first = {"kernel_size": FIRST_KERNEL, "stride": stem_stride} if stage == number == 1 else {}
            x = conv_block(x, width, f"stage{stage}_{number}", residual=residual, **first)
        x = layers.MaxPooling2D(2, name=f"stage{stage}_pool")(x)
        x = layers.SpatialDropout2D(dropout, name=f"stage{stage}_dropout")(x)
    x = layers.Flatten(name="flatten")(x)
    for number, width in enumerate(dense_widths, 1):
        x = layers.Dense(width, name=f"dense{number}")(x)
        x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"dense{number}_bn")(x)
        x = layers.LeakyReLU(negative_slope=LEAKY_SLOPE, name=f"dense{number}_act")(x)
        x = layers.Dropout(dense_dropout, name=f"dense{number}_dropout")(x)
    outputs = layers.Dense(NUM_CLASSES, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def cnn_parameters(
    widths: Sequence[int] = WIDTHS,
    dense_widths: Sequence[int] = DENSE_WIDTHS,
    *,
    depths: Sequence[int] | None = None,
    stem_stride: int = 2,
    **_: object,
) -> int:
    """Count the trainable parameters of `build_cnn` with the same options, without building it."""
    convolutions = _convolutions(widths, depths, stem_stride)
    total = sum((kernel**2 * channels + 3) * width for kernel, channels, width, _ in convolutions)  # bias, gamma, beta
    *hidden, (features, classes) = _dense_layers(widths, dense_widths, stem_stride)
    return total + sum((inputs + 3) * units for inputs, units in hidden) + (features + 1) * classes


def cnn_multiply_adds(
    widths: Sequence[int] = WIDTHS,
    dense_widths: Sequence[int] = DENSE_WIDTHS,
    *,
    depths: Sequence[int] | None = None,
    stem_stride: int = 2,
    **_: object,
) -> int:
    """Count the multiply-adds of `build_cnn` with the same options, as `budget.multiply_adds`, without building it."""
    convolutions = _convolutions(widths, depths, stem_stride)
    total = sum((kernel * size) ** 2 * channels * width for kernel, channels, width, size in convolutions)
    return total + sum(inputs * units for inputs, units in _dense_layers(widths, dense_widths, stem_stride))


def _depths(widths: Sequence[int], depths: Sequence[int] | None) -> Sequence[int]:
    return (DEPTH,) * len(widths) if depths is None else depths


def _convolutions(
    widths: Sequence[int], depths: Sequence[int] | None, stem_stride: int
) -> Iterator[tuple[int, int, int, int]]:
    """Of each convolution: the side of its kernel, its channels in and out, the side of its output."""
    kernel, channels, size = FIRST_KERNEL, 1, -(-IMAGE_SIZE // stem_stride)
    for width, depth in zip(widths, _depths(widths, depths), strict=True):
        for _ in range(depth):
            yield kernel, channels, width, size
            kernel, channels = 3, width
        size //= 2


def _dense_layers(widths: Sequence[int], dense_widths: Sequence[int], stem_stride: int) -> list[tuple[int, int]]:
    """Inputs and outputs of each dense layer, the logits' last."""
    size = -(-IMAGE_SIZE // stem_stride) >> len(widths)
    return [*itertools.pairwise((size * size * widths[-1], *dense_widths, NUM_CLASSES))]
