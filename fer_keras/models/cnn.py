"""The general CNN: stages of two full convolutions and a pooling, then dense layers."""

from collections.abc import Sequence

import keras
from keras import layers

from fer_keras.labels import IMAGE_SIZE, NUM_CLASSES
from fer_keras.models.blocks import BN_MOMENTUM, LEAKY_SLOPE, conv_block, pixels

WIDTHS = (64, 128, 256)
DENSE_WIDTHS = (1024, 512)
FIRST_KERNEL = 4


def build_cnn(
    widths: Sequence[int] = WIDTHS,
    dense_widths: Sequence[int] = DENSE_WIDTHS,
    *,
    stem_stride: int = 2,
    dropout: float = 0.25,
    dense_dropout: float = 0.5,
    name: str = "cnn",
) -> keras.Model:
    """Build a CNN of logits.

    Reference: the course report's general CNN, which the defaults give exactly (4,038,279 parameters).

    Args:
        widths: channels of each stage (conv-BN-LeakyReLU twice, max-pool 2). Defaults to (64, 128, 256).
        dense_widths: units of each hidden dense layer; () for none. Defaults to (1024, 512).
        stem_stride: stride of the very first convolution, 4x4. Defaults to 2.
        dropout: rate of the spatial dropout after each stage. Defaults to 0.25.
        dense_dropout: rate of the dropout after each hidden dense layer. Defaults to 0.5.
        name: the model's name. Defaults to "cnn".

    Returns:
        A functional model from grey values 0..255 [N, 48, 48, 1] to logits [N, 7].
    """
    inputs, x = pixels()
    for stage, width in enumerate(widths, 1):
        first = {"kernel_size": FIRST_KERNEL, "stride": stem_stride} if stage == 1 else {}
        x = conv_block(x, width, f"stage{stage}_1", **first)
        x = conv_block(x, width, f"stage{stage}_2")
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
    stem_stride: int = 2,
    **_: object,
) -> int:
    """Count the trainable parameters of `build_cnn` with the same options, without building it."""
    total, channels = 0, 1
    for stage, width in enumerate(widths):
        kernel = FIRST_KERNEL if stage == 0 else 3
        total += kernel * kernel * channels * width + 9 * width * width
        total += 2 * 3 * width  # per convolution: bias, gamma, beta
        channels = width
    size = -(-IMAGE_SIZE // stem_stride) >> len(widths)
    features = size * size * channels
    for width in dense_widths:
        total += (features + 3) * width
        features = width
    return total + (features + 1) * NUM_CLASSES
