"""A confidence that means what it says: one temperature for all logits, fitted on validation images.

Reference: Guo et al., "On Calibration of Modern Neural Networks", 2017, arXiv 1706.04599 (temperature scaling).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import optimize

from fer_keras.errors import FerKerasError
from fer_keras.evaluation.confidence import brier, calibration_error, nll
from fer_keras.files import CALIBRATION_FILE, file_sha256, write_json

_RANGE = (0.05, 20.0)


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the temperature T > 0 by which dividing logits makes the targets likeliest.

    The negative log-likelihood is convex in 1/T, so the one minimum between T = 0.05 and 20 is found; where every
    label has the largest logit it lies at 0, and about 0.05 is returned.

    Args:
        logits: float [N, C], of images that were not fitted to.
        targets: labels, int [N], or shares of votes, float [N, C].

    Raises:
        FerKerasError: there are no images.
    """
    if not len(targets):
        raise FerKerasError("no validation images to fit a temperature on")
    low, high = (1.0 / bound for bound in reversed(_RANGE))
    best = optimize.minimize_scalar(
        lambda scale: nll(scale * logits, targets), bounds=(low, high), method="bounded", options={"xatol": 1e-6}
    )
    return float(1.0 / best.x)


def write_calibration(
    model: Path, splits: Mapping[str, tuple[np.ndarray, ...]], source: str, classes: Sequence[str]
) -> None:
    """Fit a temperature on validation images and write it to calibration.json beside a model.

    Args:
        model: the model's file.
        splits: split name -> its logits [N, C] and labels [N], or logits and what `metrics.majorities` returns: `val`,
            and others to say what the temperature is worth on images that neither the model nor the temperature was
            fitted to.
        source: what the images are, for people.
        classes: the names of the columns of the logits.
    """
    logits, labels, *votes = splits["val"]
    temperature = fit_temperature(logits, next((shares for shares in votes if shares is not None), labels))
    tested = {name: _before_and_after(temperature, *split) for name, split in splits.items() if name != "val"}
    facts = {
        "model_sha256": file_sha256(model),
        "classes": list(classes),
        "temperature": temperature,
        "source": source,
        "images": len(labels),
        **_before_and_after(temperature, *splits["val"]),
        "tested_on": tested,
    }
    write_json(model.parent / CALIBRATION_FILE, facts)


def _before_and_after(
    temperature: float, logits: np.ndarray, labels: np.ndarray, shares: np.ndarray | None = None
) -> dict[str, list[float]]:
    """What logits are worth as they are, and divided by `temperature`: likelihood, calibration, distance from votes."""
    both, decided = (logits, logits / temperature), labels >= 0
    facts = {
        "nll": [nll(each, labels if shares is None else shares) for each in both],
        "calibration_error": [calibration_error(each[decided], labels[decided]) for each in both],
    }
    return facts if shares is None else {**facts, "brier": [brier(each, shares) for each in both]}
