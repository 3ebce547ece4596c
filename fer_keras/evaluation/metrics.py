"""What a classifier's logits are worth: accuracy, macro-F1, recall, calibration, with their intervals.

References: Guo et al., "On Calibration of Modern Neural Networks", 2017, arXiv 1706.04599 (calibration
error); Efron and Tibshirani, "An Introduction to the Bootstrap", 1993 (percentile intervals).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special
from sklearn import metrics as sklearn_metrics

from fer_keras.data.dataset import FaceData
from fer_keras.errors import FerKerasError

CALIBRATION_BINS = 15
"""Equal-width bins of confidence, as in Guo et al."""

_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class SplitScore:
    """The scores of one set of labelled images.

    Attributes:
        count: images scored.
        accuracy: the share of images whose largest logit is the label's.
        accuracy_interval: its 95% bootstrap interval, (low, high).
        macro_f1: the mean F1 over the classes that were labelled or predicted at least once.
        macro_f1_interval: its 95% bootstrap interval, (low, high).
        per_class_recall: float [C]; NaN for a class without an image.
        calibration_error: expected calibration error over 15 bins of confidence, 0 to 1.
        nll: the mean negative log-likelihood of the labels, in nats.
        confusion: int64 [C, C], images of class `row` that were called `column`.
    """

    count: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    macro_f1_interval: tuple[float, float]
    per_class_recall: np.ndarray
    calibration_error: float
    nll: float
    confusion: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as JSON values; a recall that does not exist is None."""
        return {
            "count": self.count,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "macro_f1": self.macro_f1,
            "macro_f1_interval": list(self.macro_f1_interval),
            "per_class_recall": [None if np.isnan(r) else float(r) for r in self.per_class_recall],
            "calibration_error": self.calibration_error,
            "nll": self.nll,
            "confusion": self.confusion.tolist(),
        }

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "SplitScore":
        """Return the scores that `to_dict` wrote."""
        recalls = [np.nan if recall is None else recall for recall in written["per_class_recall"]]
        arrays = {"per_class_recall": np.array(recalls), "confusion": np.array(written["confusion"], np.int64)}
        intervals = {name: tuple(written[name]) for name in ("accuracy_interval", "macro_f1_interval")}
        return cls(**{**written, **intervals, **arrays})


def score(logits: np.ndarray, labels: np.ndarray, *, seed: int = 0, resamples: int = 2000) -> SplitScore:
    """Score logits against labels.

    The intervals are percentile bootstraps over images. Accuracy and macro-F1 depend on the images only
    through the confusion matrix, and that of N images drawn with replacement is multinomial, so the
    matrices are drawn directly. A percentile interval has no width where every image agrees: of a
    perfect score on few images it says less than it seems to.

    Args:
        logits: float [N, C], unnormalised.
        labels: int [N], 0..C-1.
        seed: equal seeds give equal intervals.
        resamples: bootstrap draws.

    Raises:
        FerKerasError: nothing to score, shapes that do not go together, a label outside 0..C-1, or a
            logit that is not finite.
    """
    logits, labels = _checked(logits, labels)
    predicted = logits.argmax(axis=1)
    count, num_classes = logits.shape
    confusion = sklearn_metrics.confusion_matrix(labels, predicted, labels=range(num_classes))
    draws = np.random.default_rng(seed).multinomial(count, confusion.ravel() / count, size=resamples)
    draws = draws.reshape(resamples, num_classes, num_classes)
    totals = confusion.sum(axis=1)
    return SplitScore(
        count=count,
        accuracy=float(_accuracy(confusion)),
        accuracy_interval=_percentiles(_accuracy(draws)),
        macro_f1=float(_macro_f1(confusion)),
        macro_f1_interval=_percentiles(_macro_f1(draws)),
        per_class_recall=np.where(totals > 0, np.diag(confusion) / np.maximum(totals, 1), np.nan),
        calibration_error=calibration_error(logits, labels),
        nll=nll(logits, labels),
        confusion=confusion,
    )


