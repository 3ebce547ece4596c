"""The tables of README.md and docs/*.md, made from what is published in saved_models/."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from fer_keras.cards.model_card import read_cards
from fer_keras.cards.schema import Card
from fer_keras.cards.table import accuracy_cells, size_cells
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.answers import answers_table
from fer_keras.evaluation.comparison import differences_table
from fer_keras.evaluation.metrics import SplitScore
from fer_keras.evaluation.tables import audit_table, points, table
from fer_keras.files import MODEL_FILE, read_json
from fer_keras.jobs.benchmark_faces import video_table
from fer_keras.jobs.benchmark_inference import inference_table
from fer_keras.jobs.benchmark_workers import scale_table
from fer_keras.jobs.measure_statistics import statistics_table
from fer_keras.labels import FER2013, FERPLUS, LabelSet
from tuner.baselines import BASELINES_FILE
from tuner.frontier import read_ledger
from tuner.frontier_differences import rank_correlations
from tuner.frontier_tables import correlation_table, evidence_table, families_table, gains_table, halves_table

SPLIT = "public_test"
"""Whose accuracies the tables show."""

VOTE_BASELINES_FILE = "measurements/vote_baselines.csv"
"""In saved_models/: published networks that learned FER+'s votes, accuracies in percent by its majority rule."""

HIGHLIGHTS = ("teachers", "separable-93k", "separable-88k", "mobilenet-93k", "separable-25k")
"""The models in the README's short table."""

_BEFORE_RECALLS = 7
"""Columns of `answer_rows` before those of single classes, which differ between sets of classes."""

_BLOCK = re.compile(r"<!-- ([a-z-]+) -->\n(.*?)<!-- /([a-z-]+) -->", re.DOTALL)


def pages(root: Path) -> list[Path]:
    """Return the Markdown files of the checkout `root` that may hold tables."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def with_tables(text: str, saved: Path, name: str = "page") -> str:
    """Return a page with the tables between its markers, `<!-- ablation -->` and `<!-- /ablation -->`, made anew.

    Args:
        text: the page, Markdown.
        saved: the folder saved_models of the checkout that the page is in.
        name: what errors call the page.

    Raises:
        FerKerasError: there is no table of a marker's name, or a marker has no end.
    """

    def filled(block: re.Match[str]) -> str:
        title, _, end = block.groups()
        if title != end or title not in TABLES:
            raise FerKerasError(f"{name}: marker {title!r} that ends in {end!r}, expected one of {', '.join(TABLES)}")
        return f"<!-- {title} -->\n\n{TABLES[title](saved)}\n\n<!-- /{title} -->"

    new_text = _BLOCK.sub(filled, text)
    if text.count("<!-- ") != 2 * len(_BLOCK.findall(text)):
        raise FerKerasError(f"{name}: a comment that is no pair of markers, expected <!-- NAME --> and <!-- /NAME -->")
    return new_text


def results_table(saved: Path, names: Sequence[str] | None = None) -> str:
    """Return sizes and scores of the baselines and of the shipped models.

    Args:
        saved: the folder saved_models.
        names: shipped models to show, in short, without the columns that the page of results explains; None for all.
    """
    header = ["", "parameters", "multiply-adds", "PublicTest", "no copies", "macro-F1", "file"]
    rows = [
        [name, "" if pd.isna(parameters) else f"{parameters:,}", "", f"{public:.1f}", "", "", ""]
        for name, parameters, public in pd.read_csv(
            saved / BASELINES_FILE, dtype={"parameters": "Int64"}, usecols=["name", "parameters", "public_test"]
        ).itertuples(index=False)
    ]
    cards = [card for card in _cards(saved, FER2013) if names is None or card["name"] in names]
    for card in cards:
        public, file = card["scores"]["splits"][SPLIT], saved / card["name"] / MODEL_FILE
        size = f"{file.stat().st_size / 1e6:.2f} MB" if card["kind"] != "ensemble" else ""
        rows.append([card["name"], *size_cells(card), *accuracy_cells(public), points(public["all"]["macro_f1"]), size])
    shown = range(len(header)) if names is None else (0, 1, 2, 3, 6)
    return table([header[n] for n in shown], [[row[n] for n in shown] for row in rows])


def votes_table(saved: Path) -> str:
    """Return sizes and scores on FER+'s votes: of published networks, then of the shipped models of its classes."""
    header = ["", "parameters", "multiply-adds", "PublicTest", "PrivateTest", "no copies", "macro recall", "most votes"]
    header += ["cross-entropy", "Brier score"]
    published = pd.read_csv(saved / VOTE_BASELINES_FILE, dtype=str, keep_default_na=False)
    rows = [[*row, "", "", "", "", ""] for row in published.itertuples(index=False)]
    for card in _cards(saved, FERPLUS):
        public = card["scores"]["splits"][SPLIT]
        accuracy, without = accuracy_cells(public)
        votes, recall = public["all"]["votes"], SplitScore.from_dict(public["all"]).macro_recall
        shares = [accuracy, "", without, points(recall), points(votes["plurality_accuracy"])]
        rows.append(
            [card["name"], *size_cells(card), *shares, f"{votes['cross_entropy']:.3f}", f"{votes['brier']:.3f}"]
        )
    return table(header, rows)


