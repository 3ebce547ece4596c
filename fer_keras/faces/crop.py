"""The crop that a classifier of FER2013's faces wants, about a face that was found.

All numbers were fitted to FER2013's own crops, or chosen by accuracy on its validation faces, framed and turned:
scripts/measure_crop.py measures them.
"""

from dataclasses import dataclass, replace

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

LEVEL_FROM = 10.0
"""Degrees between the eyes' line and the horizontal from which on a face is turned upright."""


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


def crop_of(face: FoundFace, level_from: float = LEVEL_FROM) -> Crop:
    """Return the crop of a face; it is turned if the eyes' line leans by `level_from` degrees or more."""
    points = dict(zip(KEY_POINTS, face.points, strict=True))
    eyes = (points["right_eye"] + points["left_eye"]) / 2
    across = points["left_eye"] - points["right_eye"]
    lean = np.arctan2(across[1], across[0])
    angle, side = float(np.degrees(lean)), float(face.box[2:].mean())
    above = face.box[:2] + face.box[2:] / 2 + UP * side * np.array([np.sin(lean), -np.cos(lean)])
    x, y = (eyes + DOWN * (points["mouth"] - eyes) + above) / 2
    crop = Crop(float(x), float(y), SIDE * side)
    return replace(crop, angle=angle) if abs(angle) >= level_from else crop


def cut(picture: Image.Image, crop: Crop) -> np.ndarray:
    """Return a crop of a picture as a face, uint8 [48, 48, 1]: grey, upright, antialiased.

    What lies beyond the picture has the colour of its edge.
    """
    reach = crop.side / 2 * (1.0 if crop.angle == 0.0 else 2.0**0.5) + 1.0
    left, top = int(np.floor(crop.x - reach)), int(np.floor(crop.y - reach))
    right, bottom = int(np.ceil(crop.x + reach)), int(np.ceil(crop.y + reach))
    around = _grey(picture, left, top, right, bottom)
    x, y = crop.x - left, crop.y - top
    if crop.angle != 0.0:
        around = around.rotate(crop.angle, Image.Resampling.BILINEAR, center=(x, y))
    half = crop.side / 2
    square = (x - half, y - half, x + half, y + half)
    face = around.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR, box=square)
    return np.asarray(face)[..., np.newaxis]


def _grey(picture: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    """A part of a picture in grey, its edge repeated where the part reaches beyond it."""
    inside = max(0, left), max(0, top), min(picture.width, right), min(picture.height, bottom)
    part = picture.crop(inside).convert("L")
    if inside == (left, top, right, bottom):
        return part
    beyond = ((inside[1] - top, bottom - inside[3]), (inside[0] - left, right - inside[2]))
    return Image.fromarray(np.pad(np.asarray(part), beyond, mode="edge"))
