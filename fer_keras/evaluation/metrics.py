"""What a classifier's answers are worth: accuracy, macro-F1, recall, agreement with votes, with their intervals.

References: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993 (percentile intervals); Barsoum et al., 2016,
arXiv 1608.01041 (votes and their majority).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import metrics as sklearn_metrics

from fer_keras.data.dataset import FaceData
from fer_keras.data.votes import vote_majorities
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.confidence import brier, calibration_error, nll
from fer_keras.labels import UNLABELLED

_INTERVAL = (2.5, 97.5)
_RESAMPLES = 2000


@dataclass(frozen=True)
class VoteScore:
    """How answers agree with all votes on each image, whether they have a majority or not.

    Attributes:
        count: images with votes.
        without_majority: of these; they count here only.
        cross_entropy: of the votes' shares and the answers, in nats.
        brier: the mean over the images of the squared distance between probabilities and shares (Brier, 1950), 0 to 2.
        plurality_accuracy: the share of images whose largest logit is the class with the most votes.
    """

    count: int
    without_majority: int
    cross_entropy: float
    brier: float
    plurality_accuracy: float


@dataclass(frozen=True, eq=False)
class SplitScore:
    """The scores of one set of labelled images.

    Attributes:
        count: images scored; of voted ones those with a majority.
        accuracy: the share of images whose largest logit is the label's.
        accuracy_interval: its 95% bootstrap interval, (low, high).
        macro_f1: the mean F1 over the classes that were labelled or predicted at least once.
        macro_f1_interval: its 95% bootstrap interval, (low, high).
        per_class_recall: float [C]; NaN for a class without an image.
        calibration_error: expected calibration error over 15 bins of confidence, 0 to 1.
        nll: the mean negative log-likelihood of the labels, in nats.
        confusion: int64 [C, C], images of class `row` that were called `column`.
        votes: of images that people voted on; else None.
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
    votes: VoteScore | None = None

    @property
    def macro_recall(self) -> float:
        """The mean recall over the classes that have an image."""
        return float(np.nanmean(self.per_class_recall))

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as JSON values; a recall that does not exist is None."""
        return {
            **{name: value for name, value in vars(self).items() if name != "votes"},
            "accuracy_interval": list(self.accuracy_interval),
            "macro_f1_interval": list(self.macro_f1_interval),
            "per_class_recall": [None if np.isnan(r) else float(r) for r in self.per_class_recall],
            "confusion": self.confusion.tolist(),
            **({"votes": dict(vars(self.votes))} if self.votes else {}),
        }

    @classmethod
    def from_dict(cls, scores: Mapping[str, Any]) -> "SplitScore":
        """Return the scores that `to_dict` wrote."""
        recalls = [np.nan if recall is None else recall for recall in scores["per_class_recall"]]
        arrays = {"per_class_recall": np.array(recalls), "confusion": np.array(scores["confusion"], np.int64)}
        intervals = {name: tuple(scores[name]) for name in ("accuracy_interval", "macro_f1_interval")}
        votes = {"votes": VoteScore(**scores["votes"])} if "votes" in scores else {}
        return cls(**{**scores, **intervals, **arrays, **votes})


def score(
    logits: np.ndarray,
    labels: np.ndarray,
    shares: np.ndarray | None = None,
    *,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> SplitScore:
    """Score logits against labels, or against votes.

    The intervals are percentile bootstraps over images. Accuracy and macro-F1 depend on the images only
    through the confusion matrix, and that of N images drawn with replacement is multinomial, so the
    matrices are drawn directly. A percentile interval has no width where every image agrees: of a
    perfect score on few images it says less than it seems to.

    Args:
        logits: float [N, C], unnormalised.
        labels: int [N], 0..C-1; with `shares` from `majorities`, -1 for an image that is left out of all but `votes`.
        shares: float [N, C], of each class in the votes; None where nobody voted.
        seed: equal seeds give equal intervals.
        resamples: bootstrap draws.

    Raises:
        FerKerasError: nothing to score, shapes that do not go together, a label outside 0..C-1, or a
            logit that is not finite.
    """
    decided = np.asarray(labels) >= (-np.inf if shares is None else 0)
    logits, labels = _checked(logits, np.where(decided, labels, 0))
    votes = None if shares is None else _vote_score(logits, shares, decided)
    logits, labels = _checked(logits[decided], labels[decided])
    count, num_classes = logits.shape
    confusion = sklearn_metrics.confusion_matrix(labels, logits.argmax(axis=1), labels=range(num_classes))
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
        votes=votes,
    )


def _vote_score(logits: np.ndarray, shares: np.ndarray, decided: np.ndarray) -> VoteScore:
    agree = logits.argmax(axis=1) == shares.argmax(axis=1)
    return VoteScore(
        len(shares), int((~decided).sum()), nll(logits, shares), brier(logits, shares), float(agree.mean())
    )


def majorities(data: FaceData) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what `score` takes of images: their classes, and the shares of the votes where people voted.

    The class of voted images is FER+'s majority: more than half of the votes that are not single ones, those for
    `unknown` and `no face` counted too. Where the votes are not at hand it is the class with more than half of the
    shares, from which those two are gone.

    Returns:
        int64 [N], -1 where there is no majority; float32 [N, C], or None where every image has one class.
    """
    soft = (data.targets > 0) & (data.targets < 1)
    if not soft.any():
        return data.labels, None
    half = data.targets.max(axis=1, initial=0) > 0.5
    decided = half if data.votes is None else vote_majorities(data.votes).any(axis=1)
    return np.where(decided, data.labels, UNLABELLED), data.targets


def accuracy_difference(
    logits: np.ndarray, others: np.ndarray, labels: np.ndarray
) -> tuple[float, tuple[float, float]]:
    """Return how much more accurate `logits` are than `others` on the same images, and the 95% interval.

    The bootstrap is paired: both are scored on the same draws, so what is hard for both cancels out. The
    interval is much narrower than a comparison of two separate ones suggests.

    Args:
        logits: float [N, C] of one model.
        others: float [N, C] of another, on the same images in the same order.
        labels: int [N], 0..C-1.

    Raises:
        FerKerasError: as `score`.
    """
    logits, labels = _checked(logits, labels)
    others, _ = _checked(others, labels)
    gain = (logits.argmax(axis=1) == labels).astype(int) - (others.argmax(axis=1) == labels)
    shares = np.array([np.mean(gain == -1), np.mean(gain == 0), np.mean(gain == 1)])
    draws = np.random.default_rng(0).multinomial(len(labels), shares, size=_RESAMPLES)
    return float(gain.mean()), _percentiles((draws[:, 2] - draws[:, 0]) / len(labels))


def has_copy_in(data: FaceData, train: FaceData) -> np.ndarray:
    """Return bool [N]: which images of `data` have an exact copy, pixel for pixel, in `train`."""
    return np.isin(data.image_hashes, train.image_hashes)


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
