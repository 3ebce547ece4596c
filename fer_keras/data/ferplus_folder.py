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

SPLIT_OF_FOLDER = {"FER2013Train": "train", "FER2013Valid": "public_test", "FER2013Test": "private_test"}
MAX_LABEL_BYTES = 16 * 2**20


def label_files(names: Iterable[str]) -> dict[str, str]:
    """Return split -> the label.csv of its folder, for the members of an archive; empty where it is not FER+'s."""
    folders = {PurePosixPath(name).parent.name: name for name in names if PurePosixPath(name).name == "label.csv"}
    return {split: folders[folder] for folder, split in SPLIT_OF_FOLDER.items() if folder in folders}


def read_ferplus(archive: Archive, resize: bool = False) -> tuple[FaceData, list[str]]:
    """Read FER+'s folders, any of the three: the faces with their votes, and what should be said about them.

    The ids are the pictures' names without their ending; targets are the shares of the votes, zeros where none is left.

    Raises:
        FerKerasError: a row is not as above, a picture is there twice or not at all, or is damaged.
    """
    members, splits, counts = [], [], []
    for split, file in label_files(archive.sizes).items():
        rows = _rows(archive, file)
        members += [row[0] for row in rows]
        splits += [split] * len(rows)
        counts.append(vote_counts((row[2:] for row in rows), archive.where(file), 1))
    images, notes = decode_members(archive, members, resize)
    left_out = sorted(filter(is_picture, {*archive.sizes} - {*members}))
    ids = [PurePosixPath(name).stem for name in members]
    votes = np.concatenate(counts)
    source = archive.path.resolve().name
    data = FaceData.create(images, vote_shares(votes), ids, splits, source, label_set=FERPLUS, votes=votes)
    return data, [*notes, *counted("pictures left out, which no label.csv names", left_out)]


def _rows(archive: Archive, name: str) -> list[list[str]]:
    """The rows of a label.csv, each with its picture's whole name."""
    lines = archive.read(name, MAX_LABEL_BYTES).decode("utf-8-sig", "replace").splitlines()
    try:
        rows = list(csv.reader(lines))
    except csv.Error as error:
        raise FerKerasError(f"{archive.where(name)}: expected rows of a CSV ({error})") from error
    seen = set()
    for line, row in enumerate(rows, 1):
        problem = None
        if len(row) != 2 + len(COLUMNS):
            problem = f"{len(row)} fields, expected {2 + len(COLUMNS)}: a picture, its box and ten counts"
        elif row[1].replace(" ", "") != "(0,0,48,48)":
            problem = f"box {row[1][:30]!r}, expected (0, 0, 48, 48)"
        elif row[0] in seen:
            problem = f"{printable(row[0])!r} is there twice"
        elif name.removesuffix("label.csv") + row[0] not in archive.sizes:
            how = "expected the pictures that FER+'s generate_training_data.py writes"
            problem = f"{printable(row[0])!r} is not beside it, {how}"
        if problem:
            raise FerKerasError(f"{archive.where(name)}, line {line}: {problem}")
        seen.add(row[0])
        row[0] = name.removesuffix("label.csv") + row[0]
    return rows
