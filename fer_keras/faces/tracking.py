"""Following faces from frame to frame: by how much their boxes overlap, where they are expected to be."""

from dataclasses import dataclass, replace

import numpy as np

from fer_keras.faces.boxes import SAME_FACE, overlaps
from fer_keras.faces.detector import FoundFace

PATIENCE = 1.0
"""Seconds for which a face that is not found is waited for; later it is another one."""

LEAST_OVERLAP = 0.1
"""Of a face's box and where one is expected, from which on both may be the same."""

STEADY = 0.3
"""Seconds over which a face's speed is averaged."""


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """A face that is followed.

    Attributes:
        number: its id, from 1 on, in the order of appearance.
        face: where it is.
        seconds: when it was found last.
        speed: float64 [2], of its box in pixels a second.
    """

    number: int
    face: FoundFace
    seconds: float
    speed: np.ndarray

    def at(self, seconds: float) -> FoundFace:
        """Return where it is expected to be at a time, if it goes on as it did."""
        way = self.speed * (seconds - self.seconds)
        box = self.face.box + np.concatenate([way, (0.0, 0.0)])
        return replace(self.face, box=box, points=self.face.points + way)


class Tracker:
    """Gives the faces of a video their ids.

    A face found is the one whose expected or last box it overlaps most. While two faces are in front of each other,
    and may be found as one, both keep their speeds, so that they are told apart again behind it.

    Args:
        patience: seconds for which a face that is not found keeps its id.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._tracks: list[TrackedFace] = []
        self._count = 0

    def update(self, found: list[FoundFace], seconds: float) -> list[TrackedFace]:
        """Return the faces found at a time, which grows from call to call, with their ids, in their order."""
        self._tracks = [track for track in self._tracks if seconds - track.seconds <= self._patience]
        expected = [track.at(seconds) for track in self._tracks]
        partners = _partners(found, expected, [track.face for track in self._tracks])
        ambiguous = _ambiguous(expected)
        tracked = []
        for number, face in enumerate(found):
            if number in partners:
                at = partners[number]
                tracked.append(_moved(self._tracks[at], face, seconds, keep_speed=ambiguous[at]))
            else:
                self._count += 1
                tracked.append(TrackedFace(self._count, face, seconds, np.zeros(2)))
        lost = [track for at, track in enumerate(self._tracks) if at not in partners.values()]
        self._tracks = [*tracked, *lost]
        return tracked

    def expected(self, seconds: float) -> list[TrackedFace]:
        """Return the faces that were found last, where they are expected to be by now."""
        latest = max((track.seconds for track in self._tracks), default=0.0)
        return [replace(track, face=track.at(seconds)) for track in self._tracks if track.seconds == latest]


def _partners(found: list[FoundFace], expected: list[FoundFace], last: list[FoundFace]) -> dict[int, int]:
    """Number of a face found -> number of the track that it goes on with: the pairs that overlap most, each once."""
    if not found or not expected:
        return {}
    boxes = _boxes(found)
    shared = np.maximum(overlaps(boxes, _boxes(expected)), 0.5 * overlaps(boxes, _boxes(last)))
    partners: dict[int, int] = {}
    for flat in np.argsort(-shared, axis=None, kind="stable"):
        face, track = (int(number) for number in np.unravel_index(flat, shared.shape))
        if shared[face, track] < LEAST_OVERLAP:
            break
        if face not in partners and track not in partners.values():
            partners[face] = track
    return partners


def _ambiguous(expected: list[FoundFace]) -> list[bool]:
    """Say of each track whether the detector may have taken it and another for one face."""
    if not expected:
        return []
    shared = overlaps(_boxes(expected), _boxes(expected)) - np.eye(len(expected))
    return (shared.max(axis=1) >= 0.5 * SAME_FACE).tolist()


def _moved(track: TrackedFace, face: FoundFace, seconds: float, *, keep_speed: bool) -> TrackedFace:
    passed = seconds - track.seconds
    if keep_speed or passed <= 0:
        return replace(track, face=face, seconds=seconds)
    centres = (box[:2] + box[2:] / 2 for box in (face.box, track.face.box))
    now, before = centres
    share = 1.0 - np.exp(-passed / STEADY)
    return TrackedFace(track.number, face, seconds, track.speed + share * ((now - before) / passed - track.speed))


def _boxes(faces: list[FoundFace]) -> np.ndarray:
    return np.array([face.box for face in faces])
