"""What a model answers on the labels of images, on people's votes on them, and on posed faces."""

from collections.abc import Mapping
from dataclasses import replace

import keras
import numpy as np

from fer_keras.data.dataset import FaceData
from fer_keras.data.synthetic import drawn_faces
from fer_keras.data.votes import with_votes
from fer_keras.evaluation.evaluate import evaluate
from fer_keras.evaluation.metrics import SplitScore
from fer_keras.labels import LabelSet

POSED = "drawn posed faces"


def compare_answers(
    model: keras.Model, label_set: LabelSet, data: FaceData, votes: np.ndarray, split: str = "public_test"
) -> Mapping[str, SplitScore]:
    """Score a model on what is known of the same faces, and on drawn posed ones; see `tables.answers_table`.

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


def _scored(model: keras.Model, label_set: LabelSet, faces: FaceData) -> SplitScore:
    foreign = [label_set.number(name) is None for name in faces.classes]
    fitting = faces.take(np.flatnonzero(~faces.targets[:, foreign].any(axis=1))).with_label_set(label_set)
    (result,) = evaluate(model, fitting).splits.values()
    return result.all
