"""Hyperparameters of each family: relative widths and depths of stages, the stem's stride, shortcuts, dropout.

Any choice of them is a network inside the budget, since the widths are solved for it; see `tuner.solve`. Stages halve
the resolution; the blocks of a stage share its width, as shortcuts need. All values are exact as 32-bit floats, which
is what KerasTuner sends between hosts.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras_tuner

from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SIZE
from fer_keras.models.registry import family as family_named
from tuner.defaults import MAX_MULTIPLY_ADDS
from tuner.solve import Widths, solve_widths

Choices = tuple[tuple[int | float, ...], int | float]
"""The values of a hyperparameter and its default."""

# Depths and growths of the first and the last half of the stages, rather than of each: a search has a dozen trials, and
# every dimension costs some of them.
_GROWTH = (1.0, 1.25, 1.5, 2.0, 3.0)
_CHAIN: dict[str, Choices] = {
    "stem_stride": ((1, 2), 2),
    "last_size": ((3, 6), 6),
    "depth_early": ((1, 2, 3, 4), 3),
    "depth_late": ((1, 2, 3, 4), 2),
    "growth_early": (_GROWTH, 1.5),
    "growth_late": (_GROWTH, 1.25),
    "residual": ((0, 1), 1),
    "dropout": ((0.0, 0.125), 0.0),
}
_CNN: dict[str, Choices] = {
    "stem_stride": ((1, 2), 2),
    "depth_early": ((1, 2, 3), 2),
    "depth_late": ((1, 2, 3), 2),
    "growth_early": (_GROWTH, 2.0),
    "growth_late": (_GROWTH, 1.5),
    "dense": ((0.0, 0.5, 1.0, 2.0), 0.0),
    "residual": ((0, 1), 1),
    "dropout": ((0.0, 0.125, 0.25), 0.0),
}
SPACE: dict[str, dict[str, Choices]] = {"cnn": _CNN, "separable": _CHAIN, "mobilenet": _CHAIN}
"""Family -> hyperparameter -> its values. A `growth` is the width of a stage over that of the stage before; `dense` is
the hidden dense layer's over the last stage's, 0 for no such layer; `last_size` is the side of the last stage's
maps."""


def declare(hp: keras_tuner.HyperParameters, family: str) -> dict[str, Any]:
    """Declare the hyperparameters of `family`, named `<family>_<name>`, and return their values by `<name>`."""
    return {
        name: hp.Choice(f"{family}_{name}", list(values), default=default)
        for name, (values, default) in SPACE[family].items()
    }


def defaults(family: str) -> dict[str, Any]:
    """Return the default of every hyperparameter of `family`.

    Raises:
        FerKerasError: there is no search space for it.
    """
    if family not in SPACE:
        raise FerKerasError(f"unknown family {family!r}, expected some of {', '.join(SPACE)}")
    return {name: default for name, (_, default) in SPACE[family].items()}


def solve_options(
    family: str, budget: int, values: Mapping[str, Any], max_multiply_adds: int = MAX_MULTIPLY_ADDS
) -> dict[str, Any]:
    """Return options of the family's builder that use at least 97% of `budget`, never more.

    Args:
        family: one of `SPACE`.
        budget: the most trainable parameters.
        values: a value for each of the family's hyperparameters.
        max_multiply_adds: the most multiply-adds of one image.

    Raises:
        FerKerasError: there are no such widths.
    """
    return _solve(family, budget, tuple(sorted(values.items())), max_multiply_adds)


@cache
def _solve(family: str, budget: int, values: tuple[tuple[str, Any], ...], max_multiply_adds: int) -> dict[str, Any]:
    plan = (_cnn_plan if family == "cnn" else _chain_plan)(dict(values))
    known = family_named(family)
    try:
        widths = solve_widths(
            plan.proportions,
            lambda widths: known.parameters(**plan.options(widths)),
            lambda widths: known.multiply_adds(**plan.options(widths)),
            budget,
            max_multiply_adds,
        )
    except FerKerasError as error:
        raise FerKerasError(f"{family}: {error}") from error
    return plan.options(widths)


@dataclass(frozen=True)
class _Plan:
    """A network but for its stages' widths."""

    proportions: tuple[float, ...]
    options: Callable[[Widths], dict[str, Any]]


def _chain_plan(values: Mapping[str, Any]) -> _Plan:
    """Stages of blocks; the stem has the first stage's width and each later stage begins with stride 2."""
    stages = (IMAGE_SIZE // values["stem_stride"] // values["last_size"]).bit_length()
    depths = _by_halves(values, "depth", stages)
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

    return _Plan(_grown(values, stages), options)


def _cnn_plan(values: Mapping[str, Any]) -> _Plan:
    """Three stages after a stem of stride 2, four after one of stride 1: the last map is 3x3 either way."""
    stages = 3 if values["stem_stride"] == 2 else 4
    proportions = _grown(values, stages)
    dense = (proportions[-1] * values["dense"],) if values["dense"] else ()
    fixed = {
        "depths": tuple(_by_halves(values, "depth", stages)),
        "stem_stride": values["stem_stride"],
        "residual": bool(values["residual"]),
        "dropout": values["dropout"],
        "dense_dropout": 2 * values["dropout"],  # as in the reference, which has 0.25 and 0.5
    }
    return _Plan(
        (*proportions, *dense), lambda widths: {"widths": widths[:stages], "dense_widths": widths[stages:], **fixed}
    )


def _by_halves(values: Mapping[str, Any], name: str, count: int) -> list[Any]:
    """The early value for the first half, the middle one included, and the late one for the rest."""
    return [values[f"{name}_early" if number < (count + 1) // 2 else f"{name}_late"] for number in range(count)]


def _grown(values: Mapping[str, Any], stages: int) -> tuple[float, ...]:
    growths = _by_halves(values, "growth", stages - 1)
    return tuple(itertools.accumulate([1.0, *growths], lambda width, growth: width * growth))
