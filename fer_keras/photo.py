"""Whole photos: find the faces, crop them as FER2013's are, classify them.

The detector is OpenCV's Haar cascade for frontal faces, which comes with the package opencv-python-headless (below 5,
which has none). FER2013's own crops were made by OpenCV's detector (arXiv 1307.0414), so its box is the crop and
`MARGIN` is 0. Checked on 500 training images, enlarged and framed: found again in 394, the side of the box was 0.99 of
the crop's (median; quartiles 0.91 and 1.05) and its centre within 2% of the side for most.

Reference: Viola and Jones, "Rapid object detection using a boosted cascade of simple features", 2001.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from fer_keras.data.face_input import as_faces
from fer_keras.data.image import MAX_IMAGE_PIXELS, eight_bits, make_upright, opened_image
from fer_keras.data.pictures import Picture
from fer_keras.errors import FerKerasError
from fer_keras.predict import Classifier
from fer_keras.predict_files import Answer, shown_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_PHOTO_BYTES = 64 * 2**20
MAX_PHOTO_PIXELS = 4 * MAX_IMAGE_PIXELS
"""A camera's 48 or 64 megapixels."""

MOST_SHOWN = 16

_CASCADE = "haarcascade_frontalface_default.xml"
_LONGEST_SIDE = 800  # larger, and more of what is no face is taken for one
_SMALLEST_FACE = 0.04
_SHOWN_SIDE = 1600

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
    detector = _detector()
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
def _detector() -> Any:
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
        rgb = eight_bits(image).convert("RGB")
        return Photo(rgb.reduce(2) if _is_large(rgb) else rgb, size)


def _is_large(image: Image.Image) -> bool:
    return image.width * image.height > MAX_IMAGE_PIXELS


def classify_photos(
    classifier: Classifier, pictures: Iterator[Picture]
) -> tuple[list[Answer], list[tuple[str, FerKerasError]], dict[str, Photo]]:
    """Classify every face of every photo.

    Returns:
        The answers, each with its box; the name and error of each photo that cannot be read or shows no face; and
        name -> photo, at a size to be shown, of the first `MOST_SHOWN` with one.

    Raises:
        FerKerasError: the package opencv-python-headless is not installed, or is one without cascades.
    """
    _detector()  # what it lacks is no photo's fault, and ends the run
    answers, unanswered, photos = [], [], {}
    for name, short, content in pictures:
        try:
            photo = _photo(content, name)
            boxes = find_faces(np.asarray(photo.image.convert("L")), name)
            if not boxes:
                raise FerKerasError(f"{name}: no frontal face was found in this photo")
        except FerKerasError as error:
            unanswered.append((name, error))
            continue
        pixels = np.asarray(photo.image)
        faces = np.concatenate([as_faces(pixels[y : y + h, x : x + w]) for x, y, w, h in boxes])
        for face, told, box in zip(faces, classifier.answers(faces), boxes, strict=True):
            answers.append(Answer(name, short, face, told, _in_the_file(box, photo)))
        if len(photos) < MOST_SHOWN:
            photos[name] = photo
            photo.image.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    return answers, unanswered, photos


def _photo(content: bytes | np.ndarray | FerKerasError, name: str) -> Photo:
    if isinstance(content, FerKerasError):
        raise content
    if isinstance(content, bytes):
        return open_photo(content, name)
    image = Image.fromarray(content[..., 0])
    return Photo(image, image.size)


def _in_the_file(box: Box, photo: Photo) -> Box:
    scale = photo.size[0] / photo.image.width
    x, y, width, height = (round(scale * value) for value in box)
    return x, y, min(width, photo.size[0] - x), min(height, photo.size[1] - y)


def annotated(photos: dict[str, Photo], answers: Sequence[Answer]) -> tuple["Figure", str]:
    """Draw photos, as `classify_photos` returns them, with the box and the answer of each face.

    Returns:
        The figure, and what is to be said about photos that are not in it.
    """
    from matplotlib.patches import Rectangle

    from fer_keras.evaluation.plots import ORANGE, new_figure

    columns = max(1, min(4, len(photos)))
    rows = max(1, -(-len(photos) // columns))
    figure, axes = new_figure(12, 9 / columns * rows, rows=rows, columns=columns)
    for axis in np.ravel(axes):
        axis.axis("off")
    for axis, (name, photo) in zip(np.ravel(axes), photos.items(), strict=False):
        axis.imshow(photo.image, cmap="gray", extent=(0, photo.size[0], photo.size[1], 0))
        for answer in (one for one in answers if one.name == name):
            x, y, width, height = answer.box
            axis.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=ORANGE, linewidth=2))
            said = f"{answer.prediction.label} {answer.prediction.confidence:.0%}"
            axis.text(x, y, said, color="white", backgroundcolor=ORANGE, fontsize=9, va="bottom")
    return figure, shown_of(len(photos), len({answer.name for answer in answers}), "photos")
