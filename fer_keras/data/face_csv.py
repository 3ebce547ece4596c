"""CSVs of faces, one reader for all: FER2013's, Kaggle's, the course's, and those with names for labels.

`emotion,pixels,Usage` (fer2013.csv, icml_face_data.csv), `emotion,pixels` and `pixels` (Kaggle's train.csv and
test.csv), `label,feature` and `id,feature` (the course's), in any order of the columns.
"""

from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

import numpy as np

from fer_keras.data.archive import printable
from fer_keras.data.class_names import ClassNames, Names, UnknownClassError, classes_of
from fer_keras.data.csv_rows import CsvRow, CsvTable
from fer_keras.data.face_data import SPLIT_OF_NAME, SPLIT_OF_USAGE, SPLITS, FaceData
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, IMAGE_SHAPE, MAX_CLASSES, UNLABELLED, label_set_of

EXPECTED_CSV = "a CSV with the columns emotion,pixels,usage or emotion,pixels or label,feature or id,feature"

_ROLES = (("pixels", "feature"), ("emotion", "label"), ("usage", "split"), ("id",))
_INDEX_COLUMNS = ("", "unnamed: 0")
"""What pandas calls the row numbers that it leaves in a file."""


class FaceColumns(NamedTuple):
    """Which columns of a CSV hold what; empty where there is none.

    `pixels` are 2304 grey values, a `label` is a number or a name, a `split` one of `SPLIT_OF_NAME`, a `name` an
    image's id; `ignored` are those that say nothing of a face.
    """

    pixels: str
    label: str = ""
    split: str = ""
    name: str = ""
    ignored: tuple[str, ...] = ()

    @classmethod
    def find(cls, columns: Sequence[str]) -> "FaceColumns | None":
        """Return the columns of a CSV of faces; None where it is no such CSV, or two columns hold the same."""
        roles = [[name for name in columns if name in names] for names in _ROLES]
        if not roles[0] or any(len(role) > 1 for role in roles):
            return None
        used = [role[0] if role else "" for role in roles]
        return cls(*used, tuple(name for name in columns if name not in (*used, *_INDEX_COLUMNS)))

    def id_of(self, row: CsvRow) -> str:
        """Return a row's own id, which must not be empty; else its split's name in the file, and its line."""
        if not self.name:
            split = row.text(self.split) if self.split else "train" if self.label else "test"
            return f"{split}_{row.line:08d}"
        if not row.text(self.name):
            raise row.fail("the id is empty")
        return row.text(self.name)

    def split_of(self, row: CsvRow) -> str:
        """Return a row's split; without a column of splits, `train` if it has a label, else `test`."""
        if not self.split:
            return "train" if self.label else "test"
        text = row.text(self.split)
        if text.lower() not in SPLIT_OF_NAME:
            expected = ", ".join((*SPLIT_OF_USAGE, "train", "val", "test"))
            title = "Usage" if self.split == "usage" else self.split
            raise row.fail(f"{title} {text[:20]!r}, expected one of {expected}")
        return SPLIT_OF_NAME[text.lower()]


def csv_of_faces(file: IO[bytes], where: str) -> tuple[CsvTable, FaceColumns]:
    """Return a file as a CSV of faces, and which of its columns hold what.

    Raises:
        FerKerasError: it is none.
    """
    try:
        table = CsvTable(file, where)
    except FerKerasError as error:
        raise FerKerasError(f"{where}: expected {EXPECTED_CSV} ({error})") from error
    columns = FaceColumns.find(table.columns)
    if columns is None:
        found = printable(",".join(table.columns), 60)
        raise FerKerasError(f"{where}: expected {EXPECTED_CSV}, found '{found}'")
    return table, columns


def read_faces(file: IO[bytes], where: str, source: str, names: Names | None = None) -> tuple[FaceData, list[str]]:
    """Read a CSV of faces.

    A row that has no id of its own gets its Usage, `train` or `test`, and its line in the file, the header being line
    1, so `Training_00000017` is on line 17. It is not the archive's image of a like name. Rows are sorted by split,
    inside a split they are in the file's order.

    Args:
        file: the CSV's bytes.
        where: what messages call it.
        source: what reports call it.
        names: the classes, as `classes_of`; labels that are numbers count from 0 then. Default: numbers are FER2013's,
            names are a set of their own.

    Returns:
        The faces, and what should be said about them.

    Raises:
        FerKerasError: a row is not what its columns promise, or there are no rows.
    """
    table, columns = csv_of_faces(file, where)
    pixels, ids, splits, words = bytearray(), [], [], []
    first: dict[str | None, CsvRow] = {}  # of each label
    for _, row in table.entries():
        if isinstance(row, FerKerasError):
            raise row
        splits.append(columns.split_of(row))
        ids.append(columns.id_of(row))
        pixels += row.pixels(columns.pixels)
        words.append(row.text(columns.label) if columns.label else None)
        first.setdefault(words[-1], row._replace(fields={}))
        if len(first) > MAX_CLASSES:
            raise row.fail(f"{columns.label} {words[-1][:20]!r}: more than {MAX_CLASSES:,} classes, expected labels")
    try:
        classes = _classes(list(first), names)
    except FerKerasError as error:
        word = error.word if isinstance(error, UnknownClassError) else words[0]
        raise first[word].fail(f"{columns.label} {error}") from error
    order = np.argsort([SPLITS.index(split) for split in splits], kind="stable")
    faces = FaceData.create(
        np.frombuffer(pixels, np.uint8).reshape(-1, *IMAGE_SHAPE)[order],
        np.array([classes.numbers[word] for word in words], np.int64)[order],
        np.array(ids)[order],
        np.array(splits)[order],
        source,
        label_set=classes.label_set,
    )
    ignored = [f"columns that are not read: {printable(', '.join(columns.ignored))}"] if columns.ignored else []
    return faces, [*classes.notes, *ignored]


def _classes(words: list[str | None], names: Names | None) -> ClassNames:
    """What the labels mean, in the order in which they are met: numbers of classes, or names; the first says which."""
    if words == [None]:
        said = dict.fromkeys(names.values() if isinstance(names, Mapping) else names or ())
        return ClassNames(label_set_of(said) if said else FER2013, {None: UNLABELLED})
    may_be_numbers = names is None or not (isinstance(names, Mapping) or all(name.isdigit() for name in names))
    if may_be_numbers and words[0].lstrip("+-")[:1].isdigit():
        label_set = FER2013 if names is None else label_set_of(names)
        numbers = {str(place): label_set.number(name) for place, name in enumerate(names or FER2013.classes)}
        for word in words:
            if word not in numbers:
                raise UnknownClassError(word, f"{word[:20]!r}, expected a whole number 0..{len(numbers) - 1}")
        return ClassNames(label_set, numbers)
    for word in words:
        if not word or (may_be_numbers and word.isdigit()):
            raise UnknownClassError(word, f"{word[:20]!r}, expected a class's name")
    return classes_of(words, names)
