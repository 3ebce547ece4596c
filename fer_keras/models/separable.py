"""The separable CNN: SeparableConv2D, BN, ReLU. One normalisation a block where MobileNet has two."""

from collections.abc import Sequence

from fer_keras.models.blocks import BlockStyle, classify, separable_block
from fer_keras.models.chain import DROPOUTS, SPACE, STRIDES, WIDTHS, chain, chain_plan
from fer_keras.models.family import Family, SearchPlan
from fer_keras.models.specification import Layer


def separable(
    widths: Sequence[int] = WIDTHS,
    strides: Sequence[int] = STRIDES,
    *,
    num_classes: int,
    dropouts: Sequence[float] = DROPOUTS,
    residual: bool = False,
    activation: str = "relu",
) -> Layer:
    """A separable CNN of logits, by default with the reference MobileNet's widths and strides.

    Reference: Chollet, arXiv 1610.02357.

    Args:
        widths: channels of the stem and of each block. Defaults to (32, 32, 64, 64, 100, 120, 480).
        strides: stride of the stem and of each block. Defaults to (2, 1, 1, 1, 2, 2, 2).
        num_classes: C.
        dropouts: rate of the dropout before each block; () for none. Defaults to 0.1 four times, then 0.2 twice.
        residual: add a block's input to its output where both have the same shape. Defaults to False.
        activation: a Keras activation's name. Defaults to "relu".

    Returns:
        The layer of the logits [N, C] for grey values 0..255 [N, 48, 48, 1].
    """
    style = BlockStyle(residual, activation)
    return classify(chain(separable_block, widths, strides, dropouts, style), num_classes)


FAMILY = Family(
    "separable",
    "separable CNN",
    separable,
    ("widths",),
    colour="#009E73",
    marker="s",
    search=SearchPlan(SPACE, chain_plan),
)
