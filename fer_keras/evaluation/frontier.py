"""The frontier, from the ledger of a search: its points, which of them no other beats, and the one to pick."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from fer_keras.data.synthetic import SOURCE as DRAWN
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.comparison import SPLITS, compare_arms
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

DISTILLATION = "distillation"
FAMILIES_COMPARED = {"families, distilled": "distilled", "families, labels alone": "labels alone"}
"""Questions that `differences` answers, and what the networks learned from."""

LABELS_ALONE = "labels alone"

_Cell = tuple[str, str, int]
"""Stage, family and budget."""


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
    groups = ended.groupby(["stage", "family", "budget", "options"])[name]
    squares, freedom = ((groups.count() - 1) * groups.var(ddof=1)).sum(), int((groups.count() - 1).clip(0).sum())
    if not freedom:
        return np.nan, np.nan
    return float((squares / freedom) ** 0.5), float(student_t.ppf(0.975, freedom))


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


def differences(ledger: pd.DataFrame, points: pd.DataFrame, folder: Path, against: str = "cnn") -> pd.DataFrame:
    """Compare, image by image, the families at each budget and what distillation is worth; see `compare_arms`.

    Args:
        ledger: from `read_ledger`.
        points: from `frontier_points`.
        folder: the ledger's, with each model's `HITS_FILE` beside the model.
        against: the family that the others are compared with.

    Returns:
        A row for each `question`, `family` and `budget`, as from `compare_arms`. The questions are `families,
        distilled` and `families, labels alone`, with `against` a family, and `distillation`, with `against` `labels
        alone`. What lacks a file or its other side is left out.
    """
    hits = _hits(ledger[ledger["status"] == "completed"], points, folder)
    distilled, control = ({cell: hits[cell] for cell in hits if cell[0] == stage} for stage in ("final", "control"))
    tables = [
        *(
            _compared(question, hits_of, {cell: (cell[0], against, cell[2]) for cell in hits_of})
            for question, hits_of in zip(FAMILIES_COMPARED, (distilled, control), strict=True)
        ),
        _compared(DISTILLATION, hits, {cell: ("control", *cell[1:]) for cell in distilled}),
    ]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def with_gains(points: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return `points` with the 95% intervals of the gain of distillation, over images and seeds.

    Args:
        points: from `frontier_points`.
        table: from `differences`.

    Returns:
        `points` with the columns `<accuracy>_gain_low` and `_high`; NaN where the files for it were not there.
    """
    keys = ["family", "budget"]
    columns = {f"{split}_{end}": f"{split}_accuracy_gain_{end}" for split in SPLITS for end in ("low", "high")}
    if table.empty:
        return points.assign(**dict.fromkeys(columns.values(), np.nan))
    gains = table[table["question"] == DISTILLATION].rename(columns=columns)
    return points.merge(gains[[*keys, *columns.values()]], on=keys, how="left")


def _hits(ended: pd.DataFrame, points: pd.DataFrame, folder: Path) -> dict[_Cell, dict[str, np.ndarray]]:
    """Which images the networks of the points call right: (stage, family, budget) -> split -> bool [S, N]."""
    hits = {}
    for point in points.to_dict("records"):
        same = np.logical_and.reduce([ended[name] == point[name] for name in ("family", "budget", "options")])
        for stage in ("final", "control"):
            models = ended[same & (ended["stage"] == stage)]["model"]
            files = [(folder / model).with_name(HITS_FILE) for model in models]
            loaded = [dict(np.load(file)) for file in files if file.is_file()]
            if seen := [one for one in loaded if all(split in one for split in SPLITS)]:
                stacked = {split: np.stack([one[split] for one in seen]) for split in SPLITS}
                hits[stage, point["family"], point["budget"]] = stacked
    return hits


def _compared(
    question: str, hits: Mapping[_Cell, Mapping[str, np.ndarray]], pairs: Mapping[_Cell, _Cell]
) -> pd.DataFrame:
    """Compare the cells whose other side is there; no rows where there is none."""
    pairs = {cell: other for cell, other in pairs.items() if other in hits}
    arms = {cell: hits[cell] for cell in [*pairs, *pairs.values()]}
    rows = []
    for row in compare_arms(arms, {cell: pairs.get(cell, cell) for cell in arms}).to_dict("records"):
        (stage, family, budget), other = row.pop("arm"), row.pop("against")
        if (stage, family, budget) in pairs:
            against = other[1] if other[0] == stage else LABELS_ALONE
            rows.append({"question": question, "family": family, "budget": budget, "against": against, **row})
    return pd.DataFrame(rows)
