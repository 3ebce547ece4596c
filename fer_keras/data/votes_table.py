"""FER+'s votes on FER2013's images by the pixels: the table in the package, so that any copy in any form gets its own.

FER+ is published under the MIT licence (https://github.com/microsoft/FERPlus). Votes on PrivateTest are not in it.
"""

import io
import lzma
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer_keras.data.face_data import FaceData
from fer_keras.data.votes import COLUMNS
from fer_keras.errors import FerKerasError
from fer_keras.files import read_arrays, replacing

TABLE_SPLITS: tuple[str, ...] = ("train", "public_test")
"""Of which images a table has votes."""

TABLE_FILE = Path(__file__).with_name("ferplus_votes.npz.xz")

_DIGEST_BYTES = 5
"""Of the 16 of `FaceData.image_hashes`; they are most of the table, which every wheel carries.

A face that is not FER2013's has the digest of one of its 30,618 images by a chance of 3e-8, one of 35,000 such faces by
a chance of 0.1%; no two images of FER2013 have the same.
"""

_XZ = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 0, "pb": 0}]
"""For bytes whose neighbours say nothing of them."""


class VotesTable(NamedTuple):
    """Votes by the pixels of the image, a row for each image of FER2013 that FER+ has; copies have a row each.

    `digests`, uint64 [R] in ascending order, are the first bytes of `FaceData.image_hashes`; `splits`, uint8 [R], are
    places in `TABLE_SPLITS`; `votes`, uint8 [R, 10].
    """

    digests: np.ndarray
    splits: np.ndarray
    votes: np.ndarray


def make_table(data: FaceData, votes: np.ndarray) -> VotesTable:
    """Return the table of the votes, uint8 [N, 10], on the images of `data`; rows without any vote are left out."""
    digests = _digests(data)
    rows = np.argsort(digests, kind="stable")  # copies stay in their order
    rows = rows[votes[rows].any(axis=1) & np.isin(data.splits[rows], TABLE_SPLITS)]
    splits = np.array([TABLE_SPLITS.index(split) for split in data.splits[rows]], np.uint8)
    return VotesTable(digests[rows], splits, votes[rows])


def save_table(table: VotesTable, path: Path) -> None:
    """Write a table, whole or not at all: what is small or comes again and again, for xz to make little of it.

    `gaps`, uint8 [5, R], are the bytes of each digest less the one before; `ballots`, uint8 [B, 10], the different
    votes, and `ballot`, uint16 [R], which of them a row has.
    """
    gaps = np.diff(table.digests, prepend=np.uint64(0)).astype("<u8").view(np.uint8).reshape(-1, 8)
    ballots, ballot = np.unique(table.votes, axis=0, return_inverse=True)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        gaps=np.ascontiguousarray(gaps[:, :_DIGEST_BYTES].T),
        splits=table.splits,
        ballots=ballots,
        ballot=ballot.reshape(-1).astype(np.uint16),
    )
    with replacing(path) as partial:
        partial.write_bytes(lzma.compress(buffer.getvalue(), filters=_XZ))


def read_table(path: Path = TABLE_FILE) -> VotesTable:
    """Read a table; without a path, the one in the package.

    Raises:
        FerKerasError: there is none, or it is damaged.
    """
    content = "a table of votes"
    arrays = read_arrays(path, content)
    try:
        digests = _numbers(arrays["gaps"].T).cumsum(dtype=np.uint64)
        return VotesTable(digests, arrays["splits"], arrays["ballots"][arrays["ballot"]])
    except (KeyError, ValueError, IndexError) as error:
        raise FerKerasError(f"{path}: expected {content} ({error})") from error


def find_votes(data: FaceData, table: VotesTable | None = None) -> np.ndarray:
    """Return uint8 [N, 10]: the votes on each image of `data`, zeros where a table, by default the package's, has none.

    Of identical images each has votes of its own: the first of them in a split gets the first row of that split with
    its pixels, the second the second, and one beyond the last row none, as in FER+. So a training image never gets the
    votes on its copy in PublicTest. Images of other splits, such as `val` or `test`, take from the rows of all splits.
    """
    table = read_table() if table is None else table
    own, every = np.take(TABLE_SPLITS, table.splits), np.full(len(table.splits), "")
    keys = _ranked(np.tile(table.digests, 2), np.concatenate([own, every]))
    wanted = _ranked(_digests(data), data.splits)
    wanted["split"] = wanted["split"].where(wanted["split"].isin(TABLE_SPLITS), "")
    rows = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(wanted))
    return np.concatenate([table.votes, table.votes, np.zeros((1, len(COLUMNS)), np.uint8)])[rows]  # -1: not found


def _ranked(digests: np.ndarray, splits: np.ndarray) -> pd.DataFrame:
    """Digests and splits, and how many of the same stand before each."""
    keys = pd.DataFrame({"digest": digests, "split": splits})
    return keys.assign(rank=keys.groupby(["digest", "split"]).cumcount())


def _digests(data: FaceData) -> np.ndarray:
    """The first bytes of each image's hash as a number, uint64 [N]."""
    return _numbers(np.ascontiguousarray(data.image_hashes).view(np.uint8).reshape(-1, 16)[:, :_DIGEST_BYTES])


def _numbers(parts: np.ndarray) -> np.ndarray:
    """Bytes uint8 [N, 5], the least first, as numbers uint64 [N]."""
    return np.ascontiguousarray(np.pad(parts, [(0, 0), (0, 8 - _DIGEST_BYTES)])).view("<u8").reshape(-1)
