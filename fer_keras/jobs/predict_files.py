"""What scripts/predict.py does with pictures: classify them, tell the answers."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fer_keras.data.image import decode_face
from fer_keras.data.pictures import Picture, find_pictures
from fer_keras.errors import FerKerasError
from fer_keras.predict import Classifier, Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ON_A_SHEET = 100
BOX_COLUMNS = ("x", "y", "width", "height")


@dataclass(frozen=True, eq=False)
class Answer:
    """One face and what was said of it.

    Attributes:
        name: the picture's, for people.
        id: its short name, as `fer_keras.data.pictures.find_pictures` gives it.
        face: uint8 [48, 48, 1].
        prediction: the answer.
        box: x, y, width and height of the face in pixels of its photo; None for a picture that is a face.
    """

    name: str
    id: str
    face: np.ndarray
    prediction: Prediction
    box: tuple[int, int, int, int] | None = None


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
    answers = [
        Answer(*name, face, prediction) for name, face, prediction in zip(names, faces, predictions, strict=True)
    ]
    return answers, unreadable


def encoded_pictures(words: Sequence[str]) -> Iterator[tuple[str, bytes | FerKerasError]]:
    """Yield the name and the file of each picture that `words` name, a CSV's faces as PNG, or why it cannot be read."""
    for name, _, content in find_pictures(words):
        if isinstance(content, np.ndarray):
            file = io.BytesIO()
            Image.fromarray(content[..., 0]).save(file, "PNG")
            content = file.getvalue()
        yield name, content


def as_table(answers: Sequence[Answer]) -> str:
    """Return answers for people: a line each, and the runner-up."""
    width = max((len(answer.name) for answer in answers), default=0)
    lines = []
    for answer in answers:
        prediction, where = answer.prediction, "" if answer.box is None else "  at {},{} {}x{}".format(*answer.box)
        second = int(np.argsort(-prediction.probabilities, kind="stable")[1])
        runner_up = f"then {prediction.classes[second]}"
        lines.append(f"{answer.name:<{width}}  {prediction.label:<8} {prediction.confidence:>4.0%}  {runner_up}{where}")
    return "\n".join(lines)


def as_json(answers: Sequence[Answer]) -> str:
    """Return answers as a JSON list."""
    rows = []
    for answer in answers:
        box = {} if answer.box is None else {"box": list(answer.box)}
        rows.append({"image": answer.name, **box, **answer.prediction.to_dict()})
    return json.dumps(rows, indent=2)


def as_csv(answers: Sequence[Answer], *, course: bool, classes: Sequence[str] = ()) -> str:
    """Return answers as CSV: of every number, and the box of a face in a photo; or the course's `id,label`, in numbers.

    An id of the course's is the picture's name where several pictures have the same one.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if course:
        uses = Counter(short for short, _ in {(answer.id, answer.name) for answer in answers})
        writer.writerow(["id", "label"])
        for answer in answers:
            writer.writerow([answer.id if uses[answer.id] == 1 else answer.name, answer.prediction.class_id])
    else:
        classes = answers[0].prediction.classes if answers else classes
        boxed = any(answer.box for answer in answers)
        writer.writerow(["image", *(BOX_COLUMNS if boxed else ()), "label", "confidence", *classes])
        for answer in answers:
            prediction = answer.prediction
            numbers = (prediction.confidence, *prediction.probabilities)
            box = answer.box if boxed else ()
            writer.writerow([answer.name, *box, prediction.label, *(f"{float(number):.6f}" for number in numbers)])
    return text.getvalue().rstrip("\n")


def contact_sheet(answers: Sequence[Answer]) -> tuple["Figure", str]:
    """Draw each face, as the model saw it, with its answer; the first `MOST_ON_A_SHEET`.

    Returns:
        The figure, and what is to be said about faces that are not in it.
    """
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
    return figure, shown_of(len(shown), len(answers), "faces")


def shown_of(shown: int, every: int, what: str) -> str:
    """Return the words that say what a figure leaves out; none if it shows all."""
    return "" if shown == every else f"shows the first {shown} of {every} {what}"
