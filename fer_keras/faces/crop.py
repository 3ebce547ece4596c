"""The crop that a classifier of FER2013's faces wants, about a face that was found.

All numbers were fitted to FER2013's own crops, or chosen by accuracy on its validation faces, framed and turned:
scripts/measure_crop.py measures them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fer_keras.faces.detector import KEY_POINTS, FoundFace
from fer_keras.labels import IMAGE_SIZE

SIDE = 1.14
"""Of a crop, in sides of the detector's box."""

DOWN = 0.34
"""A crop has its centre half-way between two points: this share of the way from between the eyes to the mouth, ..."""

UP = 0.055
"""... and this share of the box's side above the box's centre, as the face stands."""

LEVEL_TO = 10.0
"""Degrees between the eyes' line and the horizontal that a face may lean by; one that leans more is turned so far."""

SCALES = (0.93, 1.07)
"""Of the two squares about a crop whose logits are averaged, in its sides: a box is no surer than that of its size."""

_FILTER = Image.Resampling.HAMMING
"""As sharp near the finest detail as FER2013's images are; BILINEAR is softer."""


@dataclass(frozen=True)
class Crop:
    """A square in a picture, in pixels.

    Attributes:
        x: of its centre.
        y: of its centre.
        side: its length.
        angle: degrees by which the square is turned, clockwise as one sees the picture; 0 is upright.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the square before it is turned."""
        return self.x - self.side / 2, self.y - self.side / 2, self.side, self.side


def crop_of(face: FoundFace, level_to: float = LEVEL_TO) -> Crop:
    """Return the crop of a face; it is turned so far that the eyes' line leans by `level_to` degrees at most."""
    points = dict(zip(KEY_POINTS, face.points, strict=True))
    eyes = (points["right_eye"] + points["left_eye"]) / 2
    across = points["left_eye"] - points["right_eye"]
    lean = np.arctan2(across[1], across[0])
    side = float(face.box[2:].mean())
    above = face.box[:2] + face.box[2:] / 2 + UP * side * np.array([np.sin(lean), -np.cos(lean)])
    x, y = (eyes + DOWN * (points["mouth"] - eyes) + above) / 2
    degrees = float(np.degrees(lean))
    return Crop(float(x), float(y), SIDE * side, degrees - min(level_to, max(-level_to, degrees)))


def cut(picture: Image.Image, crop: Crop, scales: Sequence[float] = (1.0,)) -> np.ndarray:
    """Return squares of a picture, `scales` times a crop, as faces, uint8 [S, 48, 48, 1]: grey, turned, antialiased.

    What lies beyond the picture has the colour of its edge.
    """
    reach = max(scales) * crop.side / 2 * (1.0 if crop.angle == 0.0 else 2.0**0.5) + 1.0
    left, top = int(np.floor(crop.x - reach)), int(np.floor(crop.y - reach))
    right, bottom = int(np.ceil(crop.x + reach)), int(np.ceil(crop.y + reach))
    around = _grey(picture, left, top, right, bottom)
    x, y = crop.x - left, crop.y - top
    if crop.angle != 0.0:
        around = around.rotate(crop.angle, Image.Resampling.BILINEAR, center=(x, y))
    halves = [scale * crop.side / 2 for scale in scales]
    squares = [(x - half, y - half, x + half, y + half) for half in halves]
    faces = [np.asarray(around.resize((IMAGE_SIZE, IMAGE_SIZE), _FILTER, box=square)) for square in squares]
    return np.stack(faces)[..., np.newaxis]


def _grey(picture: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    """A part of a picture in grey, its edge repeated where the part reaches beyond it."""
    inside = max(0, left), max(0, top), min(picture.width, right), min(picture.height, bottom)
    part = picture.crop(inside).convert("L")
    if inside == (left, top, right, bottom):
        return part
    beyond = ((inside[1] - top, bottom - inside[3]), (inside[0] - left, right - inside[2]))
    return Image.fromarray(np.pad(np.asarray(part), beyond, mode="edge"))