def _cards(saved: Path, label_set: LabelSet) -> list[Card]:
    """The cards of models of these classes, large ones first."""
    cards = [card for card in read_cards(saved) if tuple(card["classes"]) == label_set.classes]
    return sorted(cards, key=lambda card: -card["size"]["parameters"])


def speed_table(ratios: pd.DataFrame) -> str:
    """Return the ratios of `scripts/benchmark.py distill`: fastest rounds, and how far single rounds are from it."""
    header = ("", "fastest rounds", "median round (lowest to highest)", "goal")
    lines = []
    for row in ratios.fillna("").to_dict("records"):
        rounds = f"{row['median']:.2f} ({row['lowest']:.2f} to {row['highest']:.2f})"
        lines.append((row["ratio"], f"{row['fastest']:.2f}", rounds, row["goal"]))
    return table(header, lines)


def torture_table(counts: pd.DataFrame) -> str:
    """Return what campaigns of `make torture` counted, inputs before commands that were killed.

    Args:
        counts: as in saved_models/measurements/torture.csv; kinds are added up over campaigns.
    """
    outcomes = ["tried", "refused", "answered", "wrong", "traceback", "crash", "hang"]
    sums = (
        counts.groupby(["killed", "kind"], sort=False)[outcomes].sum().sort_index(level="killed", sort_remaining=False)
    )
    lines = [(kind, *(f"{number:,}" for number in row)) for (_, kind), row in zip(sums.index, sums.values, strict=True)]
    for title, part in (("all inputs", counts[counts["killed"] == 0]), ("all kills", counts[counts["killed"] == 1])):
        lines.append((f"**{title}**", *(f"{number:,}" for number in part[outcomes].sum())))
    return table(("", *outcomes), lines)


def _of_csv(make: Callable[..., str], name: str, *options: object) -> Callable[[Path], str]:
    return lambda saved: make(pd.read_csv(saved / name), *options)


TABLES: dict[str, Callable[[Path], str]] = {
    "highlights": lambda saved: results_table(saved, HIGHLIGHTS),
    "results": results_table,
    "votes": votes_table,
    "answers": _of_csv(lambda rows: answers_table(rows.iloc[:, :_BEFORE_RECALLS]), "measurements/answers.csv"),
    "ablation": _of_csv(differences_table, "measurements/ablation_summary.csv"),
    "inference": _of_csv(inference_table, "measurements/inference.csv"),
    "statistics": _of_csv(statistics_table, "measurements/batch_statistics.csv"),
    "video": _of_csv(video_table, "measurements/video.csv"),
    "speed": _of_csv(speed_table, "measurements/distill_ratios.csv"),
    "workers": _of_csv(scale_table, "measurements/workers_scaled.csv"),
    "audit": lambda saved: audit_table(read_json(saved / "measurements" / "data_audit.json")["splits"]),
    "torture": _of_csv(torture_table, "measurements/torture.csv"),
    "families": _of_csv(families_table, "frontier/differences.csv", SPLIT),
    "halves": _of_csv(halves_table, "frontier/differences.csv", SPLIT),
    "gains": _of_csv(gains_table, "frontier/differences.csv", SPLIT),
    "correlation": lambda saved: correlation_table(rank_correlations(read_ledger(saved / "frontier"))),
    "evidence": _of_csv(evidence_table, "frontier/evidence.csv"),
}
"""A marker's name -> its table, from the folder saved_models."""
