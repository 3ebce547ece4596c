"""MobileNet: depthwise convolution, BN, ReLU, pointwise convolution, BN, ReLU."""

import itertools
from collections.abc import Sequence

import keras

from fer_keras.labels import NUM_CLASSES
from fer_keras.models.blocks import (
    BlockStyle,
    build_chain,
    depthwise_block,
    separable_chain_multiply_adds,
    squeeze_excite_parameters,
    squeeze_width,
)

WIDTHS = (32, 32, 64, 64, 100, 120, 480)
STRIDES = (2, 1, 1, 1, 2, 2, 2)
DROPOUTS = (0.1, 0.1, 0.1, 0.1, 0.2, 0.2)


def build_mobilenet(
    widths: Sequence[int] = WIDTHS,
    strides: Sequence[int] = STRIDES,
    *,
    dropouts: Sequence[float] = DROPOUTS,
    residual: bool = False,
    activation: str = "relu",
    squeeze_excite: float = 0.0,
    name: str = "mobilenet",
) -> keras.Model:
    """Build a MobileNet of logits.

    Reference: Howard et al., arXiv 1704.04861; the defaults give the course report's student exactly
    (93,139 parameters).

    Args:
        widths: channels of the stem and of each depthwise block.
            Defaults to (32, 32, 64, 64, 100, 120, 480).
        strides: stride of the stem and of each block. Defaults to (2, 1, 1, 1, 2, 2, 2).
        dropouts: rate of the dropout before each block; () for none. Defaults to 0.1 four times, then 0.2 twice.
        residual: add a block's input to its output where both have the same shape. Defaults to False.
        activation: a Keras activation's name. Defaults to "relu".
        squeeze_excite: hidden units of squeeze-and-excitation after each depthwise convolution, as a share of its
            channels; 0 for none. Defaults to 0.
        name: the model's name. Defaults to "mobilenet".

    Returns:
        A functional model from grey values 0..255 [N, 48, 48, 1] to logits [N, 7].
    """
    style = BlockStyle(residual, activation, squeeze_excite)
    return build_chain(depthwise_block, widths, strides, dropouts, style, name)


def mobilenet_parameters(widths: Sequence[int] = WIDTHS, *, squeeze_excite: float = 0.0, **_: object) -> int:
    """Count the trainable parameters of `build_mobilenet` with the same options, without building it."""
    total = (9 + 2) * widths[0]
    for channels, width in itertools.pairwise(widths):
        total += (9 + 2) * channels + squeeze_excite_parameters(channels, squeeze_excite) + (channels + 2) * width
    return total + (widths[-1] + 1) * NUM_CLASSES


def mobilenet_multiply_adds(
    widths: Sequence[int] = WIDTHS, strides: Sequence[int] = STRIDES, *, squeeze_excite: float = 0.0, **_: object
) -> int:
    """Count the multiply-adds of `build_mobilenet` with the same options, as `budget.multiply_adds`, unbuilt."""
    excited = sum(2 * channels * squeeze_width(channels, squeeze_excite) for channels in widths[:-1])
    return separable_chain_multiply_adds(widths, strides) + (excited if squeeze_excite else 0)
