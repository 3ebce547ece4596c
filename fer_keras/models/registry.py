"""Family names, their builders and parameter counts, and the named presets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import keras

from fer_keras.errors import FerKerasError
from fer_keras.models.cnn import build_cnn, cnn_multiply_adds, cnn_parameters
from fer_keras.models.mobilenet import build_mobilenet, mobilenet_multiply_adds, mobilenet_parameters
from fer_keras.models.residual import build_residual, residual_multiply_adds, residual_parameters
from fer_keras.models.separable import build_separable, separable_multiply_adds, separable_parameters

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Family:
    """An architecture with free widths.

    Attributes:
        build: options -> functional model of logits.
        parameters: the same options -> trainable parameters, without building.
        multiply_adds: the same options -> multiply-adds of one image, without building.
        width_options: the options that hold widths, all scaled together to fit a budget.
    """

    build: Callable[..., keras.Model]
    parameters: Callable[..., int]
    multiply_adds: Callable[..., int]
    width_options: tuple[str, ...]


@dataclass(frozen=True)
class Preset:
    """A family with its options fixed."""

    family: str
    options: Mapping[str, Any] = field(default_factory=dict)


FAMILIES: dict[str, Family] = {
    "cnn": Family(build_cnn, cnn_parameters, cnn_multiply_adds, ("widths", "dense_widths")),
    "mobilenet": Family(build_mobilenet, mobilenet_parameters, mobilenet_multiply_adds, ("widths",)),
    "residual": Family(build_residual, residual_parameters, residual_multiply_adds, ("widths",)),
    "separable": Family(build_separable, separable_parameters, separable_multiply_adds, ("widths",)),
}


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


def family(name: str) -> Family:
    """Return the family called `name`.

    Raises:
        FerKerasError: there is none.
    """
    return _named("family", name, FAMILIES)


def preset(name: str) -> Preset:
    """Return the preset called `name`.

    Raises:
        FerKerasError: there is none.
    """
    return _named("model", name, PRESETS)


def _named(kind: str, name: str, table: Mapping[str, Entry]) -> Entry:
    if name not in table:
        raise FerKerasError(f"unknown {kind} {name!r}, expected one of {', '.join(table)}")
    return table[name]


def build(family_name: str, **options: Any) -> keras.Model:
    """Build a model of logits of the family `family_name`; the options are those of its builder.

    Raises:
        FerKerasError: there is no such family, or an option does not fit it.
    """
    builder = family(family_name).build
    try:
        return builder(**options)
    except (TypeError, ValueError) as error:
        raise FerKerasError(f"cannot build a {family_name} with {options}: {error}") from error


def from_preset(name: str, **overrides: Any) -> keras.Model:
    """Build the model called `name`, such as `reference-mobilenet`.

    Args:
        name: one of `PRESETS`.
        **overrides: options of the family's builder that take precedence over the preset's.

    Returns:
        A functional model, freshly initialised, from grey values 0..255 [N, 48, 48, 1] to logits [N, 7].

    Raises:
        FerKerasError: there is no such preset, or an option does not fit it.
    """
    chosen = preset(name)
    return build(chosen.family, **{"name": name.replace("-", "_"), **chosen.options, **overrides})