def accuracy_difference(
    logits: np.ndarray, others: np.ndarray, labels: np.ndarray, *, seed: int = 0, resamples: int = 2000
) -> tuple[float, tuple[float, float]]:
    """Return how much more accurate `logits` are than `others` on the same images, and the 95% interval.

    The bootstrap is paired: both are scored on the same draws, so what is hard for both cancels out. The
    interval is much narrower than a comparison of two separate ones suggests.

    Args:
        logits: float [N, C] of one model.
        others: float [N, C] of another, on the same images in the same order.
        labels: int [N], 0..C-1.
        seed: equal seeds give equal intervals.
        resamples: bootstrap draws.

    Raises:
        FerKerasError: as `score`.
    """
    logits, labels = _checked(logits, labels)
    others, _ = _checked(others, labels)
    gain = (logits.argmax(axis=1) == labels).astype(int) - (others.argmax(axis=1) == labels)
    shares = np.array([np.mean(gain == -1), np.mean(gain == 0), np.mean(gain == 1)])
    draws = np.random.default_rng(seed).multinomial(len(labels), shares, size=resamples)
    return float(gain.mean()), _percentiles((draws[:, 2] - draws[:, 0]) / len(labels))


def reliability(
    logits: np.ndarray, labels: np.ndarray, bins: int = CALIBRATION_BINS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort predictions into equal-width bins of confidence, each open below and closed above.

    Args:
        logits: float [N, C].
        labels: int [N], 0..C-1.
        bins: how many, over confidences 0 to 1.

    Returns:
        int64 [bins] images in each bin, float [bins] their mean confidence, float [bins] their accuracy;
        the last two are NaN for an empty bin.
    """
    probabilities = softmax(logits)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    # Rounding can put a certain prediction a hair above 1.
    inner_edges = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    which = np.digitize(confidence, inner_edges, right=True)
    counts = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(which, confidence, minlength=bins) / counts
        accuracy = np.bincount(which, correct, minlength=bins) / counts
    return counts, mean_confidence, accuracy


def calibration_error(logits: np.ndarray, labels: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
    """Return the expected calibration error: the mean gap between confidence and accuracy, by bin.

    Args:
        logits: float [N, C].
        labels: int [N], 0..C-1.
        bins: equal-width bins of confidence.
    """
    counts, confidence, accuracy = reliability(logits, labels, bins)
    return float(np.nansum(counts * np.abs(confidence - accuracy)) / counts.sum())


def nll(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood, in nats, of labels [N] by logits [N, C]."""
    return float(-log_softmax(logits)[np.arange(len(labels)), labels].mean())


def has_copy_in(data: FaceData, train: FaceData) -> np.ndarray:
    """Return bool [N]: which images of `data` have an exact copy, pixel for pixel, in `train`."""
    return np.isin(data.image_hashes, train.image_hashes)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return float64 log-probabilities of float logits [..., C]."""
    return special.log_softmax(np.asarray(logits, np.float64), axis=-1)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return float64 probabilities of float logits [..., C]."""
    return special.softmax(np.asarray(logits, np.float64), axis=-1)


def _checked(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return float64 logits and int64 labels that go together, or say why they do not."""
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels, np.int64)
    if logits.ndim != 2 or len(logits) != len(labels):
        raise FerKerasError(f"expected logits [{len(labels)}, C] for {len(labels)} labels, found {list(logits.shape)}")
    if not len(labels):
        raise FerKerasError("no images to score")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise FerKerasError(f"an image to score has no label; expected 0..{logits.shape[1] - 1} for each")
    if not np.isfinite(logits).all():
        row = int(np.flatnonzero(~np.isfinite(logits).all(axis=1))[0])
        raise FerKerasError(f"the logits of image {row} are not finite: {logits[row].tolist()}")
    return logits, labels


def _accuracy(confusion: np.ndarray) -> np.ndarray:
    """Accuracy of confusion matrices [..., C, C]."""
    return np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))


def _macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Macro-F1 of confusion matrices [..., C, C], over the classes that a matrix mentions."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    mentions = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    return (2 * hits / np.maximum(mentions, 1)).sum(axis=-1) / (mentions > 0).sum(axis=-1)


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, _INTERVAL)
    return float(low), float(high)
