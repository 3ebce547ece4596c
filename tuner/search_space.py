"""What a search varies, as KerasTuner declares it: relative widths and depths of stages, shortcuts, dropout.

Each family's own plan says what its hyperparameters mean. Any choice of them is a network inside the budget, since the
widths are solved for it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import keras_tuner

from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013
from fer_keras.models.family import Family, SearchPlan
from fer_keras.models.registry import FAMILIES
from fer_keras.models.widths import fit_plan
from tuner.options import SearchOptions


def searchable() -> tuple[str, ...]:
    """Return the families that can be searched."""
    return tuple(name for name, family in FAMILIES.items() if family.search)


def search_plan(family: str) -> SearchPlan:
    """Return how `family` is searched.

    Raises:
        FerKerasError: it is not.
    """
    if family not in searchable():
        raise FerKerasError(f"unknown family {family!r}, expected some of {', '.join(searchable())}")
    return FAMILIES[family].search


def defaults(family: str) -> dict[str, Any]:
    """Return the default of every hyperparameter of `family`."""
    return {name: default for name, (_, default) in search_plan(family).hyperparameters.items()}


def declare(hp: keras_tuner.HyperParameters, family: str) -> dict[str, Any]:
    """Declare the hyperparameters of `family`, named `<family>_<name>`, and return their values by `<name>`."""
    return {
        name: hp.Choice(f"{family}_{name}", list(values), default=default)
        for name, (values, default) in search_plan(family).hyperparameters.items()
    }


def solve_options(
    family: str,
    budget: int,
    values: Mapping[str, Any],
    max_multiply_adds: int | None = SearchOptions.max_multiply_adds,
    *,
    num_classes: int = len(FER2013),
) -> dict[str, Any]:
    """Return options of the family that use at least 97% of `budget`, never more.

    Args:
        family: one of `searchable`.
        budget: the most trainable parameters.
        values: a value for each of the family's hyperparameters.
        max_multiply_adds: the most multiply-adds of one image; None for no limit.
        num_classes: C. Defaults to FER2013's.

    Raises:
        FerKerasError: the family is not searched, or there are no such widths.
    """
    search_plan(family)
    return _solve(FAMILIES[family], budget, tuple(sorted(values.items())), max_multiply_adds, num_classes)


@cache
def _solve(
    family: Family, budget: int, values: tuple[tuple[str, Any], ...], max_multiply_adds: int | None, num_classes: int
) -> dict[str, Any]:
    plan = family.search.plan(dict(values))
    return fit_plan(family.name, plan, budget, max_multiply_adds, num_classes=num_classes)
