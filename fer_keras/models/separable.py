"""The separable CNN: SeparableConv2D, BN, ReLU. One normalisation a block where MobileNet has two."""

import itertools
from collections.abc import Sequence

import keras

from fer_keras.labels import NUM_CLASSES
from fer_keras.models import mobilenet
from fer_keras.models.blocks import BlockStyle, build_chain, separable_block, separable_chain_multiply_adds


def build_separable(
    widths: Sequence[int] = mobilenet.WIDTHS,
    strides: Sequence[int] = mobilenet.STRIDES,
    *,
    dropouts: Sequence[float] = mobilenet.DROPOUTS,
    residual: bool = False,
    activation: str = "relu",
    name: str = "separable",
) -> keras.Model:
    """Build a separable CNN of logits, by default with the reference MobileNet's widths and strides.

    Reference: Chollet, arXiv 1610.02357.

    Args:
        widths: channels of the stem and of each block. Defaults to (32, 32, 64, 64, 100, 120, 480).
        strides: stride of the stem and of each block. Defaults to (2, 1, 1, 1, 2, 2, 2).
        dropouts: rate of the dropout before each block; () for none. Defaults to 0.1 four times, then 0.2 twice.
        residual: add a block's input to its output where both have the same shape. Defaults to False.
        activation: a Keras activation's name. Defaults to "relu".
        name: the model's name. Defaults to "separable".

    Returns:
        A functional model from grey values 0..255 [N, 48, 48, 1] to logits [N, 7].
    """
    return build_chain(separable_block, widths, strides, dropouts, BlockStyle(residual, activation), name)


def separable_parameters(widths: Sequence[int] = mobilenet.WIDTHS, **_: object) -> int:
    """Count the trainable parameters of `build_separable` with the same options, without building it."""
    total = (9 + 2) * widths[0]
    for channels, width in itertools.pairwise(widths):
        total += 9 * channels + (channels + 2) * width
    return total + (widths[-1] + 1) * NUM_CLASSES


def separable_multiply_adds(
    widths: Sequence[int] = mobilenet.WIDTHS, strides: Sequence[int] = mobilenet.STRIDES, **_: object
) -> int:
    """Count the multiply-adds of `build_separable` with the same options, as `budget.multiply_adds`, unbuilt."""
    return separable_chain_multiply_adds(widths, strides)
