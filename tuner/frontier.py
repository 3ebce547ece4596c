"""The frontier, from the ledger of a search: its points, which of them no other beats, and the one to pick."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from fer_keras.errors import FerKerasError
from fer_keras.evaluation.comparison import between_seeds
from fer_keras.files import read_json

LEDGER_FILE = "ledger.csv"
KNOWN_FILE = "known_milliseconds.csv"
"""Beside the ledger: milliseconds of models that are not the search's, measured in the same run, by name."""

SETTINGS_FILE = "search.json"
"""Beside the ledger: what the search was told."""

HITS_FILE = "hits.npz"
"""Beside a model of the full schedule: split -> bool [N], which images it calls right."""

LEDGER_COLUMNS = (
    "trial", "stage", "family", "budget", "parameters", "multiply_adds", "milliseconds", "epochs", "seed", "alpha",
    "val_accuracy", "public_test_accuracy", "train_accuracy", "seconds", "status", "error", "widths", "options",
    "config_hash", "model", "ended",
)  # fmt: skip
"""A row a trial. `stage` is `search`, `final` or `control` (the full schedule without distillation); accuracies are
shares; `train_accuracy` is of the last epoch's augmented views; `milliseconds` is measured later; `widths` are those of
all layers; `options` all that the family's builder is told, as JSON; `model` is a path below the ledger's folder."""

FAMILY_NAMES = {"cnn": "general CNN", "separable": "separable CNN", "mobilenet": "MobileNet"}
"""The families that a ledger has, as tables and figures call them."""

COSTS: dict[str, str] = {
    "parameters": "trainable parameters",
    "multiply_adds": "multiply-adds for one image",
    "milliseconds": "milliseconds for one image on one CPU thread",
}
_ACCURACIES = ("val_accuracy", "public_test_accuracy")


def _is_options(cell: Any) -> bool:
    try:
        return isinstance(json.loads(cell), dict)
    except (TypeError, ValueError):
        return False


def _is_number(cell: Any) -> bool:
    try:
        float(cell)  # also NaN, an empty cell
    except ValueError:
        return False
    return True


_CELLS: dict[str, Callable[[Any], bool]] = {
    "family": FAMILY_NAMES.__contains__,
    "options": _is_options,
    **dict.fromkeys(("budget", "epochs", "seed", "train_accuracy", *COSTS, *_ACCURACIES), _is_number),
}
"""What is computed with: column -> whether a cell of it can be."""


def read_ledger(path: Path) -> pd.DataFrame:
    """Read the ledger of a search.

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
    for name, fits in _CELLS.items():
        # A trial that failed before its network was built has no options.
        wrong = ledger[~(ledger[name].map(fits) | ((ledger["status"] == "failed") & ledger[name].isna()))]
        if len(wrong):
            trial, found = wrong[["trial", name]].iloc[0]
            raise FerKerasError(f"{path}: trial {trial}: found {name} {found!r}")
    return ledger


def told_source(folder: Path) -> str:
    """Return what the search in `folder` says its data are called, or nothing where it says nothing.

    Raises:
        FerKerasError: `SETTINGS_FILE` is damaged.
    """
    path = folder / SETTINGS_FILE
    if not path.exists():
        return ""
    try:
        return str(read_json(path)["base"]["data"]["source"])
    except (KeyError, TypeError) as error:
        raise FerKerasError(f"{path}: expected the settings of a search") from error


def known_milliseconds(folder: Path) -> dict[str, float]:
    """Return what `KNOWN_FILE` in a search's folder says, by name; nothing where there is no such file.

    Raises:
        FerKerasError: it is damaged.
    """
    path = folder / KNOWN_FILE
    if not path.exists():
        return {}
    try:
        return pd.read_csv(path).set_index("name")["milliseconds"].astype(float).to_dict()
    except (ValueError, KeyError) as error:
        raise FerKerasError(f"{path}: expected columns name and milliseconds ({error})") from error


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
    rows = []
    for (_, _), cell in finals.groupby(["family", "budget"]):
        networks = cell.groupby("options")["val_accuracy"].agg(["count", "mean"])
        options = networks.sort_values(["count", "mean"]).index[-1]
        mine = cell[cell["options"] == options]
        control = ended[(ended["stage"] == "control") & (ended["options"] == options)]
        control = control[(control["family"] == mine["family"].iloc[0]) & (control["budget"] == mine["budget"].iloc[0])]
        rows.append(_point(mine, control, spread))
    points = pd.DataFrame(rows).sort_values(["family", "parameters"], ignore_index=True)
    for cost in COSTS:
        points[f"pareto_{cost}"] = pareto(points[cost].to_numpy(), points["val_accuracy"].to_numpy())
    return points


def _point(mine: pd.DataFrame, control: pd.DataFrame, spread: Mapping[str, tuple[float, float]]) -> dict[str, object]:
    best = mine.loc[mine["val_accuracy"].idxmax()]
    row = {name: best[name] for name in ("family", "budget", *COSTS, "epochs")} | {"seeds": len(mine)}
    row["milliseconds"] = mine["milliseconds"].mean()
    for name in _ACCURACIES:
        deviation, quantile = spread[name]
        mean, error = mine[name].mean(), quantile * deviation * len(mine) ** -0.5
        row |= {name: mean, f"{name}_low": mean - error, f"{name}_high": mean + error}
        other = control[name].mean()
        row |= {f"control_{name}": other, f"{name}_gain": mean - other}
    row["train_accuracy"] = mine["train_accuracy"].mean()
    row["control_train_accuracy"] = control["train_accuracy"].mean()
    return row | {"options": best["options"], "model": best["model"]}


def _pooled(ended: pd.DataFrame, name: str) -> tuple[float, float]:
    """The standard deviation between seeds of one network, pooled, and Student's 97.5% quantile to go with it."""
    networks = ended.groupby(["stage", "family", "budget", "options"])[name]
    variance, freedom = between_seeds([seeds.to_numpy() for _, seeds in networks])
    return variance**0.5, float(student_t.ppf(0.975, freedom))


def pick(points: pd.DataFrame, most: Mapping[str, float]) -> pd.Series:
    """Return the point with the best validation accuracy among those within the limits.

    Args:
        points: from `frontier_points`.
        most: some of `COSTS` -> the most allowed.

    Raises:
        FerKerasError: no point is within them, or a cost was not measured of all.
    """
    for cost in most:
        if points[cost].isna().any():
            raise FerKerasError(
                f"the ledger has no {cost} of {points[cost].isna().sum()} of {len(points)} models yet;"
                " scripts/frontier.py --measure measures them"
            )
    fits = np.ones(len(points), bool)
    for cost, limit in most.items():
        fits &= (points[cost] <= limit).to_numpy()
    within = points[fits]
    if within.empty:
        told = " and ".join(f"at most {limit:,} {_said(cost)}" for cost, limit in most.items())
        raise FerKerasError(f"no model of the frontier has {told}; {_nearest(points, most)}")
    return within.loc[within["val_accuracy"].idxmax()]


def _nearest(points: pd.DataFrame, most: Mapping[str, float]) -> str:
    """By which limit, the others kept, a model would come within them all."""
    hints = []
    for cost in most:
        others = [points[other] <= limit for other, limit in most.items() if other != cost]
        rest = points[np.logical_and.reduce([np.ones(len(points), bool), *others])]
        if len(rest):
            kept = " within the other limits" if others else ""
            hints.append(f"the fewest {_said(cost)}{kept} are {rest[cost].min():,}")
    return ", ".join(hints) or "any two of these limits leave none"


def _said(cost: str) -> str:
    return cost.replace("_", "-")
