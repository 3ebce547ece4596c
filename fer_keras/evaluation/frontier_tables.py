"""The frontier's tables in Markdown: which family wins with so many parameters, by how much, and what goes with it."""

import pandas as pd

from fer_keras.evaluation.comparison import ahead
from fer_keras.evaluation.frontier import FAMILY_NAMES
from fer_keras.evaluation.frontier_differences import DISTILLATION, FAMILIES_COMPARED
from fer_keras.evaluation.tables import NONE, table


def families_table(differences: pd.DataFrame, split: str) -> str:
    """Return accuracies in percent, and points ahead of the CNN with 95% intervals over images and seeds.

    Args:
        differences: from `fer_keras.evaluation.frontier_differences.differences`.
        split: `val` or `public_test`.
    """
    asked = differences[differences["question"].isin(FAMILIES_COMPARED)]
    others = [family for family in FAMILY_NAMES if (asked.loc[asked["family"] == family, "against"] != family).any()]
    header = ["at most", "general CNN"]
    for family in others:
        header += [FAMILY_NAMES[family], "ahead by"]
    lines = []
    for how in FAMILIES_COMPARED:
        for budget, rows in asked[asked["question"] == how].groupby("budget"):
            by_family = {row["family"]: row for row in rows.to_dict("records")}
            cells = [f"{budget:,} parameters, {FAMILIES_COMPARED[how]}", f"{100 * by_family['cnn'][split]:.1f}"]
            for family in others:
                row = by_family.get(family)
                cells += [f"{100 * row[split]:.1f}", ahead(row, split)] if row else [NONE, NONE]
            lines.append(cells)
    return table(header, lines)


def gains_table(differences: pd.DataFrame, split: str) -> str:
    """Return what distillation gains over labels alone, in points, with 95% intervals over images and seeds.

    Args:
        differences: from `fer_keras.evaluation.frontier_differences.differences`.
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
        evidence: from `fer_keras.evaluation.family_evidence.family_evidence`.
    """
    header = ["network", "multiply-adds", "per parameter", "layers", "mean width", "receptive field", "training"]
    lines = []
    for row in evidence.sort_values(["budget", "family"], kind="stable").to_dict("records"):
        lines.append(
            [
                f"{FAMILY_NAMES[row['family']]}, {row['budget']:,}",
                f"{row['multiply_adds'] / 1e6:.1f} M",
                f"{row['multiply_adds_per_parameter']:.0f}",
                str(row["layers"]),
                f"{row['mean_width']:.0f}",
                f"{row['receptive_field']}",
                f"{100 * row['train_accuracy']:.1f}",
                f"{100 * row['val_accuracy']:.1f}",
            ]
        )
    return table([*header, "validation"], lines)
