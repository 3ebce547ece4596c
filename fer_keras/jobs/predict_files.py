"""What `fer-keras predict` does with pictures: classify them, tell the answers."""

import csv
import io
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_keras import DEFAULT_MODEL, cli, load
from fer_keras.data.image import decode_face, encode_png
from fer_keras.data.pictures import STDIN, Picture, find_pictures
from fer_keras.errors import FerKerasError
from fer_keras.predict import Classifier, find_model
from fer_keras.probabilities import Prediction, Predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ON_A_SHEET = 100


@dataclass(frozen=True, eq=False)
class Answer:
    """One face and what was said of it.

    Attributes:
        name: the picture's, for people.
        id: its short name, as `fer_keras.data.pictures.find_pictures` gives it.
        face: uint8 [48, 48, 1].
        prediction: the answer.
    """

    name: str
    id: str
    face: np.ndarray
    prediction: Prediction


def model_and_pictures(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the model that the first word names and the other words; the default one where it names a picture.

    Raises:
        FerKerasError: it names neither, or no picture is named.
    """
    first, *others = words
    try:
        find_model(first)
    except FerKerasError as error:
        if first != STDIN and not (first and os.path.lexists(first)):
            raise FerKerasError(f"{error}; nor is there a file or folder of this name") from error
        return DEFAULT_MODEL, [*words]
    if not others:
        raise FerKerasError(f"{first}: this is a model, expected pictures after it")
    return first, others


def load_quietly(*which: Any) -> Classifier:
    """Return `fer_keras.load` without what LiteRT says of its kernels; say what had to be assumed of the model."""
    with cli.quiet_stderr():
        classifier = load(*which)
    if classifier.classes_note:
        print(f"note: {classifier.classes_note}", file=sys.stderr, flush=True)
    return classifier


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
    return [Answer(*name, *found) for name, *found in zip(names, faces, predictions, strict=True)], unreadable


def encoded_pictures(words: Sequence[str]) -> Iterator[tuple[str, bytes | FerKerasError]]:
    """Yield the name and the file of each picture that `words` name, a CSV's faces as PNG, or why it cannot be read."""
    for name, _, content in find_pictures(words):
        yield name, encode_png(content) if isinstance(content, np.ndarray) else content


def as_table(answers: Sequence[Answer]) -> str:
    """Return answers for people: a line each, and the runner-up."""
    width = max((len(answer.name) for answer in answers), default=0)
    lines = []
    for answer in answers:
        prediction = answer.prediction
        second = prediction.classes[np.argsort(-prediction.probabilities, kind="stable")[1]]
        likeliest = f"{prediction.label:<8} {prediction.confidence:>4.0%}"
        lines.append(f"{answer.name:<{width}}  {likeliest}  then {second}")
    return "\n".join(lines)


def predictions_of(answers: Sequence[Answer], classes: Sequence[str] = ()) -> Predictions:
    """Return answers, each with its picture's name, as tables and texts have them."""
    named = (replace(answer.prediction, image=answer.name) for answer in answers)
    return Predictions(named, classes)


def as_course_csv(answers: Sequence[Answer]) -> str:
    """Return the course's CSV `id,label`, in numbers; the id is the picture's name where several have the same id."""
    uses = Counter(short for short, _ in {(answer.id, answer.name) for answer in answers})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "label"])
    for answer in answers:
        writer.writerow([answer.id if uses[answer.id] == 1 else answer.name, answer.prediction.class_id])
    return text.getvalue()


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
    return figure, "" if len(shown) == len(answers) else f"shows the first {len(shown)} of {len(answers)} faces"
