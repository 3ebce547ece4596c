"""The frontier, from the ledger of a search: its points, which of them no other beats, and the one to pick."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from fer_keras.errors import FerKerasError
from fer_keras.evaluation.comparison import between_seeds
from fer_keras.models.registry import FAMILIES

LEDGER_FILE = "ledger.csv"

HITS_FILE = "hits.npz"
"""Beside a model of the full schedule: split -> bool [N], which images it calls right."""

LEDGER_COLUMNS = (
    "trial", "stage", "family", "budget", "parameters", "multiply_adds", "milliseconds", "epochs", "seed", "alpha",
    "val_accuracy", "public_test_accuracy", "train_accuracy", "seconds", "status", "error", "widths", "options",
    "config_hash", "model", "ended",
)  # fmt: skip
"""A row a trial; `tuner.ledger.Row` says what each is."""

COSTS: dict[str, str] = {
    "parameters": "trainable parameters",
    "multiply_adds": "multiply-adds for one image",
    "milliseconds": "milliseconds for one image on one CPU thread",
}
_ACCURACIES = ("val_accuracy", "public_test_accuracy")
_NETWORK = ["family", "budget", "options"]


_NUMBERS = ("budget", "epochs", "seed", "train_accuracy", *COSTS, *_ACCURACIES)
"""Columns that are computed with; a cell may be empty."""


def read_ledger(path: Path) -> pd.DataFrame:
    """Read the ledger of a search, or that in its folder.

    Raises:
        FerKerasError: there is no such file, or it is not a ledger; the sentence names the trial whose row is wrong.
    """
    path = path / LEDGER_FILE if path.is_dir() else path
    try:
        ledger = pd.read_csv(path, dtype={"trial": str, "error": str})
    except FileNotFoundError as error:
        raise FerKerasError(f"{path}: there is no such file, expected the ledger of a search") from error
    except (OSError, ValueError) as error:
        raise FerKerasError(f"{path}: expected the ledger of a search, found something else ({error})") from error
    missing = [name for name in LEDGER_COLUMNS if name not in ledger]
    if missing:
        raise FerKerasError(f"{path}: expected the ledger of a search, found no column {missing[0]!r}")
    numbers = {name: pd.to_numeric(ledger[name], errors="coerce").notna() | ledger[name].isna() for name in _NUMBERS}
    fits = numbers | {"family": ledger["family"].isin([*FAMILIES]), "options": ledger["options"].map(_is_object)}
    for name, fit in fits.items():
        # A trial that failed before its network was built has no options.
        wrong = ledger[~(fit | ((ledger["status"] == "failed") & ledger[name].isna()))]
        if len(wrong):
            trial, cell = wrong[["trial", name]].iloc[0]
            raise FerKerasError(f"{path}: trial {trial}: found {name} {str(cell)[:80]!r}")
    return ledger


def _is_object(cell: Any) -> bool:
    try:
        return isinstance(json.loads(cell), dict)
    except (TypeError, ValueError):
        return False


def pareto(cost: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Return bool [N]: which points no other beats, being as good in both and better in one.

    Args:
        cost: float [N]; points without a cost (NaN) are not compared and not chosen.
        accuracy: float [N].
    """
    cost, accuracy = np.asarray(cost, np.float64), np.asarray(accuracy, np.float64)
    as_good = (cost[:, None] <= cost) & (accuracy[:, None] >= accuracy)
    better = (cost[:, None] < cost) | (accuracy[:, None] > accuracy)
    return ~(as_good & better).any(axis=0) & np.isfinite(cost)


