"""What the probabilities of answers are worth: likelihood, distance from votes, calibration.

Reference: Guo et al., "On Calibration of Modern Neural Networks", 2017, arXiv 1706.04599 (calibration error).
"""

import numpy as np
from scipy import special

CALIBRATION_BINS = 15
"""Equal-width bins of confidence, as in Guo et al."""


def reliability(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort predictions into equal-width bins of confidence, each open below and closed above.

    Args:
        logits: float [N, C].
        labels: int [N], 0..C-1.

    Returns:
        int64 [CALIBRATION_BINS] images in each bin, float [bins] their mean confidence, float [bins] their accuracy;
        the last two are NaN for an empty bin.
    """
    probabilities = softmax(logits)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    # Rounding can put a certain prediction a hair above 1.
    which = np.digitize(confidence, np.linspace(0.0, 1.0, CALIBRATION_BINS + 1)[1:-1], right=True)
    counts = np.bincount(which, minlength=CALIBRATION_BINS)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(which, confidence, minlength=CALIBRATION_BINS) / counts
        accuracy = np.bincount(which, correct, minlength=CALIBRATION_BINS) / counts
    return counts, mean_confidence, accuracy


def calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the expected calibration error: the mean gap between confidence and accuracy, by bin of `reliability`."""
    counts, confidence, accuracy = reliability(logits, labels)
    return float(np.nansum(counts * np.abs(confidence - accuracy)) / counts.sum())


def nll(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean negative log-likelihood of logits [N, C], in nats; of shares it is the cross-entropy.

    Args:
        logits: float [N, C].
        targets: labels, int [N], or shares, float [N, C].
    """
    log_probabilities = special.log_softmax(np.asarray(logits, np.float64), axis=-1)
    if targets.ndim == 1:
        return float(-log_probabilities[np.arange(len(targets)), targets].mean())
    return float(-(targets * log_probabilities).sum(axis=1).mean())


def brier(logits: np.ndarray, shares: np.ndarray) -> float:
    """Return the mean squared distance, 0 to 2, between the softmax of logits [N, C] and shares, float [N, C]."""
    return float(((softmax(logits) - shares) ** 2).sum(axis=1).mean())


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return float64 probabilities of float logits [..., C]."""
    return special.softmax(np.asarray(logits, np.float64), axis=-1)
