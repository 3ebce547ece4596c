"""The residual CNN: full convolutions at full resolution, a family for teachers."""

from collections.abc import Sequence

import keras

from fer_keras.labels import IMAGE_SIZE, NUM_CLASSES
from fer_keras.models.blocks import classify, pixels, residual_block, stem_block

WIDTHS = (32, 64, 128, 256)
DEPTHS = (1, 2, 2, 2)


def build_residual(
    widths: Sequence[int] = WIDTHS,
    depths: Sequence[int] = DEPTHS,
    *,
    stem_stride: int = 1,
    dropout: float = 0.4,
    num_classes: int = 7,
    name: str = "residual",
) -> keras.Model:
    """Build a residual CNN of logits.

    Reference: He et al., "Deep residual learning", 2015, arXiv 1512.03385 (basic blocks).

    Args:
        widths: channels of each stage; the first has the stem's resolution, each later one half of the one before.
            Defaults to (32, 64, 128, 256).
        depths: basic blocks of each stage. Defaults to (1, 2, 2, 2).
        stem_stride: stride of the stem; 1 keeps all 48x48 positions. Defaults to 1.
        dropout: rate before the logits. Defaults to 0.4.
        name: the model's name. Defaults to "residual".

    Returns:
        A functional model from grey values 0..255 [N, 48, 48, 1] to logits [N, 7].
    """
    inputs, x = pixels()
    x = stem_block(x, widths[0], stem_stride)
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), 1):
        for block in range(1, depth + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = residual_block(x, width, stride, f"stage{stage}_{block}")
    return keras.Model(inputs, classify(x, dropout, num_classes), name=name)


def residual_parameters(widths: Sequence[int] = WIDTHS, depths: Sequence[int] = DEPTHS, **_: object) -> int:
    """Count the trainable parameters of `build_residual` with the same options, without building it."""
    channels = widths[0]
    total = (9 + 2) * channels
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), 1):
        for block in range(1, depth + 1):
            total += (9 * channels + 2) * width + (9 * width + 2) * width
            if channels != width or (stage > 1 and block == 1):
                total += (channels + 2) * width
            channels = width
    return total + (channels + 1) * NUM_CLASSES


def residual_multiply_adds(
    widths: Sequence[int] = WIDTHS, depths: Sequence[int] = DEPTHS, *, stem_stride: int = 1, **_: object
) -> int:
    """Count the multiply-adds of `build_residual` with the same options, as `budget.multiply_adds`, unbuilt."""
    channels, size = widths[0], -(-IMAGE_SIZE // stem_stride)
    total = size**2 * 9 * channels
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), 1):
        for block in range(1, depth + 1):
            first = stage > 1 and block == 1
            size = -(-size // 2) if first else size
            total += size**2 * 9 * width * (channels + width)
            if channels != width or first:
                total += size**2 * channels * width
            channels = width
    return total + channels * NUM_CLASSES