def frontier_points(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each family and budget: means over the seeds of the full schedule.

    The 95% intervals are of those means over seeds: another sample of images would move all points alike. The variance
    between seeds is pooled over all points, controls too: two seeds of one point say little of it. Where a search was
    extended, so that a cell has several networks on the full schedule, the one with the best mean validation accuracy
    counts among those with the most seeds: one lucky seed beats no mean. The Pareto sets are by validation accuracy.

    Args:
        ledger: from `read_ledger`.

    Returns:
        Sorted by family and parameters: `family`, `budget`, costs, `epochs`, `seeds`, of each accuracy its mean,
        `_low` and `_high`, `control_<accuracy>` and `<accuracy>_gain` over it where there is a control,
        `train_accuracy`, the control's too, `pareto_<cost>`, `options` and `model`, the best seed's by validation.

    Raises:
        FerKerasError: no trial of the full schedule has ended.
    """
    ended = ledger[(ledger["status"] == "completed") & ledger["stage"].isin(["final", "control"])]
    finals = ended[ended["stage"] == "final"]
    if finals.empty:
        raise FerKerasError("the ledger has no trial of the full schedule that has ended yet")
    spread = {name: _pooled(ended, name) for name in _ACCURACIES}
    networks = finals.groupby(_NETWORK)["val_accuracy"].agg(["count", "mean"]).sort_values(["count", "mean"])
    rows = []
    for best in networks.reset_index().drop_duplicates(["family", "budget"], keep="last")[_NETWORK].to_numpy():
        of_stage = dict(tuple(ended[(ended[_NETWORK] == best).all(axis=1)].groupby("stage")))
        rows.append(_point(of_stage["final"], of_stage.get("control", ended[:0]), spread))
    points = pd.DataFrame(rows).sort_values(["family", "parameters"], ignore_index=True)
    for cost in COSTS:
        points[f"pareto_{cost}"] = pareto(points[cost].to_numpy(), points["val_accuracy"].to_numpy())
    return points


def _point(finals: pd.DataFrame, controls: pd.DataFrame, spread: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    best = finals.loc[finals["val_accuracy"].idxmax()]
    row = {name: best[name] for name in ("family", "budget", *COSTS, "epochs")} | {"seeds": len(finals)}
    row["milliseconds"] = finals["milliseconds"].mean()
    for name in _ACCURACIES:
        deviation, quantile = spread[name]
        mean, error = finals[name].mean(), quantile * deviation * len(finals) ** -0.5
        row |= {name: mean, f"{name}_low": mean - error, f"{name}_high": mean + error}
        row |= {f"control_{name}": controls[name].mean(), f"{name}_gain": mean - controls[name].mean()}
    row["train_accuracy"] = finals["train_accuracy"].mean()
    row["control_train_accuracy"] = controls["train_accuracy"].mean()
    return row | {"options": best["options"], "model": best["model"]}


def _pooled(ended: pd.DataFrame, name: str) -> tuple[float, float]:
    """The standard deviation between seeds of one network, pooled, and Student's 97.5% quantile to go with it."""
    variance, freedom = between_seeds([seeds.to_numpy() for _, seeds in ended.groupby(["stage", *_NETWORK])[name]])
    return variance**0.5, float(student_t.ppf(0.975, freedom))


def pick(points: pd.DataFrame, most: Mapping[str, float]) -> pd.Series:
    """Return the point with the best validation accuracy among those within the limits.

    Args:
        points: from `frontier_points`.
        most: some of `COSTS` -> the most allowed.

    Raises:
        FerKerasError: no point is within them, or a cost was not measured of all.
    """
    within = points
    for cost, limit in most.items():
        if points[cost].isna().any():
            raise FerKerasError(
                f"the ledger has no {cost} of {points[cost].isna().sum()} of {len(points)} models yet;"
                " scripts/frontier.py --measure measures them"
            )
        within = within[within[cost] <= limit]
    if within.empty:
        names = {cost: cost.replace("_", "-") for cost in most}
        limits = " and ".join(f"at most {limit:,} {names[cost]}" for cost, limit in most.items())
        fewest = ", ".join(f"the fewest {names[cost]} are {points[cost].min():,}" for cost in most)
        raise FerKerasError(f"no model of the frontier has {limits}; {fewest}")
    return within.loc[within["val_accuracy"].idxmax()]
