"""Logits and probabilities of a model, whichever of them it gives; its answers as objects, tables and texts."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE

if TYPE_CHECKING:
    import pandas as pd

BOX_COLUMNS = ("x", "y", "width", "height")

_PROBE_IMAGES = 8
_STEPS = 0.02
"""How far from 1 a sum of probabilities may be: a softmax in 8 bits gives multiples of 1/256."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return float32 probabilities of float32 logits [N, C]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=1, keepdims=True)


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the logarithm of float32 probabilities [N, C], finite also of 0: logits of the same prediction."""
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))


def gives_probabilities(forward: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Tell whether what a model gives has gone through a softmax already, by its answers to random pixels.

    Args:
        forward: uint8 [N, 48, 48, 1] -> float32 [N, C].
    """
    outputs = forward(np.random.default_rng(0).integers(0, 256, (_PROBE_IMAGES, *IMAGE_SHAPE), np.uint8))
    return bool(outputs.min() >= 0.0 and np.allclose(outputs.sum(axis=1), 1.0, atol=_STEPS))


def as_logits(forward: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Return a model that gives logits or probabilities as one of logits.

    Args:
        forward: uint8 [N, 48, 48, 1] -> float32 [N, C].
    """
    return (lambda images: logits_of(forward(images))) if gives_probabilities(forward) else forward


@dataclass(frozen=True, eq=False)
class Prediction:
    """The answer for one face.

    Attributes:
        label: the likeliest expression, one of the model's `classes`.
        class_id: its number, 0..C-1.
        confidence: an estimate of how often such an answer is right, 0 to 1: the largest probability after temperature
            scaling; not scaled where the model has no temperature.
        calibrated: whether it has one.
        probabilities: float32 [C], the model's own, as every exported format gives them: not scaled.
        classes: the names of the C classes, in the model's order.
        image: the name of the face's file, or else its number among those that were asked for.
        box: x, y, width and height of the face in pixels of its photo; None for a picture that is a face.
    """

    label: str
    class_id: int
    confidence: float
    calibrated: bool
    probabilities: np.ndarray
    classes: tuple[str, ...]
    image: str = "0"
    box: tuple[int, int, int, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values, numbers to six places."""
        return {
            "image": self.image,
            **({} if self.box is None else {"box": list(self.box)}),
            "label": self.label,
            "confidence": round(self.confidence, 6),
            "calibrated": self.calibrated,
            "probabilities": self._named_probabilities(),
        }

    def to_row(self) -> dict[str, Any]:
        """Return the answer as a table's row: a column for each number of the box and for each class."""
        box = {} if self.box is None else dict(zip(BOX_COLUMNS, self.box, strict=True))
        confidence = round(self.confidence, 6)
        return {"image": self.image, **box, "label": self.label, "confidence": confidence} | self._named_probabilities()

    def _named_probabilities(self) -> dict[str, float]:
        return {name: round(float(value), 6) for name, value in zip(self.classes, self.probabilities, strict=True)}


class Predictions(list[Prediction]):
    """A list of answers, in the order of the faces, that can be had as records, JSON, CSV or a data frame."""

    def __init__(self, answers: Iterable[Prediction] = (), classes: Sequence[str] = ()) -> None:
        """Args: the answers; the names of the model's classes, which head a table without rows too."""
        super().__init__(answers)
        self.classes = tuple(classes)

    def to_records(self) -> list[dict[str, Any]]:
        """Return `Prediction.to_dict` of each."""
        return [answer.to_dict() for answer in self]

    def to_json(self) -> str:
        """Return the records as an indented JSON list."""
        return json.dumps(self.to_records(), indent=2)

    def to_csv(self) -> str:
        """Return a header and a line for each answer: image, the box if one has one, label, confidence, the classes."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(answer.to_row() for answer in self)
        return text.getvalue()

    def to_frame(self) -> "pd.DataFrame":
        """Return the columns of `to_csv` as a data frame.

        Raises:
            FerKerasError: the package pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise FerKerasError("to_frame: the package pandas is not installed, pip install pandas") from error
        return pd.DataFrame([answer.to_row() for answer in self], columns=self._columns())

    def _columns(self) -> list[str]:
        boxed = any(answer.box for answer in self)
        return ["image", *(BOX_COLUMNS if boxed else ()), "label", "confidence", *self.classes]
