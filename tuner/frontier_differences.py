"""What the networks of a frontier differ by, image by image, and how well short trials foretell full schedules."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from fer_keras.evaluation.comparison import SPLITS, compare_arms
from fer_keras.files import read_arrays
from tuner.frontier import HITS_FILE

DISTILLATION = "distillation"
LABELS_ALONE = "labels alone"
FAMILIES_COMPARED = {"families, distilled": "distilled", "families, labels alone": LABELS_ALONE}
"""Questions that `differences` answers beside `DISTILLATION`, and what the networks learned from."""

HALF = "half of the general CNN's parameters"
"""The same of a family at one budget and the general CNN at twice that."""

_Cell = tuple[str, str, int]
"""Stage, family and budget."""


def differences(ledger: pd.DataFrame, points: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Compare, image by image, the families at each budget and what distillation is worth; see `compare_arms`.

    Args:
        ledger: from `tuner.frontier.read_ledger`.
        points: from `tuner.frontier.frontier_points`.
        folder: the ledger's, with each model's `HITS_FILE` beside the model.

    Returns:
        A row for each `question`, `family` and `budget`, as from `compare_arms`. The questions are `families,
        distilled`, `families, labels alone` and `HALF`, with `against` the general CNN, and `distillation`, with
        `against` `labels alone`. What lacks a file or its other side is left out.

    Raises:
        FerKerasError: a file is damaged.
    """
    hits = _hits(ledger[ledger["status"] == "completed"], points, folder)
    distilled, control = ({cell: hits[cell] for cell in hits if cell[0] == stage} for stage in ("final", "control"))
    tables = [
        *(
            _compared(question, hits_of, {cell: (cell[0], "cnn", cell[2]) for cell in hits_of})
            for question, hits_of in zip(FAMILIES_COMPARED, (distilled, control), strict=True)
        ),
        _compared(HALF, distilled, {cell: (cell[0], "cnn", 2 * cell[2]) for cell in distilled if cell[1] != "cnn"}),
        _compared(DISTILLATION, hits, {cell: ("control", *cell[1:]) for cell in distilled}),
    ]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def with_gains(points: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return `points` with the 95% intervals of the gain of distillation, over images and seeds.

    Args:
        points: from `tuner.frontier.frontier_points`.
        table: from `differences`.

    Returns:
        `points` with the columns `<accuracy>_gain_low` and `_high`; NaN where the files for it were not there.
    """
    columns = {f"{split}_{end}": f"{split}_accuracy_gain_{end}" for split in SPLITS for end in ("low", "high")}
    if table.empty:
        return points.assign(**dict.fromkeys(columns.values(), np.nan))
    gains = table[table["question"] == DISTILLATION].rename(columns=columns)
    return points.merge(gains[["family", "budget", *columns.values()]], on=["family", "budget"], how="left")


def rank_correlations(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return how well the short trials' order foretells that of the full schedule, by validation accuracy.

    Args:
        ledger: from `tuner.frontier.read_ledger`.

    Returns:
        A row for each budget, for all of them, and for all after each budget's mean was taken away, since larger
        networks are better on any schedule: `budget`, `networks` that had both, Spearman's `correlation` of the short
        trial with the mean over the seeds, and its two-sided `p_value`; NaN of fewer than three networks.
    """
    ended = ledger[ledger["status"].isin(["completed", "stopped"])]
    means = ended.groupby(["budget", "family", "options", "stage"])["val_accuracy"].mean().unstack("stage")
    paired = means.reindex(columns=["search", "final"]).dropna()
    centred = paired - paired.groupby("budget").transform("mean")
    groups = {f"{budget:,} parameters": rows for budget, rows in paired.groupby("budget")}
    groups |= {"any": paired, "any, against the mean of the budget": centred}
    return pd.DataFrame(
        [
            (name, len(rows), *(spearmanr(rows["search"], rows["final"]) if len(rows) > 2 else (np.nan, np.nan)))
            for name, rows in groups.items()
        ],
        columns=["budget", "networks", "correlation", "p_value"],
    )


def _hits(ended: pd.DataFrame, points: pd.DataFrame, folder: Path) -> dict[_Cell, dict[str, np.ndarray]]:
    """Which images the networks of the points call right: (stage, family, budget) -> split -> bool [S, N]."""
    hits = {}
    for point in points.to_dict("records"):
        same = np.logical_and.reduce([ended[name] == point[name] for name in ("family", "budget", "options")])
        for stage in ("final", "control"):
            models = ended[same & (ended["stage"] == stage)]["model"]
            files = [(folder / model).with_name(HITS_FILE) for model in models]
            loaded = [read_arrays(file, "which images a model calls right") for file in files if file.is_file()]
            if of_seeds := [arrays for arrays in loaded if all(split in arrays for split in SPLITS)]:
                stacked = {split: np.stack([arrays[split] for arrays in of_seeds]) for split in SPLITS}
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
