"""Whole photos: find the faces, crop them as FER2013's are, classify them.

The detector is OpenCV's Haar cascade for frontal faces, which comes with the package opencv-python-headless (below 5,
which has none). FER2013's own crops were made by OpenCV's detector (arXiv 1307.0414), so its box is the crop and
`MARGIN` is 0. Checked on 500 training images, enlarged and framed: found again in 394, the side of the box was 0.99 of
the crop's (median; quartiles 0.91 and 1.05) and its centre within 2% of the side for most.

Reference: Viola and Jones, "Rapid object detection using a boosted cascade of simple features", 2001.
"""

import io
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from fer_keras.data.face_input import as_faces
from fer_keras.data.image import MAX_IMAGE_PIXELS
from fer_keras.errors import FerKerasError
from fer_keras.predict import Classifier
from fer_keras.predict_files import Answer, Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN = 0.0
"""What is added to each side of the detector's box, as a share of its side."""

MOST_SHOWN = 16

_CASCADE = "haarcascade_frontalface_default.xml"
_LONGEST_SIDE = 800  # larger, and more of what is no face is taken for one
_SMALLEST_FACE = 0.04

Box = tuple[int, int, int, int]
"""x, y, width and height, in pixels."""


def find_faces(grey: np.ndarray) -> list[Box]:
    """Return the boxes of the frontal faces in a grey photo, uint8 [H, W], from left to right.

    Faces smaller than 4% of the photo's longer side, or than 24 pixels, are not looked for.

    Raises:
        FerKerasError: the package opencv-python-headless is not installed, or is one without cascades.
    """
    scale = min(1.0, _LONGEST_SIDE / max(grey.shape))
    small = Image.fromarray(grey).resize([max(1, round(side * scale)) for side in grey.shape[::-1]])
    smallest = max(24, round(_SMALLEST_FACE * max(small.size)))
    found = _detector().detectMultiScale(
        np.asarray(ImageOps.equalize(small)), scaleFactor=1.1, minNeighbors=8, minSize=(smallest, smallest)
    )
    return sorted(_widened([round(side / scale) for side in box], grey.shape) for box in found)


def _widened(box: Sequence[int], shape: tuple[int, ...]) -> Box:
    x, y, width, height = box
    more = round(MARGIN * width)
    left, top = max(0, x - more), max(0, y - more)
    right, bottom = min(shape[1], x + width + more), min(shape[0], y + height + more)
    return left, top, right - left, bottom - top


@cache
def _detector() -> Any:
    try:
        import cv2

        return cv2.CascadeClassifier(str(Path(cv2.data.haarcascades, _CASCADE)))
    except (ImportError, AttributeError) as error:
        raise FerKerasError(
            "--photo: the package opencv-python-headless is missing, expected a version below 5: pip install '.[photo]'"
        ) from error


def open_photo(data: bytes, where: str) -> Image.Image:
    """Decode a PNG or JPEG of any size to RGB, upright.

    Raises:
        FerKerasError: it is no decodable PNG or JPEG, or has more than `MAX_IMAGE_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise FerKerasError(
                    f"{where}: {image.width}x{image.height} pixels, expected at most {MAX_IMAGE_PIXELS:,}"
                )
            return ImageOps.exif_transpose(image).convert("RGB")
    except FerKerasError:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        reason = str(error).partition(" <_io.")[0]
        raise FerKerasError(f"{where}: expected a whole PNG or JPEG image ({reason})") from error


def classify_photos(
    classifier: Classifier, pictures: Iterator[Picture]
) -> tuple[list[Answer], list[tuple[str, FerKerasError]], dict[str, Image.Image]]:
    """Classify every face of every photo.

    Returns:
        The answers, each with its box; the name and error of each photo that cannot be read or shows no face; and
        name -> photo of the first `MOST_SHOWN` with one.
    """
    answers, unanswered, photos = [], [], {}
    for name, short, content in pictures:
        try:
            if isinstance(content, FerKerasError):
                raise content
            image = Image.fromarray(content[..., 0]) if isinstance(content, np.ndarray) else open_photo(content, name)
            boxes = find_faces(np.asarray(image.convert("L")))
            if not boxes:
                raise FerKerasError(f"{name}: no frontal face was found in this photo")
        except FerKerasError as error:
            unanswered.append((name, error))
            continue
        pixels = np.asarray(image)
        faces = np.concatenate([as_faces(pixels[y : y + h, x : x + w]) for x, y, w, h in boxes])
        told = zip(faces, classifier.answers(faces), boxes, strict=True)
        answers += [Answer(name, short, face, prediction, box) for face, prediction, box in told]
        if len(photos) < MOST_SHOWN:
            photos[name] = image
    return answers, unanswered, photos


def annotated(photos: dict[str, Image.Image], answers: Sequence[Answer]) -> "Figure":
    """Draw photos with the box and the answer of each face."""
    from matplotlib.patches import Rectangle

    from fer_keras.evaluation.plots import ORANGE, new_figure

    columns = max(1, min(4, len(photos)))
    rows = max(1, -(-len(photos) // columns))
    figure, axes = new_figure(12, 9 / columns * rows, rows=rows, columns=columns)
    for axis in np.ravel(axes):
        axis.axis("off")
    for axis, (name, image) in zip(np.ravel(axes), photos.items(), strict=False):
        axis.imshow(image, cmap="gray")
        for answer in (one for one in answers if one.name == name):
            x, y, width, height = answer.box
            axis.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=ORANGE, linewidth=2))
            said = f"{answer.prediction.label} {answer.prediction.confidence:.0%}"
            axis.text(x, y, said, color="white", backgroundcolor=ORANGE, fontsize=9, va="bottom")
    return figure
