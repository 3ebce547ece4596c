"""What scoring a model gives: its scores on each split and its size, to JSON values and back; and its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_keras.data.dataset import FaceData
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.metrics import SplitScore
from fer_keras.files import HISTORY_FILE


@dataclass(frozen=True)
class ModelSize:
    """What a model costs.

    Attributes:
        parameters: trainable parameters.
        multiply_adds: multiply-adds for one image; None where the model's graph cannot be walked.
        activation_memory: bytes of the activations alive at once, at most, for one image in float32; of
            an ensemble, those of its largest member; None as for `multiply_adds`.
        file_bytes: size of the saved file; None for a model that has none.
    """

    parameters: int
    multiply_adds: int | None
    activation_memory: int | None
    file_bytes: int | None = None


@dataclass(frozen=True, eq=False)
class SplitResult:
    """One split's scores, and what they came from, which is not serialised: None in scores that were read back.

    Attributes:
        all: the scores of every labelled image.
        without_copies: the same without images that have an exact copy among the training images; None
            where that leaves no image or `copies` is None.
        copies: how many images have such a copy; None where the data has no training images to look
            through, and for the `train` split itself.
        logits: float32 [N, C].
        data: the N labelled images, in the order of `logits`.
        labels: int [N], their classes; -1 for an image whose votes have no majority.
        shares: float [N, C], of each class in the votes; None also where nobody voted.
    """

    all: SplitScore
    without_copies: SplitScore | None
    copies: int | None
    logits: np.ndarray | None = None
    data: FaceData | None = None
    labels: np.ndarray | None = None
    shares: np.ndarray | None = None

    @property
    def decided(self) -> tuple[np.ndarray, FaceData]:
        """The logits and the images that have a class: all, or those whose votes have a majority."""
        rows = np.flatnonzero(self.labels >= 0)
        return self.logits[rows], self.data.take(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as JSON values."""
        without = self.without_copies.to_dict() if self.without_copies else None
        return {"all": self.all.to_dict(), "without_copies": without, "copies": self.copies}

    @classmethod
    def from_dict(cls, scores: Mapping[str, Any]) -> "SplitResult":
        """Return the scores that `to_dict` wrote."""
        without = scores["without_copies"] and SplitScore.from_dict(scores["without_copies"])
        return cls(SplitScore.from_dict(scores["all"]), without, scores["copies"])


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's scores on each split, and its size.

    Attributes:
        splits: split name -> result, in the order of `fer_keras.data.dataset.SPLITS`.
        source: what the images are, for people.
        drawn: True where they are drawn faces, not FER2013.
        classes: the names of the classes, in the order of the logits.
        size: what the model costs; None where only its logits were at hand.
    """

    splits: dict[str, SplitResult]
    source: str
    drawn: bool
    classes: tuple[str, ...]
    size: ModelSize | None = None

    @property
    def headline(self) -> str:
        """The split to quote first: of those scored, the one that fewest choices were made by."""
        order = ("private_test", "test", "public_test", "val", "train")
        return next(name for name in order if name in self.splits)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but images and logits as JSON values."""
        return {
            "data": self.source,
            "drawn": self.drawn,
            "classes": list(self.classes),
            "size": dict(vars(self.size)) if self.size else None,
            "splits": {name: result.to_dict() for name, result in self.splits.items()},
        }

    @classmethod
    def from_dict(cls, scores: Mapping[str, Any]) -> "Evaluation":
        """Return what `to_dict` wrote, without images and logits."""
        splits = {name: SplitResult.from_dict(result) for name, result in scores["splits"].items()}
        size = ModelSize(**scores["size"]) if scores["size"] else None
        return cls(splits, scores["data"], scores["drawn"], tuple(scores["classes"]), size)


def read_history(folder: Path) -> pd.DataFrame | None:
    """Return a run folder's `metrics.csv`, a row an epoch with at least `val_accuracy` and `seconds`; None without one.

    Raises:
        FerKerasError: it holds something else.
    """
    path = folder / HISTORY_FILE
    if not path.is_file():
        return None
    try:
        history = pd.read_csv(path, dtype=np.float64)
        needed = history[["val_accuracy", "seconds"]]
        if np.isinf(needed).any(axis=None) or needed["seconds"].isna().any() or needed["val_accuracy"].isna().all():
            raise ValueError("val_accuracy or seconds is no number")
    except (OSError, ValueError, KeyError) as error:
        raise FerKerasError(f"{path}: expected a CSV with one row an epoch, found something else ({error})") from error
    return history.astype({"epoch": np.int64}) if "epoch" in history else history
