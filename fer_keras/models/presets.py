"""Families with their options fixed, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A family with its options fixed.

    Attributes:
        family: its name.
        options: of its builder.
    """

    family: str
    options: Mapping[str, Any] = field(default_factory=dict)


def _residual_separable(stem: int, *stages: tuple[int, int], activation: str = "silu") -> Preset:
    """A separable CNN with shortcuts and without dropout: a stem of stride 2, then `stages` of (width, blocks).

    Each stage has half of the resolution of the one before. SiLU learns more than ReLU from the same epochs, which
    take a quarter longer; LiteRT needs a sixth more time for it, in int8 a twelfth. Hard SiLU learns as much and costs
    nothing in float32; in int8 it costs as much as SiLU, decomposed by `fer_keras.export.decompose`.
    """
    widths, strides = [stem], [2]
    for number, (width, blocks) in enumerate(stages):
        widths += [width] * blocks
        strides += [2 if number else 1, *[1] * (blocks - 1)]
    style = {"dropouts": (), "residual": True, "activation": activation}
    return Preset("separable", {"widths": tuple(widths), "strides": tuple(strides), **style})


PRESETS: dict[str, Preset] = {
    "mobilenet-93k": Preset("mobilenet", {"dropouts": ()}),  # the reference's, without the dropout it underfits with
    "reference-cnn": Preset("cnn"),
    "reference-mobilenet": Preset("mobilenet"),
    "reference-separable": Preset("separable"),
    "residual-10": Preset("residual", {"depths": (1, 1, 1, 1)}),
    "residual-10-wide": Preset("residual", {"widths": (64, 128, 256), "depths": (1, 2, 1), "stem_stride": 2}),
    "residual-12": Preset("residual", {"widths": (16, 64, 128, 256), "depths": (1, 1, 2, 1)}),
    "residual-14": Preset("residual", {"widths": (64, 128, 256), "depths": (2, 2, 2), "stem_stride": 2}),
    "residual-16": Preset("residual"),
    "residual-16-wide": Preset("residual", {"widths": (48, 96, 192, 288)}),
    "residual-18": Preset("residual", {"widths": (64, 128, 256), "depths": (2, 3, 3), "stem_stride": 2}),
    "separable-25k": _residual_separable(16, (32, 3), (48, 5), (56, 2)),
    "separable-88k": _residual_separable(32, (64, 2), (96, 5), (128, 2), activation="hard_silu"),
    "separable-93k": _residual_separable(32, (64, 3), (96, 5), (128, 2)),
    "small-cnn": Preset("cnn", {"widths": (16, 32, 64), "dense_widths": (128,), "dense_dropout": 0.3}),
}
