"""FER+'s own folders: FER2013Train/, FER2013Valid/ and FER2013Test/, pictures beside a label.csv with their votes.

A row of a label.csv is `fer0000000.png,"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0`: the picture, its box, and the ten counts
of `fer_keras.data.votes.COLUMNS`. The pictures are those that FER+'s generate_training_data.py writes.
"""

import csv
from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np

from fer_keras.data.archive import Archive, printable
from fer_keras.data.face_data import FaceData
from fer_keras.data.folder import counted, decode_members
from fer_keras.data.image import is_picture
from fer_keras.data.votes import COLUMNS, vote_counts, vote_shares
from fer_keras.errors import FerKerasError
from fer_keras.labels import FERPLUS

SPLIT_OF_FOLDER: dict[str, str] = {
    "FER2013Train": "train",
    "FER2013Valid": "public_test",
    "FER2013Test": "private_test",
}
"""FER+'s names for FER2013's splits."""

LABEL_FILE = "label.csv"
MAX_LABEL_BYTES = 16 * 2**20


def _label_files(names: Iterable[str]) -> dict[str, str]:
    """Split -> the label.csv of its folder."""
    parts = {name: PurePosixPath(name).parts[-2:] for name in names if name.endswith(f"/{LABEL_FILE}")}
    return {SPLIT_OF_FOLDER[folder]: name for name, (folder, _) in parts.items() if folder in SPLIT_OF_FOLDER}


def holds_ferplus(names: Iterable[str]) -> bool:
    """Say whether an archive with these members has one of FER+'s folders with its label.csv."""
    return bool(_label_files(names))


def read_ferplus(archive: Archive, resize: bool = False) -> tuple[FaceData, list[str]]:
    """Read FER+'s folders, any of the three.

    The ids are the pictures' names without their ending; targets are the shares of the votes, zeros where none is left.

    Returns:
        The faces with their votes, and what should be said about them.

    Raises:
        FerKerasError: a row is not as above, a picture is there twice or not at all, or is damaged.
    """
    files = _label_files(archive.sizes)
    members, splits, counts = [], [], []
    for split in filter(files.get, SPLIT_OF_FOLDER.values()):
        rows = _rows(archive, files[split])
        members += [row[0] for row in rows]
        splits += [split] * len(rows)
        counts.append(vote_counts((row[2:] for row in rows), archive.where(files[split]), 1))
    images, notes = decode_members(archive, members, resize)
    left_out = sorted(filter(is_picture, {*archive.sizes} - {*members}))
    ids = [PurePosixPath(name).stem for name in members]
    votes = np.concatenate(counts)
    source = archive.path.resolve().name
    data = FaceData.create(images, vote_shares(votes), ids, splits, source, label_set=FERPLUS, votes=votes)
    return data, [*notes, *counted("pictures left out, which no label.csv names", left_out)]


def _rows(archive: Archive, name: str) -> list[list[str]]:
    """The rows of a label.csv, each with its picture's whole name."""
    where, folder = archive.where(name), name.removesuffix(LABEL_FILE)
    lines = archive.read(name, MAX_LABEL_BYTES).decode("utf-8-sig", "replace").splitlines()
    rows, seen = [], set()
    try:
        for line, row in enumerate(csv.reader(lines), 1):
            problem = None
            if len(row) != 2 + len(COLUMNS):
                problem = f"{len(row)} fields, expected {2 + len(COLUMNS)}: a picture, its box and ten counts"
            elif row[1].replace(" ", "") != "(0,0,48,48)":
                problem = f"box {row[1][:30]!r}, expected (0, 0, 48, 48)"
            elif row[0] in seen:
                problem = f"{printable(row[0], 60)!r} is there twice"
            elif f"{folder}{row[0]}" not in archive.sizes:
                how = "expected the pictures that FER+'s generate_training_data.py writes"
                problem = f"{printable(row[0], 60)!r} is not beside it, {how}"
            if problem:
                raise FerKerasError(f"{where}, line {line}: {problem}")
            seen.add(row[0])
            rows.append([f"{folder}{row[0]}", *row[1:]])
    except csv.Error as error:
        raise FerKerasError(f"{where}: expected rows of a CSV ({error})") from error
    return rows
