"""Widths that fill a budget of parameters from below without costing more than allowed."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013
from fer_keras.models.family import WidthPlan, Widths
from fer_keras.models.registry import describe
from fer_keras.models.specification import cost_of

FILLED = 0.97
"""The least share of the budget that a solution uses."""

MIN_WIDTH = 4
"""Channels of the narrowest stage: where rounding would distort the proportions, they bend instead."""

VECTOR = 8
"""Channels that processors take at once: a training step of 40 channels takes 0.6 of the time of one of 37."""

_LARGEST_TILT = 32.0
_LARGEST_ROUNDING = 1.25
_NEIGHBOURS = (-2, -1, 0, 1, 2)
_MOST_STAGES = 7
"""With more there are too many neighbours to look at all."""

Cost = Callable[[Widths], tuple[int, int]]
"""Widths -> trainable parameters, and multiply-adds of one image."""


def fit_plan(
    family_name: str,
    plan: WidthPlan,
    budget: int,
    max_multiply_adds: int | None = None,
    *,
    num_classes: int = len(FER2013),
) -> dict[str, Any]:
    """Return the options of a family's plan with the widths that `solve_widths` finds.

    Raises:
        FerKerasError: there are none.
    """

    def cost(widths: Widths) -> tuple[int, int]:
        return cost_of(describe(family_name, num_classes=num_classes, **plan.options(widths)))

    try:
        return plan.options(solve_widths(plan.proportions, cost, budget, max_multiply_adds))
    except FerKerasError as error:
        raise FerKerasError(f"{family_name}: {error}") from error


def solve_widths(proportions: Sequence[float], cost: Cost, budget: int, max_multiply_adds: int | None = None) -> Widths:
    """Return the width of each stage, in the given proportions as nearly as the budget allows.

    The proportions are scaled until they fill the budget. Where that costs too many multiply-adds, later stages, whose
    maps are smaller, are widened against earlier ones, each stage by the same factor over the one before and by no
    more than is needed. What rounding leaves is filled by the nearest widths that use enough of the budget: whole
    multiples of `VECTOR` where there are some within a quarter of the proportions, else whole numbers.

    Args:
        proportions: relative widths of the stages, in the order of the network.
        cost: of stage widths.
        budget: the most parameters.
        max_multiply_adds: the most multiply-adds; None for no limit.

    Returns:
        Whole widths of at least `MIN_WIDTH` that use `FILLED` of the budget or more.

    Raises:
        FerKerasError: there are none.
    """
    cost = cache(cost)
    limit = math.inf if max_multiply_adds is None else max_multiply_adds

    def scaled(tilt: float, scale: float) -> list[float]:
        return [max(float(MIN_WIDTH), p * tilt**stage * scale) for stage, p in enumerate(proportions)]

    def fill(tilt: float) -> list[float]:
        scale = _largest(lambda scale: cost(_floor(scaled(tilt, scale)))[0] <= budget, 1e-9, 1e6)
        return scaled(tilt, scale)

    def affordable(tilt: float) -> bool:
        return cost(_floor(fill(tilt)))[1] <= limit

    if cost((MIN_WIDTH,) * len(proportions))[0] > budget:
        raise FerKerasError(f"a budget of {budget:,} parameters is too small for {len(proportions)} stages")
    tilt = 1.0
    if not affordable(1.0):
        tilt = 1 / _largest(lambda inverse: affordable(1 / inverse), 1 / _LARGEST_TILT, 1.0)
    found = _nearest(fill(tilt), cost, budget, limit)
    if found is None:
        within = "" if max_multiply_adds is None else f" within {max_multiply_adds:,} multiply-adds"
        raise FerKerasError(f"no widths use {FILLED:.0%} of {budget:,} parameters{within}")
    return found


def _largest(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The largest number within low..high for which `holds`, by bisection on a logarithmic scale; `low` if none."""
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _floor(widths: Sequence[float]) -> Widths:
    return tuple(int(width) for width in widths)


def _nearest(wanted: Sequence[float], cost: Cost, budget: int, limit: float) -> Widths | None:
    """The whole widths nearest to `wanted`, by ratio, that fill the budget."""

    def allowed(widths: Widths) -> bool:
        parameters, multiply_adds = cost(widths)
        return parameters <= budget and multiply_adds <= limit

    def distance(widths: Widths) -> float:
        return sum(math.log(w / x) ** 2 for w, x in zip(widths, wanted, strict=True))

    def around(unit: int, width: float) -> list[int]:
        return [w for step in _NEIGHBOURS if (w := unit * (round(width / unit) + step)) >= MIN_WIDTH]

    def alike(widths: Widths) -> bool:
        ratios = (w / x for w, x in zip(widths, wanted, strict=True))
        return all(1 / _LARGEST_ROUNDING <= ratio <= _LARGEST_ROUNDING for ratio in ratios)

    vectors = filter(alike, itertools.product(*(around(VECTOR, width) for width in wanted)))
    whole = itertools.product(*(around(1, width) for width in wanted))
    few = len(wanted) <= _MOST_STAGES
    nearest = [*sorted(vectors, key=distance), *sorted(whole, key=distance)] if few else [_floor(wanted)]
    # Where none of these uses enough, one channel more at a time, each where it leaves the least.
    for widths in itertools.chain(nearest, _widened(_floor(wanted), cost, allowed)):
        if cost(widths)[0] >= FILLED * budget and allowed(widths):
            return widths
    return None


def _widened(widths: Widths, cost: Cost, allowed: Callable[[Widths], bool]) -> Iterator[Widths]:
    while True:
        wider = [(*widths[:stage], widths[stage] + 1, *widths[stage + 1 :]) for stage in range(len(widths))]
        fitting = [candidate for candidate in wider if allowed(candidate)]
        if not fitting:
            return
        widths = max(fitting, key=cost)
        yield widths
