"""Votes by the text of an option: from the package, FER+'s CSV, a CSV with FER2013's ids, or FER+'s folders."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.data.face_data import SPLIT_OF_USAGE, FaceData
from fer_keras.data.source import is_archive, load_faces
from fer_keras.data.votes import COLUMNS, vote_counts
from fer_keras.data.votes_table import find_votes, make_table
from fer_keras.errors import FerKerasError

FERPLUS_VOTES = "ferplus"
"""What stands for the votes that come with the package, or with the data."""

_FIRST_LINE = 2
"""Of rows in a CSV, the header being line 1; the ids of a CSV's faces end in their line."""


def find_or_read(option: str, data: FaceData) -> np.ndarray:
    """Return uint8 [N, 10]: the votes on the images of `data`, zeros where there are none.

    Args:
        option: `ferplus`: those that the data bring, as FER+'s folders and drawn faces do, else those of the package's
            table on images with the same pixels. Or the path of a CSV with the columns of
            `fer_keras.data.votes.COLUMNS`: with a column `id` its rows are found by the images' ids; without, it is
            `fer2013new.csv`, whose row i belongs to row i of the `fer2013.csv` or `icml_face_data.csv` that `data` was
            read from. Or the path of FER+'s folders, whose images are found by their pixels.
        data: the images.

    Raises:
        FerKerasError: there is no such file, it holds no votes, or they are not those of the images.
    """
    if option == FERPLUS_VOTES:
        if data.drawn and data.votes is None:
            raise FerKerasError(f"{data.source}: these have no votes, expected faces that are drawn with votes")
        return find_votes(data) if data.votes is None else data.votes
    path = Path(option)
    if not option or not path.exists():
        raise FerKerasError(f"votes {option!r}: there is no such file, expected 'ferplus', a CSV, or FER+'s folders")
    if not is_archive(path):
        return _of_csv(path, data)
    voted = load_faces(path)
    if voted.votes is None:
        raise FerKerasError(f"{path}: holds no votes, expected FER+'s folders with a label.csv each")
    return find_votes(data, make_table(voted, voted.votes))


def _of_csv(path: Path, data: FaceData) -> np.ndarray:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise FerKerasError(f"{path}: expected a CSV of votes ({str(error).splitlines()[0][:120]})") from error
    names = {name.lower(): name for name in COLUMNS}
    table.columns = [names.get(name, name) for name in map(str.lower, map(str.strip, map(str, table.columns)))]
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        expected = f"expected a CSV of votes with the columns {', '.join(COLUMNS)}"
        raise FerKerasError(f"{path}: {expected}, found no {missing[0]}")
    ids = _by_id(path, table["id"].tolist(), data) if "id" in table else _row_by_row(path, table, data)
    counts = vote_counts(table[list(COLUMNS)].to_numpy(), str(path), _FIRST_LINE)
    return np.concatenate([counts, np.zeros((1, len(COLUMNS)), np.uint8)])[pd.Index(ids).get_indexer(data.ids)]


def _by_id(path: Path, ids: list[str], data: FaceData) -> list[str]:
    if len(set(ids)) < len(ids):
        raise FerKerasError(f"{path}: an id is there twice, expected a row for each image")
    if not set(ids) & set(data.ids.tolist()):
        raise FerKerasError(f"{path}: none of its ids is among those of {data.source}, such as {data.ids[:1]}")
    return ids


def _row_by_row(path: Path, table: pd.DataFrame, data: FaceData) -> list[str]:
    """The ids that the rows beside fer2013.csv's have."""
    usages = table["usage"].tolist() if "usage" in table else []
    if not usages:
        raise FerKerasError(f"{path}: expected a column id, or Usage as in fer2013new.csv")
    if len(usages) != len(data):
        raise FerKerasError(
            f"{path}: {len(usages):,} rows, expected one for each of the {len(data):,} of {data.source}"
        )
    ids = [f"{usage}_{line:08d}" for line, usage in enumerate(usages, _FIRST_LINE)]
    own = set(data.ids.tolist())
    for line, (usage, name) in enumerate(zip(usages, ids, strict=True), _FIRST_LINE):
        if name not in own:
            expected = (
                f"that of the same row of {data.source}" if usage in SPLIT_OF_USAGE else ", ".join(SPLIT_OF_USAGE)
            )
            raise FerKerasError(f"{path}, line {line}: Usage {usage[:20]!r}, expected {expected}")
    return ids
