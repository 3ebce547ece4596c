"""The frontier's tables in Markdown: which family wins with so many parameters, by how much, and what goes with it."""

from pathlib import Path

import pandas as pd

from fer_keras.evaluation.comparison import ahead
from fer_keras.evaluation.tables import NONE, millions, points, table
from fer_keras.models.registry import FAMILIES
from tuner.frontier_differences import DISTILLATION, FAMILIES_COMPARED, HALF
from tuner.settings import SETTINGS_FILE, read_search


def families_table(differences: pd.DataFrame, split: str) -> str:
    """Return accuracies in percent, and points ahead of the CNN with 95% intervals over images and seeds.

    Args:
        differences: from `tuner.frontier_differences.differences`.
        split: `val` or `public_test`.
    """
    return _against_the_cnn(differences, split, FAMILIES_COMPARED, "general CNN")


def halves_table(differences: pd.DataFrame, split: str) -> str:
    """Return the same of networks with half of the general CNN's parameters."""
    return _against_the_cnn(differences, split, {HALF: "distilled"}, "general CNN with twice as many")


def _against_the_cnn(differences: pd.DataFrame, split: str, questions: dict[str, str], title: str) -> str:
    """Rows for each question and budget; `questions` says what the networks of each learned from."""
    shown = differences[differences["question"].isin(questions)]
    others = [name for name in FAMILIES if name != "cnn" and (shown["family"] == name).any()]
    lines = []
    for question, learned in questions.items():
        for budget, rows in shown[shown["question"] == question].groupby("budget"):
            of_family = rows.set_index("family")
            cnn = (of_family[split] - of_family[f"{split}_difference"].fillna(0)).iloc[0]
            lines.append([f"{budget:,} parameters, {learned}", points(cnn)])
            for name in others:
                row = of_family.loc[name] if name in of_family.index else None
                lines[-1] += [NONE, NONE] if row is None else [points(row[split]), ahead(row, split)]
    return table(["at most", title, *(cell for name in others for cell in (FAMILIES[name].title, "ahead by"))], lines)


def gains_table(differences: pd.DataFrame, split: str) -> str:
    """Return what distillation gains over labels alone, in points, with 95% intervals over images and seeds."""
    distilled = differences[differences["question"] == DISTILLATION]
    families = [name for name in FAMILIES if (distilled["family"] == name).any()]
    lines = []
    for budget, rows in distilled.groupby("budget"):
        gains = {row["family"]: ahead(row, split) for row in rows.to_dict("records")}
        lines.append([f"{budget:,} parameters", *(gains.get(name, NONE) for name in families)])
    return table(["distilled, at most", *(FAMILIES[name].title for name in families)], lines)


def correlation_table(correlations: pd.DataFrame) -> str:
    """Return the rank correlations of `tuner.frontier_differences.rank_correlations`."""
    lines = [
        (
            row["budget"],
            f"{row['networks']}",
            NONE if pd.isna(row["correlation"]) else f"{row['correlation']:+.2f}",
            NONE if pd.isna(row["p_value"]) else f"{row['p_value']:.2g}",
        )
        for row in correlations.to_dict("records")
    ]
    return table(("at most", "networks with both", "Spearman's rank correlation", "p"), lines)


def limits_text(folder: Path) -> str:
    """Return a sentence on the limit on multiply-adds of the search in `folder`, so that nobody takes it for a result.

    Raises:
        FerKerasError: its settings are damaged.
    """
    path = folder / SETTINGS_FILE
    if not path.exists():
        return "The limit on multiply-adds is not known: the settings of the search are not there."
    search = read_search(path)
    free = ", ".join(f"{budget:,}" for budget in search.unlimited_budgets)
    but = f", but for the budgets without a limit: {free} parameters" if free else " at every budget"
    return f"Every network has at most {search.max_multiply_adds:,} multiply-adds{but}."


def evidence_table(evidence: pd.DataFrame) -> str:
    """Return what the best network of each family and budget is like; accuracies in percent.

    Args:
        evidence: as in saved_models/frontier/evidence.csv.
    """
    header = ["network", "multiply-adds", "per parameter", "in dense layers", "layers", "mean width"]
    header += ["receptive field", "training", "validation"]
    rank = {name: number for number, name in enumerate(FAMILIES)}
    lines = [
        [
            f"{FAMILIES[row['family']].title}, {row['budget']:,}",
            millions(row["multiply_adds"]),
            f"{row['multiply_adds_per_parameter']:.0f}",
            f"{row['dense_share']:.0%}",
            str(row["layers"]),
            f"{row['mean_width']:.0f}",
            f"{row['receptive_field']}",
            points(row["train_accuracy"]),
            points(row["val_accuracy"]),
        ]
        for row in sorted(evidence.to_dict("records"), key=lambda row: (row["budget"], rank[row["family"]]))
    ]
    return table(header, lines)
