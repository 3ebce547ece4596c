"""The residual CNN: full convolutions at full resolution, a family for teachers."""

from collections.abc import Sequence

from fer_keras.models.blocks import classify, pixels, residual_block, stem_block
from fer_keras.models.family import Family
from fer_keras.models.specification import Layer

WIDTHS = (32, 64, 128, 256)
DEPTHS = (1, 2, 2, 2)


def residual(
    widths: Sequence[int] = WIDTHS,
    depths: Sequence[int] = DEPTHS,
    *,
    num_classes: int,
    stem_stride: int = 1,
    dropout: float = 0.4,
) -> Layer:
    """A residual CNN of logits.

    Reference: He et al., "Deep residual learning", 2015, arXiv 1512.03385 (basic blocks).

    Args:
        widths: channels of each stage; the first has the stem's resolution, each later one half of the one before.
            Defaults to (32, 64, 128, 256).
        depths: basic blocks of each stage. Defaults to (1, 2, 2, 2).
        num_classes: C.
        stem_stride: stride of the stem; 1 keeps all 48x48 positions. Defaults to 1.
        dropout: rate before the logits. Defaults to 0.4.

    Returns:
        The layer of the logits [N, C] for grey values 0..255 [N, 48, 48, 1].
    """
    x = stem_block(pixels(), widths[0], stem_stride)
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), 1):
        for block in range(1, depth + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = residual_block(x, width, stride, f"stage{stage}_{block}")
    return classify(x, num_classes, dropout)


FAMILY = Family("residual", "residual CNN", residual, ("widths",), colour="#56B4E9", marker="^")
