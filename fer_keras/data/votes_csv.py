"""Votes from files: FER+'s `fer2013new.csv`, whose rows are those of `fer2013.csv`, or a CSV with FER2013's ids."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.data.dataset import SPLIT_OF_USAGE, FaceData
from fer_keras.data.votes import COLUMNS
from fer_keras.errors import FerKerasError

_FIRST_LINE = 2
"""Of rows in a CSV, the header being line 1; the ids of a CSV's faces end in their line."""


def read_votes(path: str | os.PathLike[str], data: FaceData) -> np.ndarray:
    """Return uint8 [N, 10]: the votes of a CSV on the images of `data`, zeros where it has none.

    Args:
        path: a CSV with the columns of `fer_keras.data.votes.COLUMNS`. With a column `id` its rows are found by the
            images' ids; without, it is `fer2013new.csv`, whose row i belongs to row i of the `fer2013.csv` or
            `icml_face_data.csv` that `data` was read from.
        data: the images.

    Raises:
        FerKerasError: it is no such CSV, a count is not a whole number 0..10, no id is among the images', or the rows
            are not those of the images: the sentence names the first that is not.
    """
    table = _read(Path(path))
    ids = _ids(Path(path), table, data)
    votes = table[list(COLUMNS)].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~((votes >= 0) & (votes <= 10) & (votes == np.floor(votes))).all(axis=1))
    if len(wrong):
        raise FerKerasError(f"{path}, line {wrong[0] + _FIRST_LINE}: expected whole numbers of votes, 0..10")
    rows = pd.Index(ids).get_indexer(data.ids)
    return np.where(rows[:, np.newaxis] >= 0, votes[rows], 0).astype(np.uint8)


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except FileNotFoundError as error:
        raise FerKerasError(f"{path}: there is no such file, expected a CSV of votes") from error
    except (OSError, ValueError) as error:
        raise FerKerasError(f"{path}: expected a CSV of votes ({str(error).splitlines()[0]})") from error
    by_name = {name.lower(): name for name in COLUMNS}
    table.columns = [by_name.get(name, name) for name in map(str.lower, map(str.strip, map(str, table.columns)))]
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise FerKerasError(
            f"{path}: expected a CSV of votes with the columns {', '.join(COLUMNS)}, found no {missing[0]}"
        )
    return table


def _ids(path: Path, table: pd.DataFrame, data: FaceData) -> list[str]:
    """The id of the image that each row is of."""
    if "id" in table:
        ids = table["id"].astype(str).tolist()
        if len(set(ids)) < len(ids):
            raise FerKerasError(f"{path}: an id is there twice, expected a row for each image")
        if not set(ids) & set(data.ids.tolist()):
            raise FerKerasError(f"{path}: none of its ids is among those of {data.source}, such as {data.ids[0]}")
        return ids
    if "usage" not in table:
        raise FerKerasError(f"{path}: expected a column id, or Usage as in fer2013new.csv")
    ids = [f"{usage}_{line:08d}" for line, usage in enumerate(table["usage"], _FIRST_LINE)]
    of_usage = [usage in SPLIT_OF_USAGE for usage in table["usage"]]
    if not all(of_usage):
        row = of_usage.index(False)
        raise FerKerasError(
            f"{path}, line {row + _FIRST_LINE}: Usage {table['usage'][row]!r}, expected {', '.join(SPLIT_OF_USAGE)}"
        )
    if len(ids) != len(data):
        raise FerKerasError(f"{path}: {len(ids):,} rows, expected one for each of the {len(data):,} of {data.source}")
    strangers = set(ids) - set(data.ids.tolist())
    if strangers:
        line = min(int(name[-8:]) for name in strangers)
        raise FerKerasError(
            f"{path}, line {line}: Usage {table['usage'][line - _FIRST_LINE]}, expected that of the same row of"
            f" {data.source}, the CSV beside which it was published"
        )
    return ids
