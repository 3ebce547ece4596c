"""What ten people each saw in FER2013's faces: FER+'s votes, found by an image's pixels.

The table lies in the package, so that any copy of FER2013 in any form gets its votes. FER+ is published under the MIT
licence (https://github.com/microsoft/FERPlus). Votes on PrivateTest are not in it.

Reference: Barsoum et al., "Training deep networks for facial expression recognition with crowd-sourced label
distribution", 2016, arXiv 1608.01041.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from fer_keras.data.dataset import FaceData
from fer_keras.errors import FerKerasError
from fer_keras.files import read_arrays, replacing
from fer_keras.labels import FERPLUS

COLUMNS: tuple[str, ...] = (*FERPLUS.classes, "unknown", "NF")
"""Of the votes: the eight classes, then `unknown` and `NF` (no face), which are none."""

SPLITS: tuple[str, ...] = ("train", "public_test")
"""Of which images the table has votes."""

TABLE_FILE = Path(__file__).with_name("ferplus_votes.npz")

_DIGEST_BYTES = 8
"""Of the 16 of `FaceData.image_hashes`: two of 32,000 images have the same by a chance of 3e-11."""


@dataclass(frozen=True)
class VoteTable:
    """Votes by the pixels of the image, a row for each image of FER2013 that FER+ has; copies have a row each.

    Attributes:
        digests: V8 [R], the first bytes of `FaceData.image_hashes`.
        splits: uint8 [R], a place in `SPLITS`.
        votes: uint8 [R, 10], how many people chose each of `COLUMNS`.
    """

    digests: np.ndarray
    splits: np.ndarray
    votes: np.ndarray


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


def make_table(data: FaceData, votes: np.ndarray) -> VoteTable:
    """Return the table of the votes [N, 10] on the images of `data`; rows without any vote are left out.

    Raises:
        FerKerasError: the votes are not one row of ten counts for each image.
    """
    if votes.shape != (len(data), len(COLUMNS)):
        raise FerKerasError(f"votes {list(votes.shape)}: expected [{len(data)}, {len(COLUMNS)}]")
    rows = np.flatnonzero(votes.any(axis=1) & np.isin(data.splits, SPLITS))
    splits = np.array([SPLITS.index(split) for split in data.splits[rows]], np.uint8)
    return VoteTable(_digests(data)[rows], splits, votes[rows].astype(np.uint8))


def save_table(table: VoteTable, path: Path) -> None:
    """Write a table, whole or not at all."""
    with replacing(path) as partial:
        digests = table.digests.view(np.uint8).reshape(-1, _DIGEST_BYTES)
        np.savez_compressed(partial, digests=digests, splits=table.splits, votes=table.votes)


def read_table(path: Path = TABLE_FILE) -> VoteTable:
    """Read a table; without a path, the one in the package.

    Raises:
        FerKerasError: there is none, or it is damaged.
    """
    arrays = read_arrays(path, "a table of votes")
    try:
        digests, splits, votes = (arrays[name] for name in ("digests", "splits", "votes"))
        count = len(digests)
        if digests.shape != (count, _DIGEST_BYTES) or splits.shape != (count,) or votes.shape != (count, len(COLUMNS)):
            raise ValueError("its arrays do not go together")
        return VoteTable(_as_digests(digests), splits, votes)
    except (KeyError, ValueError) as error:
        raise FerKerasError(f"{path}: expected a table of votes ({error})") from error


def find_votes(data: FaceData, table: VoteTable | None = None) -> np.ndarray:
    """Return uint8 [N, 10]: the votes on each image of `data`, zeros where the table has none.

    Of identical images each has votes of its own: the first of them in a split gets the first row of that split with
    its pixels, the second the second, and one beyond the last row none, as in FER+. So a training image never gets the
    votes on its copy in PublicTest. Images of other splits, such as `val` or `test`, take from the rows of all splits.

    Args:
        data: FER2013's images, from any of its forms.
        table: default: the one in the package.
    """
    table = _package_table() if table is None else table
    rows = _rows_by_digest(table)
    votes = np.zeros((len(data), len(COLUMNS)), np.uint8)
    seen: dict[tuple[bytes, str], int] = {}
    for place, (digest, split) in enumerate(zip(_digests(data), data.splits, strict=True)):
        found = rows.get(digest.tobytes())
        if found is None:
            continue
        own = [row for row in found if SPLITS[table.splits[row]] == split] if split in SPLITS else found
        key = (digest.tobytes(), str(split))
        rank = seen.get(key, 0)
        seen[key] = rank + 1
        if rank < len(own):
            votes[place] = table.votes[own[rank]]
    return votes


Targets = Literal["shares", "majority"]


def with_votes(data: FaceData, targets: Targets = "shares", table: VoteTable | None = None) -> tuple[FaceData, int]:
    """Give the images the votes' targets, and leave out those that have none.

    Args:
        data: FER2013's images, from any of its forms.
        targets: `shares`, as `vote_shares`, or `majority`, as `vote_majorities`, which leaves more images out.
        table: as for `find_votes`.

    Returns:
        The images with a target, their label set FER+'s, and how many were left out.

    Raises:
        FerKerasError: no image has one.
    """
    of_votes = {"shares": vote_shares, "majority": vote_majorities}[targets]
    soft = of_votes(find_votes(data, table))
    kept = soft.any(axis=1)
    if not kept.any():
        raise FerKerasError(f"{data.source}: no image has votes, expected FER2013's images")
    return replace(data, targets=soft, label_set=FERPLUS).take(np.flatnonzero(kept)), int((~kept).sum())


@cache
def _package_table() -> VoteTable:
    return read_table()


def _digests(data: FaceData) -> np.ndarray:
    whole = np.ascontiguousarray(data.image_hashes).view(np.uint8).reshape(len(data), -1)
    return _as_digests(whole[:, :_DIGEST_BYTES])


def _as_digests(octets: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(octets, np.uint8).view(f"V{_DIGEST_BYTES}")[:, 0]


def _rows_by_digest(table: VoteTable) -> dict[bytes, list[int]]:
    rows: dict[bytes, list[int]] = {}
    for row, digest in enumerate(table.digests):
        rows.setdefault(digest.tobytes(), []).append(row)
    return rows
