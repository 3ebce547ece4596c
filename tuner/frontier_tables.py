"""The frontier's tables in Markdown: which family wins with so many parameters, by how much, and what goes with it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fer_keras.evaluation.comparison import ahead
from fer_keras.evaluation.tables import NONE, table
from tuner.frontier import FAMILY_NAMES
from tuner.frontier_differences import DISTILLATION, FAMILIES_COMPARED, HALF


def families_table(differences: pd.DataFrame, split: str) -> str:
    """Return accuracies in percent, and points ahead of the CNN with 95% intervals over images and seeds.

    Args:
        differences: from `tuner.frontier_differences.differences`.
        split: `val` or `public_test`.
    """
    lines = []
    asked = differences[differences["question"].isin(FAMILIES_COMPARED)]
    others = _others(asked)
    for how in FAMILIES_COMPARED:
        for budget, rows in asked[asked["question"] == how].groupby("budget"):
            by_family = {row["family"]: row for row in rows.to_dict("records")}
            cells = [f"{budget:,} parameters, {FAMILIES_COMPARED[how]}", f"{100 * by_family['cnn'][split]:.1f}"]
            lines.append([*cells, *_ahead_of_cnn(by_family, others, split)])
    return table(["at most", "general CNN", *_titles(others)], lines)


def halves_table(differences: pd.DataFrame, split: str) -> str:
    """Return the same of networks with half of the general CNN's parameters.

    Args:
        differences: from `tuner.frontier_differences.differences`.
        split: `val` or `public_test`.
    """
    lines = []
    asked = differences[differences["question"] == HALF]
    others = _others(asked)
    for budget, rows in asked.groupby("budget"):
        by_family = {row["family"]: row for row in rows.to_dict("records")}
        one = next(iter(by_family.values()))
        cells = [f"{budget:,} parameters, distilled", f"{100 * (one[split] - one[f'{split}_difference']):.1f}"]
        lines.append([*cells, *_ahead_of_cnn(by_family, others, split)])
    return table(["at most", "general CNN with twice as many", *_titles(others)], lines)


def _others(asked: pd.DataFrame) -> list[str]:
    return [family for family in FAMILY_NAMES if family != "cnn" and (asked["family"] == family).any()]


def _titles(others: Sequence[str]) -> list[str]:
    return [title for family in others for title in (FAMILY_NAMES[family], "ahead by")]


def _ahead_of_cnn(by_family: Mapping[str, Any], others: Sequence[str], split: str) -> list[str]:
    rows = [by_family.get(family) for family in others]
    return [cell for row in rows for cell in ((f"{100 * row[split]:.1f}", ahead(row, split)) if row else (NONE, NONE))]


def gains_table(differences: pd.DataFrame, split: str) -> str:
    """Return what distillation gains over labels alone, in points, with 95% intervals over images and seeds.

    Args:
        differences: from `tuner.frontier_differences.differences`.
        split: `val` or `public_test`.
    """
    asked = differences[differences["question"] == DISTILLATION]
    families = [family for family in FAMILY_NAMES if (asked["family"] == family).any()]
    lines = []
    for budget, rows in asked.groupby("budget"):
        by_family = {row["family"]: ahead(row, split) for row in rows.to_dict("records")}
        lines.append([f"{budget:,} parameters", *(by_family.get(family, NONE) for family in families)])
    return table(["distilled, at most", *(FAMILY_NAMES[family] for family in families)], lines)


def evidence_table(evidence: pd.DataFrame) -> str:
    """Return what the best network of each family and budget is like; accuracies in percent.

    Args:
        evidence: as in saved_models/frontier/evidence.csv.
    """
    header = ["network", "multiply-adds", "per parameter", "in dense layers", "layers", "mean width"]
    header += ["receptive field", "training", "validation"]
    rank = {family: number for number, family in enumerate(FAMILY_NAMES)}
    lines = []
    for row in sorted(evidence.to_dict("records"), key=lambda row: (row["budget"], rank[row["family"]])):
        lines.append(
            [
                f"{FAMILY_NAMES[row['family']]}, {row['budget']:,}",
                f"{row['multiply_adds'] / 1e6:.1f} M",
                f"{row['multiply_adds_per_parameter']:.0f}",
                f"{row['dense_share']:.0%}",
                str(row["layers"]),
                f"{row['mean_width']:.0f}",
                f"{row['receptive_field']}",
                f"{100 * row['train_accuracy']:.1f}",
                f"{100 * row['val_accuracy']:.1f}",
            ]
        )
    return table(header, lines)
