"""What scripts/predict.py does: find pictures, classify them, tell the answers."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fer_keras.data.archive import open_archive
from fer_keras.data.face_input import read_image_file
from fer_keras.data.image import MAX_IMAGE_BYTES, decode_face
from fer_keras.errors import FerKerasError
from fer_keras.labels import CLASSES
from fer_keras.predict import Classifier, Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STDIN = "-"

MOST_ON_A_SHEET = 100

_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True, eq=False)
class Answer:
    """One face and what was said of it.

    Attributes:
        name: the picture's, for people.
        id: its short name: a CSV's id, a file's name without its ending.
        face: uint8 [48, 48, 1].
        prediction: the answer.
        box: x, y, width and height of the face in pixels of its photo; None for a picture that is a face.
    """

    name: str
    id: str
    face: np.ndarray
    prediction: Prediction
    box: tuple[int, int, int, int] | None = None


Picture = tuple[str, str, bytes | np.ndarray | FerKerasError]
"""Name, id, and encoded bytes, a uint8 [48, 48, 1] face, or why there is neither."""


def find_pictures(words: Sequence[str]) -> Iterator[Picture]:
    """Yield what each word of a command line names.

    Args:
        words: image files, folders and zips (every PNG and JPEG in them), CSVs of faces in any format that
            `fer_keras.data.load_faces` reads, or `-` for an image on standard input.
    """
    for word in words:
        path = Path(word)
        try:
            if word == STDIN:
                yield "standard input", "stdin", sys.stdin.buffer.read(MAX_IMAGE_BYTES + 1)
            elif path.is_dir() or path.suffix.lower() == ".zip":
                yield from _members(path)
            elif path.suffix.lower() == ".csv":
                from fer_keras.data import load_faces

                faces = load_faces(path)
                yield from (
                    (f"{word}: {name}", str(name), face) for name, face in zip(faces.ids, faces.images, strict=True)
                )
            else:
                yield word, path.stem, read_image_file(path)
        except FerKerasError as error:
            yield word, path.stem, error


def _members(path: Path) -> Iterator[Picture]:
    with open_archive(path) as archive:
        names = sorted(name for name in archive.sizes if PurePosixPath(name).suffix.lower() in _SUFFIXES)
        if not names:
            raise FerKerasError(f"{path}: holds no .png, .jpg or .jpeg file")
        for name in names:
            try:
                content: bytes | FerKerasError = archive.read(name, MAX_IMAGE_BYTES)
            except FerKerasError as error:
                content = error
            yield archive.where(name), PurePosixPath(name).stem, content


def classify_pictures(
    classifier: Classifier, pictures: Iterator[Picture]
) -> tuple[list[Answer], list[tuple[str, FerKerasError]]]:
    """Classify pictures that are faces; return the answers, and the name and error of each that cannot be read."""
    names, faces, unreadable = [], [], []
    for name, short, content in pictures:
        try:
            if isinstance(content, FerKerasError):
                raise content
            face = content if isinstance(content, np.ndarray) else decode_face(content, name, resize=True)[0][..., None]
            names.append((name, short))
            faces.append(face)
        except FerKerasError as error:
            unreadable.append((name, error))
    predictions = classifier.answers(np.stack(faces)) if faces else []
    answers = [Answer(*name, face, told) for name, face, told in zip(names, faces, predictions, strict=True)]
    return answers, unreadable


def encoded_pictures(words: Sequence[str]) -> tuple[list[str], list[bytes], list[tuple[str, FerKerasError]]]:
    """Return names and files of the pictures that `words` name, a CSV's faces as PNG, and what cannot be read."""
    names, files, unreadable = [], [], []
    for name, _, content in find_pictures(words):
        if isinstance(content, FerKerasError):
            unreadable.append((name, content))
            continue
        if isinstance(content, np.ndarray):
            file = io.BytesIO()
            Image.fromarray(content[..., 0]).save(file, "PNG")
            content = file.getvalue()
        names.append(name)
        files.append(content)
    return names, files, unreadable


def as_table(answers: Sequence[Answer]) -> str:
    """Return answers for people: a line each, and the runner-up."""
    width = max((len(answer.name) for answer in answers), default=0)
    lines = []
    for answer in answers:
        told, where = answer.prediction, "" if answer.box is None else "  at {},{} {}x{}".format(*answer.box)
        second = int(np.argsort(-told.probabilities, kind="stable")[1])
        runner_up = f"then {CLASSES[second]}"
        lines.append(f"{answer.name:<{width}}  {told.label:<8} {told.confidence:>4.0%}  {runner_up}{where}")
    return "\n".join(lines)


def as_json(answers: Sequence[Answer]) -> str:
    """Return answers as a JSON list."""
    rows = []
    for answer in answers:
        box = {} if answer.box is None else {"box": list(answer.box)}
        rows.append({"image": answer.name, **box, **answer.prediction.to_dict()})
    return json.dumps(rows, indent=2)


def as_csv(answers: Sequence[Answer], *, course: bool) -> str:
    """Return answers as CSV: of every number, or the course's `id,label` with FER2013's numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if course:
        writer.writerow(["id", "label"])
        writer.writerows([answer.id, answer.prediction.class_id] for answer in answers)
    else:
        writer.writerow(["image", "label", "confidence", *CLASSES])
        for answer in answers:
            told = answer.prediction
            numbers = (told.confidence, *told.probabilities)
            writer.writerow([answer.name, told.label, *(f"{float(number):.6f}" for number in numbers)])
    return text.getvalue().rstrip("\n")


def contact_sheet(answers: Sequence[Answer]) -> "Figure":
    """Draw each face, as the model saw it, with its answer; the first hundred."""
    from fer_keras.evaluation.plots import new_figure

    shown = answers[:MOST_ON_A_SHEET]
    columns = min(10, max(1, len(shown)))
    rows = max(1, -(-len(shown) // columns))
    figure, axes = new_figure(1.3 * columns, 1.6 * rows, rows=rows, columns=columns)
    for axis in np.ravel(axes):
        axis.axis("off")
    for axis, answer in zip(np.ravel(axes), shown, strict=False):
        axis.imshow(answer.face[..., 0], cmap="gray", vmin=0, vmax=255)
        axis.set_title(f"{answer.prediction.label} {answer.prediction.confidence:.0%}", fontsize=8)
    return figure
