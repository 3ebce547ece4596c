"""An evaluation, and the flaws of its data, in words and Markdown tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fer_keras.evaluation.metrics import SplitScore, accuracy_difference
from fer_keras.evaluation.results import Evaluation, SplitResult
from fer_keras.labels import FER2013

SPLIT_TITLES = {
    "train": "training",
    "val": "validation",
    "public_test": "PublicTest",
    "private_test": "PrivateTest",
    "test": "test",
}
"""What people call the splits."""

DRAWN_NOTE = "drawn faces, not FER2013"

HUMAN_AGREEMENT = "in a small test people agreed with FER2013's labels on 65 +- 5% of its images (arXiv 1307.0414)"

NONE = "-"
"""The cell of what does not exist or is not known."""


def verdict(evaluation: Evaluation) -> str:
    """Return the result in one line of Markdown, and the note that images are drawn where they are."""
    name = evaluation.headline
    result = evaluation.splits[name]
    line = f"**{percent(result.all.accuracy)} of {result.all.count:,} {SPLIT_TITLES[name]} images right**"
    line += f" (95% interval {_interval(result.all.accuracy_interval)})"
    if result.all.votes:
        line += ", by the majority of the votes"
    if result.copies and result.without_copies:
        line += f", {percent(result.without_copies.accuracy)} without those that have a copy in training"
    if evaluation.size:
        line += f", by a model of {evaluation.size.parameters:,} parameters"
    if evaluation.drawn:
        return f"{line}.\n\n> These are **{DRAWN_NOTE}**: no number here says anything about photographs."
    # Other data have such classes too; none but FER2013 has such splits.
    of_fer2013 = evaluation.classes == FER2013.classes and name in ("public_test", "private_test")
    return f"{line}. For scale: {HUMAN_AGREEMENT}." if of_fer2013 else f"{line}."


def score_table(evaluation: Evaluation) -> str:
    """Return the scores of each split, with and without copies, as a Markdown table; of votes with a second one."""
    lines = [
        (
            title,
            f"{score.count:,}",
            f"{percent(score.accuracy)} ({_interval(score.accuracy_interval)})",
            f"{percent(score.macro_f1)} ({_interval(score.macro_f1_interval)})",
            percent(score.calibration_error),
            f"{score.nll:.3f}",
        )
        for title, score in _scores(evaluation)
    ]
    text = table(("split", "images", "accuracy", "macro-F1", "calibration error", "NLL"), lines)
    voted = [(title, score, score.votes) for title, score in _scores(evaluation) if score.votes]
    if not voted:
        return text
    header = ("votes", "images", "without a majority", "macro recall", "most votes", "cross-entropy", "Brier score")
    lines = [
        (
            title,
            f"{votes.count:,}",
            f"{votes.without_majority:,}",
            percent(score.macro_recall),
            percent(votes.plurality_accuracy),
            f"{votes.cross_entropy:.3f}",
            f"{votes.brier:.3f}",
        )
        for title, score, votes in voted
    ]
    return f"{text}\n\n{table(header, lines)}"


def _scores(evaluation: Evaluation) -> Iterator[tuple[str, SplitScore]]:
    """The title and the score of each split, and of each with copies also of what is left without them."""
    for name, result in evaluation.splits.items():
        yield SPLIT_TITLES[name], result.all
        if result.copies and result.without_copies:
            yield f"{SPLIT_TITLES[name]}, no copies", result.without_copies


def size_line(evaluation: Evaluation) -> str:
    """Return parameters, multiply-adds, activation memory and file size as one sentence."""
    size = evaluation.size
    if size is None:
        return "Size: not known, only the logits were at hand."
    parts = [f"{size.parameters:,} trainable parameters"]
    if size.multiply_adds is not None:
        parts.append(f"{size.multiply_adds:,} multiply-adds an image")
        parts.append(f"{size.activation_memory:,} bytes of activations at once")
    if size.file_bytes is not None:
        parts.append(f"{size.file_bytes:,} bytes on disk")
    return f"Size: {', '.join(parts)}."


def scores(evaluation: Evaluation) -> str:
    """Return the table of scores and how to read it."""
    texts = [
        f"Images: {evaluation.source}. {size_line(evaluation)}",
        score_table(evaluation),
        "In brackets: 95% bootstrap intervals. Calibration error: the mean gap between confidence and"
        " accuracy over 15 bins (arXiv 1706.04599). NLL: negative log-likelihood of the labels, in nats.",
        _copies(evaluation),
    ]
    if any(score.votes for _, score in _scores(evaluation)):
        texts[2] += (
            " An image's label is what more than half of the votes agree on, single ones dropped (arXiv 1608.01041);"
            " images without such a majority are left out of the first table. In the second they count too: the share"
            " called by the class with the most votes, and how far probabilities are from the shares of the votes."
        )
    return "\n\n".join(texts)


def _copies(evaluation: Evaluation) -> str:
    """Say how many images have a copy in training, or that it cannot be told."""
    compared = {name: result for name, result in evaluation.splits.items() if result.copies is not None}
    if not compared:
        return "There are no training images here to compare with, so copies of them are not told apart."
    copied = []
    for name, result in compared.items():
        if result.copies:
            count = result.all.votes.count if result.all.votes else result.all.count
            copied.append(f"{result.copies:,} {SPLIT_TITLES[name]} images ({result.copies / count:.1%})")
    if not copied:
        return "No image has an exact copy among the training images."
    return f"An exact copy among the training images: {'; '.join(copied)}. The rows `no copies` leave those out."


def side_by_side(rows: Sequence[tuple[str, Evaluation]]) -> str:
    """Return one line a model: size, accuracy by split, and the paired difference on the headline split."""
    (first, subject), *_ = rows
    names, quoted, lines = list(subject.splits), subject.headline, []
    for name, other in rows:
        size = other.size
        costs = [size.parameters, size.multiply_adds, size.file_bytes] if size else [None] * 3
        cells = [percent(other.splits[s].all.accuracy) if s in other.splits else NONE for s in names]
        gap = _gap(subject.splits[quoted], other.splits.get(quoted)) if other is not subject else ""
        lines.append((name, *(NONE if cost is None else f"{cost:,}" for cost in costs), *cells, gap))
    header = ("model", "parameters", "multiply-adds", "bytes", *(SPLIT_TITLES[s] for s in names))
    return (
        table((*header, f"{first} is ahead by"), lines)
        + f"\n\nThe last column is in points of {SPLIT_TITLES[quoted]} accuracy, with the 95% interval of the"
        " paired bootstrap: an interval that holds 0 leaves it open which of the two is better."
    )


def _gap(subject: SplitResult, other: SplitResult | None) -> str:
    if other is None:
        return NONE
    (logits, data), (others, _) = subject.decided, other.decided
    gap, (low, high) = accuracy_difference(logits, others, data.labels)
    return f"{100 * gap:+.2f} ({100 * low:+.1f} to {100 * high:+.1f})"


def recalls(evaluation: Evaluation) -> str:
    """Recall of each class by split, with and without copies, and its images in the headline split."""
    columns = {title: score.per_class_recall for title, score in _scores(evaluation)}
    counts = evaluation.splits[evaluation.headline].all.confusion.sum(axis=1)
    lines = [
        (name, f"{counts[number]:,}", *(percent(recall[number]) for recall in columns.values()))
        for number, name in enumerate(evaluation.classes)
    ]
    header = ("recall", f"{SPLIT_TITLES[evaluation.headline]} images", *columns)
    return "The share of each expression's images that are called by its name.\n\n" + table(header, lines)


def commonest_mistakes(confusion: np.ndarray, classes: Sequence[str]) -> str:
    """Return the three commonest mistakes of a confusion matrix, int [C, C], in words."""
    wrong = confusion * (1 - np.eye(len(classes), dtype=np.int64))
    flat = np.argsort(-wrong.ravel(), kind="stable")[:3]
    pairs = [divmod(int(cell), len(classes)) for cell in flat if wrong.flat[cell]]
    mistakes = [f"{classes[row]} called {classes[column]} ({wrong[row, column]:,})" for row, column in pairs]
    return f"Commonest mistakes: {'; '.join(mistakes)}." if mistakes else "No mistakes."


def audit_table(splits: Sequence[Mapping[str, Any]], classes: Sequence[str] = ()) -> str:
    """Return the flaws of data as a Markdown table: a column a split, a row a flaw, and one for each of the classes.

    Args:
        splits: of `fer_keras.data.audit.AuditReport.to_dict`.
        classes: whose images are counted.
    """
    lines = [
        ("images", *(f"{split['images']:,}" for split in splits)),
        *((f"of them {name}", *(f"{split['class_counts'][name]:,}" for split in splits)) for name in classes),
        ("constant images", *(f"{split['constant']:,}" for split in splits)),
        (
            "surplus exact copies, constant images left out",
            *(f"{split['surplus_copies_not_constant']:,}" for split in splits),
        ),
        ("images with an exact copy in training", *map(_leaked, splits)),
    ]
    return table(("", *(SPLIT_TITLES[split["name"]] for split in splits)), lines)


def _leaked(split: Mapping[str, Any]) -> str:
    copies = split["copies_of_train"]
    return "" if copies is None else f"{copies:,} ({copies / split['images']:.1%})"


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; columns after the first are right-aligned."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    rows = [[cell.replace("|", "\\|") for cell in cells] for cells in (header, rule, *lines)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def percent(share: float) -> str:
    """Return a share as a percentage; NaN is a share that does not exist."""
    return NONE if np.isnan(share) else f"{share:.2%}"


def points(share: float, interval: Sequence[float] = ()) -> str:
    """Return a share in percent without the sign, as `68.7`; with an interval as `68.7 [67.1, 70.2]`."""
    return f"{100 * share:.1f}" + (f" [{', '.join(map(points, interval))}]" if interval else "")


def millions(count: int) -> str:
    """Return a count as `13.9 M`."""
    return f"{count / 1e6:.1f} M"


def _interval(interval: tuple[float, float]) -> str:
    return " to ".join(map(points, interval))
