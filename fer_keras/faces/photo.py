"""Whole photos: read them, find the faces, whose boxes are the crops that FER2013's are.

The detector is OpenCV's Haar cascade for frontal faces, which comes with the package opencv-python-headless (below 5,
which has none). FER2013's own crops were made by OpenCV's detector (arXiv 1307.0414), so its box is the crop and
`MARGIN` is 0. Checked on 500 training images, enlarged and framed: found again in 394, the side of the box was 0.99 of
the crop's (median; quartiles 0.91 and 1.05) and its centre within 2% of the side for most.

Reference: Viola and Jones, "Rapid object detection using a boosted cascade of simple features", 2001.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from fer_keras.data.image import MAX_IMAGE_PIXELS, eight_bits, make_upright, opened_image
from fer_keras.errors import FerKerasError

MAX_PHOTO_BYTES = 64 * 2**20
MAX_PHOTO_PIXELS = 4 * MAX_IMAGE_PIXELS
"""A camera's 48 or 64 megapixels."""

_CASCADE = "haarcascade_frontalface_default.xml"
_LONGEST_SIDE = 800  # larger, and more of what is no face is taken for one
_SMALLEST_FACE = 0.04

Box = tuple[int, int, int, int]
"""x, y, width and height, in pixels."""


class Photo(NamedTuple):
    """A decoded photo.

    Attributes:
        image: grey or RGB, upright; of a very large photo, smaller than that.
        size: width and height, upright, in the pixels of the file, which are those of boxes that are told.
    """

    image: Image.Image
    size: tuple[int, int]


def find_faces(grey: np.ndarray, where: str = "photo") -> list[Box]:
    """Return the boxes of the frontal faces in a grey photo, uint8 [H, W], from left to right.

    Faces smaller than 4% of the photo's longer side, or than 24 pixels, are not looked for. `where` is the words by
    which a message names the photo.

    Raises:
        FerKerasError: the package opencv-python-headless is not installed, or is one without cascades, or it fails at
            this photo.
    """
    detector = face_detector()
    import cv2

    scale = min(1.0, _LONGEST_SIDE / max(grey.shape))
    small = Image.fromarray(grey).resize([max(1, round(side * scale)) for side in grey.shape[::-1]])
    smallest = max(24, round(_SMALLEST_FACE * max(small.size)))
    try:
        found = detector.detectMultiScale(
            np.asarray(ImageOps.equalize(small)), scaleFactor=1.1, minNeighbors=8, minSize=(smallest, smallest)
        )
    except cv2.error as error:
        raise FerKerasError(f"{where}: OpenCV cannot look for faces in this photo ({error.err})") from error
    return sorted(_inside([round(side / scale) for side in box], grey.shape) for box in found)


def _inside(box: Sequence[int], shape: tuple[int, ...]) -> Box:
    x, y, width, height = box
    left, top = max(0, x), max(0, y)
    return left, top, min(shape[1], x + width) - left, min(shape[0], y + height) - top


@cache
def face_detector() -> Any:
    """Return OpenCV's detector of frontal faces.

    Raises:
        FerKerasError: the package opencv-python-headless is not installed, or is one without cascades.
    """
    try:
        import cv2

        return cv2.CascadeClassifier(str(Path(cv2.data.haarcascades, _CASCADE)))
    except (ImportError, AttributeError) as error:
        raise FerKerasError(
            "--photo: the package opencv-python-headless is missing, expected a version below 5: pip install '.[photo]'"
        ) from error


def open_photo(data: bytes, where: str) -> Photo:
    """Decode a PNG or JPEG of any size to RGB, upright; at half its sides if it has more than `MAX_IMAGE_PIXELS`.

    Raises:
        FerKerasError: it is no decodable PNG or JPEG, or has more than `MAX_PHOTO_PIXELS`.
    """
    with opened_image(data, where, MAX_PHOTO_PIXELS) as image:
        size = image.size
        if _is_large(image):  # a JPEG need not be decoded to its full size first; of a PNG nothing comes of this
            image.draft("RGB", (image.width // 2, image.height // 2))
        decoded = image.size
        make_upright(image)
        if image.size != decoded:  # turned by a quarter
            size = size[::-1]
        rgb = eight_bits(image, where).convert("RGB")
        return Photo(rgb.reduce(2) if _is_large(rgb) else rgb, size)


def _is_large(image: Image.Image) -> bool:
    return image.width * image.height > MAX_IMAGE_PIXELS
