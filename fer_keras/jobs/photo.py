"""What scripts/predict.py does with whole photos: classify every face, show the answers."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fer_keras.data.face_input import as_faces
from fer_keras.data.pictures import Picture
from fer_keras.errors import FerKerasError
from fer_keras.faces.photo import Box, Photo, face_detector, find_faces, open_photo
from fer_keras.jobs.predict_files import Answer, shown_of
from fer_keras.predict import Classifier

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SHOWN = 16

_SHOWN_SIDE = 1600


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
    face_detector()  # what it lacks is no photo's fault, and ends the run
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
        for face, prediction, box in zip(faces, classifier.answers(faces), boxes, strict=True):
            answers.append(Answer(name, short, face, prediction, _in_the_file(box, photo)))
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
        for answer in (found for found in answers if found.name == name):
            x, y, width, height = answer.box
            axis.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=ORANGE, linewidth=2))
            said = f"{answer.prediction.label} {answer.prediction.confidence:.0%}"
            axis.text(x, y, said, color="white", backgroundcolor=ORANGE, fontsize=9, va="bottom")
    return figure, shown_of(len(photos), len({answer.name for answer in answers}), "photos")
