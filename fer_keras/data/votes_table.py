"""FER+'s votes on FER2013's images by the pixels: the table in the package, so that any copy in any form gets its own.

FER+ is published under the MIT licence (https://github.com/microsoft/FERPlus). Votes on PrivateTest are not in it. The
table is made of FER2013 and a file of votes: `python -m fer_keras.data.votes_table fer2013.zip ferplus.csv`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.data.face_data import FaceData
from fer_keras.data.votes import COLUMNS
from fer_keras.errors import FerKerasError
from fer_keras.files import read_arrays, replacing

TABLE_SPLITS: tuple[str, ...] = ("train", "public_test")
"""Of which images a table has votes."""

TABLE_FILE = Path(__file__).with_name("ferplus_votes.npz")

_DIGEST_BYTES = 8
"""Of the 16 of `FaceData.image_hashes`: two of 32,000 images have the same by a chance of 3e-11."""


@dataclass(frozen=True)
class VotesTable:
    """Votes by the pixels of the image, a row for each image of FER2013 that FER+ has; copies have a row each.

    Attributes:
        digests: uint64 [R], the first bytes of `FaceData.image_hashes`.
        splits: uint8 [R], a place in `TABLE_SPLITS`.
        votes: uint8 [R, 10], how many people chose each of `fer_keras.data.votes.COLUMNS`.
    """

    digests: np.ndarray
    splits: np.ndarray
    votes: np.ndarray


def make_table(data: FaceData, votes: np.ndarray) -> VotesTable:
    """Return the table of the votes [N, 10] on the images of `data`; rows without any vote are left out.

    Raises:
        FerKerasError: the votes are not one row of ten counts for each image.
    """
    if votes.shape != (len(data), len(COLUMNS)):
        raise FerKerasError(f"votes {list(votes.shape)}: expected [{len(data)}, {len(COLUMNS)}]")
    rows = np.flatnonzero(votes.any(axis=1) & np.isin(data.splits, TABLE_SPLITS))
    splits = np.array([TABLE_SPLITS.index(split) for split in data.splits[rows]], np.uint8)
    return VotesTable(_digests(data)[rows], splits, votes[rows].astype(np.uint8))


def save_table(table: VotesTable, path: Path) -> None:
    """Write a table, whole or not at all."""
    with replacing(path) as partial:
        digests = table.digests.astype("<u8").view(np.uint8).reshape(-1, _DIGEST_BYTES)
        np.savez_compressed(partial, digests=digests, splits=table.splits, votes=table.votes)


def read_table(path: Path = TABLE_FILE) -> VotesTable:
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
        return VotesTable(np.ascontiguousarray(digests, np.uint8).view("<u8")[:, 0], splits, votes)
    except (KeyError, ValueError) as error:
        raise FerKerasError(f"{path}: expected a table of votes ({error})") from error


def find_votes(data: FaceData, table: VotesTable | None = None) -> np.ndarray:
    """Return uint8 [N, 10]: the votes on each image of `data`, zeros where the table has none.

    Of identical images each has votes of its own: the first of them in a split gets the first row of that split with
    its pixels, the second the second, and one beyond the last row none, as in FER+. So a training image never gets the
    votes on its copy in PublicTest. Images of other splits, such as `val` or `test`, take from the rows of all splits.

    Args:
        data: FER2013's images, from any of its forms.
        table: default: the one in the package.
    """
    table = read_table() if table is None else table
    own, every = np.take(TABLE_SPLITS, table.splits), np.full(len(table.splits), "")
    keys = _ranked(np.tile(table.digests, 2), np.concatenate([own, every]))
    wanted = _ranked(_digests(data), data.splits)
    wanted["split"] = wanted["split"].where(wanted["split"].isin(TABLE_SPLITS), "")
    rows = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(wanted))
    twice = np.concatenate([table.votes, table.votes, np.zeros((1, len(COLUMNS)), np.uint8)])  # the last: not found
    return twice[rows]


def _ranked(digests: np.ndarray, splits: np.ndarray) -> pd.DataFrame:
    """Digests and splits, and how many of the same stand before each; several `wanted` splits may rank alike."""
    keys = pd.DataFrame({"digest": digests, "split": splits})
    return keys.assign(rank=keys.groupby(["digest", "split"]).cumcount())


def _digests(data: FaceData) -> np.ndarray:
    whole = np.ascontiguousarray(data.image_hashes).view(np.uint8).reshape(len(data), -1)
    return np.ascontiguousarray(whole[:, :_DIGEST_BYTES]).view("<u8").reshape(-1)
