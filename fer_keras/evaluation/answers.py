"""What a model answers on the labels of images, on people's votes on them, and on posed faces."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import keras
import numpy as np
import pandas as pd

from fer_keras.data.dataset import FaceData
from fer_keras.data.synthetic import drawn_faces
from fer_keras.data.votes import with_votes
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import evaluate
from fer_keras.evaluation.metrics import SplitScore
from fer_keras.evaluation.tables import percent, table
from fer_keras.labels import LabelSet

POSED = "drawn posed faces"


def compare_answers(
    model: keras.Model, label_set: LabelSet, data: FaceData, votes: np.ndarray, split: str = "public_test"
) -> Mapping[str, SplitScore]:
    """Score a model on what is known of the same faces, and on drawn posed ones; see `answer_rows`.

    Networks that learned votes answer `neutral` more often than those that learned labels: people saw nothing in many
    a face that was labelled otherwise, but in a posed one they see what is posed. Faces of classes that the model does
    not have are left out.

    Args:
        model: of logits or probabilities.
        label_set: its classes, in order.
        data: the images, with their labels.
        votes: uint8 [N, 10], the votes on them, as of `fer_keras.data.votes.with_votes`.
        split: whose images are scored.

    Returns:
        `labels`, `votes` (the majority by FER+'s rule) and `POSED` -> the scores.

    Raises:
        FerKerasError: no image has a label, or votes.
    """
    posed = drawn_faces()
    images = {
        "labels": data,
        "votes": with_votes(data, votes, "majority"),
        POSED: replace(posed, splits=np.full(len(posed), split)),
    }
    return {name: _scored(model, label_set, faces.split(split)) for name, faces in images.items()}


def answer_rows(name: str, scores: Mapping[str, SplitScore], classes: Sequence[str]) -> pd.DataFrame:
    """Return how often a model answers `neutral`, and its recall of all classes: a row for each set of images.

    Args:
        name: the model's.
        scores: from `compare_answers`.
        classes: of the model, in order.

    Returns:
        Columns `model`, `faces` (what they are), `images`, and shares from 0 to 1: `accuracy`, `macro_recall`,
        `answers_neutral`, `truly_neutral`, and `recall_` before the name of each class.

    Raises:
        FerKerasError: `neutral` is no class of the model.
    """
    if "neutral" not in classes:
        raise FerKerasError(f"{name}: expected a model with a class neutral, found {', '.join(classes)}")
    neutral = list(classes).index("neutral")
    rows = [
        {
            "model": name,
            "faces": faces,
            "images": score.count,
            "accuracy": score.accuracy,
            "macro_recall": score.macro_recall,
            "answers_neutral": score.confusion[:, neutral].sum() / score.count,
            "truly_neutral": score.confusion[neutral].sum() / score.count,
            **{f"recall_{title}": recall for title, recall in zip(classes, score.per_class_recall, strict=True)},
        }
        for faces, score in scores.items()
    ]
    return pd.DataFrame(rows)


def answers_table(answers: pd.DataFrame) -> str:
    """Return what `answer_rows` returns, in any of its columns after the first three, as a Markdown table."""
    header = ["", "faces", "images", *(name.replace("_", " ") for name in answers.columns[3:])]
    lines = [
        [model, faces, f"{images:,}", *map(percent, shares)]
        for model, faces, images, *shares in answers.itertuples(index=False)
    ]
    return table(header, lines)


def _scored(model: keras.Model, label_set: LabelSet, faces: FaceData) -> SplitScore:
    foreign = [label_set.number(name) is None for name in faces.classes]
    fitting = faces.take(np.flatnonzero(~faces.targets[:, foreign].any(axis=1))).with_label_set(label_set)
    (result,) = evaluate(model, fitting).splits.values()
    return result.all
