"""The probabilities of each face of a video over time, kept in bounded memory, and drawn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fer_keras.faces.following import FollowedFace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FACES = 8
_MOST_POINTS = 20_000
_MOST_TRACKS = 1000
_GAP = 5
"""Spacings without a face after which its lines break."""


class Timeline:
    """Collects answers; once there are many it keeps every second one, again and again."""

    def __init__(self, classes: Sequence[str]) -> None:
        """Args: the names of the classes."""
        self._classes = tuple(classes)
        self._points: dict[int, list[tuple[int, float, np.ndarray]]] = {}
        self._frames, self._every, self._count = 0, 1, 0
        self._spacing: float = 0.0
        self._before: float | None = None

    def add(self, seconds: float, faces: Sequence[FollowedFace]) -> None:
        """Add the faces of the next frame."""
        if self._before is not None:
            self._spacing = max(self._spacing, seconds - self._before)
        self._before = seconds
        if self._frames % self._every == 0:
            for face in faces:
                point = self._frames, seconds, np.asarray(face.prediction.probabilities, np.float32)
                self._points.setdefault(face.number, []).append(point)
            self._count += len(faces)
            if self._count > _MOST_POINTS or len(self._points) > _MOST_TRACKS:
                self._thin()
        self._frames += 1

    def _thin(self) -> None:
        self._every *= 2
        thinner = {name: [p for p in points if p[0] % self._every == 0] for name, points in self._points.items()}
        longest = sorted(thinner, key=lambda name: -len(thinner[name]))[: _MOST_TRACKS // 2]
        self._points = {name: thinner[name] for name in sorted(longest) if thinner[name]}
        self._count = sum(map(len, self._points.values()))

    def lines(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Return face -> seconds [N] and probabilities [N, C] of those seen longest, by id; NaN where it is gone."""
        longest = sorted(self._points, key=lambda name: -len(self._points[name]))[:MOST_FACES]
        return {name: self._line(self._points[name]) for name in sorted(longest)}

    def _line(self, points: list[tuple[int, float, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        seconds, rows = np.array([point[1] for point in points]), np.array([point[2] for point in points])
        breaks = np.flatnonzero(np.diff(seconds) > _GAP * self._every * max(self._spacing, 1e-3)) + 1
        return np.insert(seconds, breaks, seconds[breaks - 1]), np.insert(rows, breaks, np.nan, axis=0)

    def figure(self) -> "Figure":
        """Draw a panel for each face."""
        from fer_keras.evaluation.plots import new_figure
        from fer_keras.faces.drawing import COLOURS

        lines = self.lines()
        figure, axes = new_figure(10, 1.0 + 1.8 * max(1, len(lines)), rows=max(1, len(lines)), sharex=True)
        for axis, (name, (seconds, rows)) in zip(axes, lines.items(), strict=False):
            for number, label in enumerate(self._classes):
                style = "-" if number < len(COLOURS) else "--"
                axis.plot(seconds, rows[:, number], style, color=COLOURS[number % len(COLOURS)], lw=1.4, label=label)
            axis.set(ylim=(0, 1), ylabel=f"face {name}")
        axes[-1].set_xlabel("seconds")
        figure.suptitle("Probabilities of the expressions" if lines else "No face was found", fontsize=10)
        if lines:
            axes[0].legend(ncols=len(self._classes), fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
        return figure
