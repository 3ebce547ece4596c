"""Depths and widths of stages by few numbers.

Depths and growths are of the first and the last half of the stages, rather than of each: a search has a dozen trials,
and every dimension costs some of them. A growth is the width of a stage over that of the stage before.
"""

import itertools
from collections.abc import Mapping
from typing import Any

GROWTH = (1.0, 1.25, 1.5, 2.0, 3.0)


def by_halves(values: Mapping[str, Any], name: str, count: int) -> list[Any]:
    """Return the early value for the first half, the middle one included, and the late one for the rest."""
    return [values[f"{name}_early" if number < (count + 1) // 2 else f"{name}_late"] for number in range(count)]


def grown(values: Mapping[str, Any], stages: int) -> tuple[float, ...]:
    """Return the relative width of each stage."""
    growths = by_halves(values, "growth", stages - 1)
    return tuple(itertools.accumulate([1.0, *growths], lambda width, growth: width * growth))
