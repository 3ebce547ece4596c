"""All faces of a picture, near and far: both of the detector's networks, and its parts looked at for themselves."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from fer_keras.faces.detector import MIN_SCORE, FaceDetector, FoundFace, faces_of

NETWORKS_FOR = {"photo": ("full", "short"), "video": ("full", "short"), "camera": ("short",)}
"""Which of the detector's networks look at what: before a camera faces are near."""

TILED_FROM = 640
"""Pixels of a picture's longer side from which on its parts have detail that the whole, made small, has lost."""

DETAIL = 288
"""Pixels of a side that leave the largest network enough; a picture is made that small once, for all looks at it."""

TILE = 0.7
"""The side of a tile, as a share of the picture's longer side: two tiles cover a photo of 3:2."""

OVERLAP = 0.25
"""Of neighbouring tiles, as a share of their side: a face of that size is whole in one of them."""


class FaceFinder:
    """Finds faces on one thread; each thread needs a finder of its own.

    Of faces enlarged and framed the short-range network finds those that fill the picture, the full-range one those
    down to 8% of the picture's longer side, and in tiles of 70% of that side those down to 5.6%.

    Args:
        networks: some of `fer_keras.faces.detector.NETWORKS`; tiles are looked at by the first.
        tiles: whether to look for small faces too.
        min_score: what is less sure is no face, 0 to 1.

    Raises:
        FerKerasError: as `FaceDetector`.
    """

    def __init__(
        self, networks: tuple[str, ...] = NETWORKS_FOR["photo"], *, tiles: bool = True, min_score: float = MIN_SCORE
    ) -> None:
        self._detectors = [FaceDetector(network, min_score) for network in networks]
        self._tiles = tiles

    def find(self, picture: Image.Image) -> list[FoundFace]:
        """Return the faces of a picture of any mode and size, each once, from left to right."""
        tiled = self._tiles and max(picture.size) >= TILED_FROM
        scale = max(1, int(max(picture.size) * (TILE if tiled else 1.0) / DETAIL))
        small = (picture if picture.mode in ("L", "RGB") else picture.convert("RGB")).reduce(scale)
        found = [face for detector in self._detectors for face in detector.find(small)]
        for tile in _tiles(*small.size) if tiled else ():
            inside = self._detectors[0].find(small.crop(tile))
            found += [_moved(face, tile) for face in inside if _is_whole(face.box, tile, small.size)]
        return _once(found, scale)


def _tiles(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, right and bottom of overlapping squares that cover a picture."""
    side = int(TILE * max(width, height))
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield left, top, min(width, left + side), min(height, top + side)


def _starts(length: int, side: int) -> list[int]:
    count = 1 + max(0, int(np.ceil((length - side) / (side * (1.0 - OVERLAP)))))
    return np.linspace(0, max(0, length - side), count).astype(int).tolist()


def _is_whole(box: np.ndarray, tile: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    """Say whether a box in a tile touches none of its borders but those of the picture."""
    left, top, right, bottom = tile
    (x, y), (end_x, end_y) = box[:2], box[:2] + box[2:]
    return bool(
        (x > 0 or left == 0)
        and (y > 0 or top == 0)
        and (end_x < right - left or right == size[0])
        and (end_y < bottom - top or bottom == size[1])
    )


def _moved(face: FoundFace, tile: tuple[int, int, int, int]) -> FoundFace:
    start = np.array(tile[:2])
    return FoundFace(face.box + np.concatenate([start, (0, 0)]), face.points + start, face.score)


def _once(found: list[FoundFace], scale: int) -> list[FoundFace]:
    values = scale * np.array([np.concatenate([face.box, face.points.ravel()]) for face in found]).reshape(-1, 16)
    return faces_of(values, np.array([face.score for face in found]))
