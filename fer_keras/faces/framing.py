"""A dataset's face put back into a picture, so that what a detector finds of it can be measured."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from fer_keras.faces.crop import Crop, crop_of
from fer_keras.faces.detector import FoundFace

_SIDES = (96, 240)
"""Pixels of an enlarged face."""

_ROOM = (1.6, 3.2)
"""Sides of the picture around it, in sides of the face."""

_NEAREST = 0.25
"""How far the centre of what is found may lie from that of the face, in its sides, to be the same face."""


@dataclass(frozen=True, eq=False)
class FramedFace:
    """A picture with one face of a dataset in it.

    Attributes:
        picture: grey.
        crop: where the dataset's image lies in it.
    """

    picture: Image.Image
    crop: Crop

    def nearest(self, found: list[FoundFace]) -> FoundFace | None:
        """Return the likeliest of the faces found where the face is; None if there is none."""
        x, y, side = self.crop.x, self.crop.y, self.crop.side
        near = [face for face in found if np.hypot(*(_centre(face) - (x, y))) < _NEAREST * side]
        return max(near, key=lambda face: face.score, default=None)


def _centre(face: FoundFace) -> np.ndarray:
    crop = crop_of(face)
    return np.array([crop.x, crop.y])


def framed(face: np.ndarray, rng: np.random.Generator, angle: float = 0.0) -> FramedFace:
    """Enlarge a face and put it into a larger picture.

    Its size, the picture's size and the place are drawn at random, and so is what surrounds it: its mean grey, its
    edges or its mirror image, the latter two blurred.

    Args:
        face: uint8 [48, 48, 1].
        rng: of what is drawn.
        angle: degrees by which the picture is turned about the face, clockwise.
    """
    side = int(rng.integers(*_SIDES))
    total = int(side * rng.uniform(*_ROOM))
    left, top = ((total - side) * rng.uniform(0.2, 0.8, 2)).astype(int).tolist()
    large = Image.fromarray(face[..., 0]).resize((side, side), Image.Resampling.BICUBIC)
    surroundings = rng.choice(["mean", "edge", "symmetric"])
    if surroundings == "mean":
        picture = Image.new("L", (total, total), int(face.mean()))
    else:
        beyond = ((top, total - side - top), (left, total - side - left))
        picture = Image.fromarray(np.pad(np.asarray(large), beyond, mode=str(surroundings)))
        picture = picture.filter(ImageFilter.GaussianBlur(side / 12))
    picture.paste(large, (left, top))
    crop = Crop(left + side / 2, top + side / 2, float(side), angle)
    if angle:
        picture = picture.rotate(-angle, Image.Resampling.BICUBIC, center=(crop.x, crop.y), fillcolor=int(face.mean()))
    return FramedFace(picture, crop)
