"""Chains of blocks behind a stem, which MobileNet and the separable CNN are, and how the tuner searches them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fer_keras.labels import IMAGE_SIZE
from fer_keras.models.blocks import BlockStyle, pixels, stem_block
from fer_keras.models.family import Choices, WidthPlan, Widths
from fer_keras.models.specification import Layer, layer
from fer_keras.models.stages import GROWTH, by_halves, grown

WIDTHS = (32, 32, 64, 64, 100, 120, 480)
STRIDES = (2, 1, 1, 1, 2, 2, 2)
DROPOUTS = (0.1, 0.1, 0.1, 0.1, 0.2, 0.2)

Block = Callable[[Layer, int, int, str, BlockStyle], Layer]
"""(input, width, stride, name, style) -> output."""


def chain(
    block: Block,
    widths: Sequence[int],
    strides: Sequence[int],
    dropouts: Sequence[float],
    style: BlockStyle,
) -> Layer:
    """A stem and one `block` after the other, a dropout before each that has a rate.

    Args:
        block: what the chain is made of.
        widths: channels of the stem and of each block.
        strides: of the stem and of each block.
        dropouts: rate before each block; () for none anywhere.
        style: of the blocks.
    """
    x = stem_block(pixels(), widths[0], strides[0], style.activation)
    rows = zip(widths[1:], strides[1:], dropouts or [0.0] * (len(widths) - 1), strict=True)
    for number, (width, stride, dropout) in enumerate(rows, 1):
        if dropout:
            x = layer("Dropout", x, rate=dropout, name=f"block{number}_dropout")
        x = block(x, width, stride, f"block{number}", style)
    return x


SPACE: dict[str, Choices] = {
    "stem_stride": ((1, 2), 2),
    "last_size": ((3, 6), 6),
    "depth_early": ((1, 2, 3, 4), 3),
    "depth_late": ((1, 2, 3, 4), 2),
    "growth_early": (GROWTH, 1.5),
    "growth_late": (GROWTH, 1.25),
    "residual": ((0, 1), 1),
    "dropout": ((0.0, 0.125), 0.0),
}
"""`last_size` is the side of the last stage's maps."""


def chain_plan(values: Mapping[str, Any]) -> WidthPlan:
    """Stages of blocks; the stem has the first stage's width and each later stage begins with stride 2."""
    stages = (IMAGE_SIZE // values["stem_stride"] // values["last_size"]).bit_length()
    depths = by_halves(values, "depth", stages)
    strides = [values["stem_stride"]]
    for stage, depth in enumerate(depths):
        strides += [2 if stage else 1, *[1] * (depth - 1)]
    rate = values["dropout"]
    fixed = {
        "strides": tuple(strides),
        "dropouts": (rate,) * sum(depths) if rate else (),
        "residual": bool(values["residual"]),
    }

    def options(widths: Widths) -> dict[str, Any]:
        blocks = [width for width, depth in zip(widths, depths, strict=True) for _ in range(depth)]
        return {"widths": (widths[0], *blocks), **fixed}

    return WidthPlan(grown(values, stages), options)
