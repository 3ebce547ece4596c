"""What ten people each saw in a face: FER+'s rules, and targets made of votes.

Reference: Barsoum et al., "Training deep networks for facial expression recognition with crowd-sourced label
distribution", 2016, arXiv 1608.01041.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from fer_keras.data.face_data import FaceData
from fer_keras.errors import FerKerasError
from fer_keras.labels import FERPLUS, label_set_in_order

COLUMNS: tuple[str, ...] = (*FERPLUS.classes, "unknown", "NF")
"""Of the votes: the eight classes, then `unknown` and `NF` (no face), which are none."""

Targets = Literal["votes", "majority", "labels+votes"]

_COUNTS = {text: count for count in range(11) for text in (str(count), f"{count}.0")}
_logger = logging.getLogger("fer_keras")


def vote_shares(votes: np.ndarray) -> np.ndarray:
    """Return float32 [N, 8]: the shares of the eight classes in the votes [N, 10].

    Single votes are dropped as outliers, `unknown` and `NF` are left out; a row of zeros where nothing is left.
    """
    eight = _without_single(votes)[:, : len(FERPLUS)]
    return (eight / np.maximum(eight.sum(axis=1, keepdims=True), 1.0)).astype(np.float32)


def vote_majorities(votes: np.ndarray) -> np.ndarray:
    """Return float32 [N, 8], one-hot: the class with more than half of the votes [N, 10] after single ones are dropped.

    That is FER+'s own rule. A row of zeros where there is none, or where it is `unknown` or `NF`.
    """
    kept = _without_single(votes)
    return (kept[:, : len(FERPLUS)] > kept.sum(axis=1, keepdims=True) / 2).astype(np.float32)


def _without_single(votes: np.ndarray) -> np.ndarray:
    return np.where(votes > 1, votes, 0).astype(np.float64)


def vote_counts(rows: Iterable[Sequence[str]], where: str, first_line: int) -> np.ndarray:
    """Return uint8 [N, 10] of the counts in a file's rows; messages name the file and the line.

    Raises:
        FerKerasError: one is no whole number 0..10.
    """
    counts = []
    for line, row in enumerate(rows, first_line):
        try:
            counts.append([_COUNTS[field.strip()] for field in row])
        except KeyError as error:
            found = f"{error.args[0][:20]!r}, expected whole numbers of votes, 0..10"
            raise FerKerasError(f"{where}, line {line}: {found}") from error
    return np.array(counts, np.uint8).reshape(-1, len(COLUMNS))


def with_votes(data: FaceData, votes: np.ndarray, targets: Targets = "votes") -> FaceData:
    """Give images the votes' targets; those that have none are left out and counted, which is said once.

    Validation is chosen as without votes: see `fer_keras.data.dataset.mark_validation`.

    Args:
        data: the images.
        votes: uint8 [N, 10], their votes, from `fer_keras.data.votes_files.find_or_read`; zeros where there are none.
        targets: `votes`, as `vote_shares`; `majority`, as `vote_majorities`, which leaves more images out; or
            `labels+votes`, the data's own labels and the shares, either of which may be zeros, under names such as
            `labels/happy` and `votes/happiness`.

    Returns:
        The images that have a target, of FER+'s classes or of both.

    Raises:
        FerKerasError: no image has usable votes, or `labels+votes` is asked for where the data's labels are votes.
    """
    soft = vote_majorities(votes) if targets == "majority" else vote_shares(votes)
    usable = soft.any(axis=1)
    if not usable.any():
        raise FerKerasError(f"{data.source}: no image has usable votes, expected FER2013's images")
    label_set, fate = FERPLUS, "left out"
    if targets == "labels+votes":
        if data.label_set == FERPLUS:
            raise FerKerasError(f"{data.source}: expected FER2013's labels beside the votes, found FER+'s classes")
        soft, fate = np.concatenate([data.targets, soft], axis=1), "which have their label alone"
        heads = {"labels": data.classes, "votes": FERPLUS.classes}
        label_set = label_set_in_order([f"{head}/{name}" for head, names in heads.items() for name in names], targets)
    if not usable.all():
        _logger.warning("%s: images without usable votes, %s: %s", data.source, fate, f"{(~usable).sum():,}")
    voted = replace(data, targets=soft, label_set=label_set, votes=votes, labelled_as=data)
    return voted.take(np.flatnonzero(soft.any(axis=1)))
