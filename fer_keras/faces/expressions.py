"""The expression of every face of a picture."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from fer_keras.faces.crop import SCALES, Crop, crop_of, cut
from fer_keras.faces.finder import FaceFinder
from fer_keras.labels import IMAGE_SHAPE
from fer_keras.predict import Classifier, Prediction

Box = tuple[int, int, int, int]
"""x, y, width and height, in pixels."""


def expressions(
    picture: Image.Image, finder: FaceFinder, classifier: Classifier, name: str, size: tuple[int, int] | None = None
) -> list[Prediction]:
    """Find the faces of a picture and classify them.

    Args:
        picture: upright.
        finder: of this thread.
        classifier: of faces.
        name: what the answers call the picture.
        size: width and height in whose pixels the boxes are given; default the picture's.

    Returns:
        An answer a face, from left to right, each with the box of its crop.
    """
    crops = [crop_of(face) for face in finder.find(picture)]
    answers = averaging(classifier).answers(faces_of_crops(picture, crops))
    scale = (size or picture.size)[0] / picture.width
    boxes = [box_in(crop, picture.size, scale) for crop in crops]
    return [replace(answer, image=name, box=box) for answer, box in zip(answers, boxes, strict=True)]


def faces_of_crops(picture: Image.Image, crops: Sequence[Crop]) -> np.ndarray:
    """Return the squares about the crops of a picture as faces, uint8 [N, S, 48, 48, 1]."""
    squares = [cut(picture, crop, SCALES) for crop in crops]
    return np.stack(squares) if crops else np.empty((0, len(SCALES), *IMAGE_SHAPE), np.uint8)


def averaging(classifier: Classifier) -> Classifier:
    """Return a classifier of faces uint8 [N, S, 48, 48, 1], by the mean of the logits of each face's S squares."""

    def forward(faces: np.ndarray) -> np.ndarray:
        return classifier.forward(faces.reshape(-1, *IMAGE_SHAPE)).reshape(*faces.shape[:2], -1).mean(axis=1)

    return replace(classifier, forward=forward)


def box_in(crop: Crop, size: tuple[int, int], scale: float = 1.0) -> Box:
    """Return the part of a crop's box that lies in a picture of `size`, times `scale`, in whole pixels."""
    left, top, width, height = crop.box
    ends = (left, top, left + width, top + height)
    limits = (*size, *size)
    x, y, right, bottom = (round(scale * min(max(0.0, end), limit)) for end, limit in zip(ends, limits, strict=True))
    return x, y, right - x, bottom - y
