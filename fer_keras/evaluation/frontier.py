"""The frontier, from the ledger of a search: its points, which of them no other beats, and the one to pick."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from fer_keras.data.synthetic import SOURCE as DRAWN
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

COSTS: dict[str, str] = {
    "parameters": "trainable parameters",
    "multiply_adds": "multiply-adds for one image",
    "milliseconds": "milliseconds for one image on one CPU thread",
}
_ACCURACIES = ("val_accuracy", "public_test_accuracy")


def read_ledger(path: Path) -> pd.DataFrame:
    """Read the ledger of a search.

    Raises:
        FerKerasError: there is no such file, or it is not a ledger.
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
    return ledger


def other_source(folder: Path) -> str:
    """Return `drawn faces` if the search in `folder` was of those, else nothing: then known models compare with it."""
    path = folder / SETTINGS_FILE
    source = read_json(path)["base"]["data"]["source"] if path.exists() else ""
    return source if source == DRAWN else ""


def known_milliseconds(folder: Path) -> dict[str, float]:
    """Return what `KNOWN_FILE` in a search's folder says, by name; nothing where there is no such file."""
    path = folder / KNOWN_FILE
    return dict(pd.read_csv(path).itertuples(index=False)) if path.exists() else {}


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
    counts. The Pareto sets are by validation accuracy.

    Args:
        ledger: from `read_ledger`.

    Returns:
        Sorted by family and parameters: `family`, `budget`, costs, `epochs`, `seeds`, of each accuracy its mean,
        `_low` and `_high`, `train_accuracy`, the same of the control and of the `gain` over it where there is one,
        `pareto_<cost>`, `options` and `model`, the best seed's by validation.

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
        options = cell.groupby("options")["val_accuracy"].mean().idxmax()
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
        told = " and ".join(f"at most {limit:g} {cost.replace('_', '-')}" for cost, limit in most.items())
        smallest = " and ".join(f"{points[cost].min():g} {cost.replace('_', '-')}" for cost in most)
        raise FerKerasError(f"no model of the frontier has {told}; the smallest is {smallest}")
    return within.loc[within["val_accuracy"].idxmax()]
