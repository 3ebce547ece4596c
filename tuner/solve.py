"""Widths that fill a budget of parameters from below without costing more than allowed."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from fer_keras.errors import FerKerasError

FILLED = 0.97
"""The least share of the budget that a solution uses."""

MIN_WIDTH = 4
"""Channels of the narrowest stage: where rounding would distort the proportions, they bend instead."""

VECTOR = 8
"""Channels that processors take at once: a training step of 40 channels takes 0.6 of the time of one of 37."""

_LARGEST_TILT = 32.0
_LARGEST_ROUNDING = 1.25
_NEIGHBOURS = (-2, -1, 0, 1, 2)

Widths = tuple[int, ...]
Count = Callable[[Widths], int]


def solve_widths(
    proportions: Sequence[float], parameters: Count, multiply_adds: Count, budget: int, max_multiply_adds: int
) -> Widths:
    """Return the width of each stage, in the given proportions as nearly as the budget allows.

    The proportions are scaled until they fill the budget. Where that costs too many multiply-adds, later stages, whose
    maps are smaller, are widened against earlier ones, each stage by the same factor over the one before and by no
    more than is needed. What rounding leaves is filled by the nearest widths that use enough of the budget: whole
    multiples of `VECTOR` where there are some within a quarter of the proportions, else whole numbers.

    Args:
        proportions: relative widths of the stages, in the order of the network.
        parameters: stage widths -> trainable parameters.
        multiply_adds: stage widths -> multiply-adds of one image.
        budget: the most parameters.
        max_multiply_adds: the most multiply-adds.

    Returns:
        Whole widths of at least `MIN_WIDTH` that use `FILLED` of the budget or more.

    Raises:
        FerKerasError: there are none.
    """

    def scaled(tilt: float, scale: float) -> list[float]:
        return [max(float(MIN_WIDTH), p * tilt**stage * scale) for stage, p in enumerate(proportions)]

    def fill(tilt: float) -> list[float]:
        scale = _largest(lambda scale: parameters(_floor(scaled(tilt, scale))) <= budget, 1e-9, 1e6)
        return scaled(tilt, scale)

    def affordable(tilt: float) -> bool:
        return multiply_adds(_floor(fill(tilt))) <= max_multiply_adds

    if parameters((MIN_WIDTH,) * len(proportions)) > budget:
        raise FerKerasError(f"a budget of {budget:,} parameters is too small for {len(proportions)} stages")
    tilt = 1.0
    if not affordable(1.0):
        tilt = 1 / _largest(lambda inverse: affordable(1 / inverse), 1 / _LARGEST_TILT, 1.0)
    found = _nearest(fill(tilt), parameters, multiply_adds, budget, max_multiply_adds)
    if found is None:
        raise FerKerasError(
            f"no widths use {FILLED:.0%} of {budget:,} parameters within {max_multiply_adds:,} multiply-adds"
        )
    return found


def _largest(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The largest number within low..high for which `holds`, by bisection on a logarithmic scale; `low` if none."""
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _floor(widths: Sequence[float]) -> Widths:
    return tuple(int(width) for width in widths)


def _nearest(
    wanted: Sequence[float], parameters: Count, multiply_adds: Count, budget: int, max_multiply_adds: int
) -> Widths | None:
    """The whole widths nearest to `wanted`, by ratio, that fill the budget."""

    def allowed(widths: Widths) -> bool:
        return parameters(widths) <= budget and multiply_adds(widths) <= max_multiply_adds

    def distance(widths: Widths) -> float:
        return sum(math.log(w / x) ** 2 for w, x in zip(widths, wanted, strict=True))

    def around(unit: int, width: float) -> list[int]:
        return [w for step in _NEIGHBOURS if (w := unit * (round(width / unit) + step)) >= MIN_WIDTH]

    def alike(widths: Widths) -> bool:
        ratios = (w / x for w, x in zip(widths, wanted, strict=True))
        return all(1 / _LARGEST_ROUNDING <= ratio <= _LARGEST_ROUNDING for ratio in ratios)

    vectors = filter(alike, itertools.product(*(around(VECTOR, width) for width in wanted)))
    whole = itertools.product(*(around(1, width) for width in wanted))
    nearest = [*sorted(vectors, key=distance), *sorted(whole, key=distance)]
    # Where none of these uses enough, one channel more at a time, each where it leaves the least.
    for widths in itertools.chain(nearest, _widened(_floor(wanted), parameters, allowed)):
        if parameters(widths) >= FILLED * budget and allowed(widths):
            return widths
    return None


def _widened(widths: Widths, parameters: Count, allowed: Callable[[Widths], bool]) -> Iterator[Widths]:
    while True:
        wider = [(*widths[:stage], widths[stage] + 1, *widths[stage + 1 :]) for stage in range(len(widths))]
        fitting = [candidate for candidate in wider if allowed(candidate)]
        if not fitting:
            return
        widths = max(fitting, key=parameters)
        yield widths
