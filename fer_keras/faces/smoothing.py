"""Numbers smoothed over time, for each face of its own."""

import numpy as np

TIME_CONSTANT = 0.5
"""Seconds, where one does not ask for others."""

FORGET = 10.0
"""Time constants after which a face that is gone is forgotten."""


class Smoother:
    """The mean of what was given, weighted by age: after a time constant a value has 37% of its weight.

    Args:
        time_constant: in seconds; 0 gives back what was given.
    """

    def __init__(self, time_constant: float) -> None:
        self._time_constant = time_constant
        self._state: dict[int, tuple[float, np.ndarray, float]] = {}

    def add(self, face: int, seconds: float, values: np.ndarray) -> np.ndarray:
        """Return the smoothed values of a face, now that these were seen at a time, which grows from call to call."""
        if self._time_constant <= 0.0:
            return values
        oldest = seconds - FORGET * self._time_constant
        self._state = {name: state for name, state in self._state.items() if state[0] >= oldest}
        before, total, weight = self._state.get(face, (seconds, np.zeros_like(values), 0.0))
        fade = np.exp((before - seconds) / self._time_constant)
        total, weight = fade * total + values, fade * weight + 1.0
        self._state[face] = seconds, total, weight
        return total / weight
