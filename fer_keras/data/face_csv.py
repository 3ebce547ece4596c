"""CSVs of faces, one reader for all: FER2013's, Kaggle's, the course's, and those with names for labels.

`emotion,pixels,Usage` (fer2013.csv, icml_face_data.csv), `emotion,pixels` and `pixels` (Kaggle's train.csv and
test.csv), `label,feature` and `id,feature` (the course's), in any order of the columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fer_keras.data.archive import printable
from fer_keras.data.class_names import ClassNames, Names, UnknownClassError, classes_of
from fer_keras.data.csv_rows import CsvRow, CsvTable
from fer_keras.data.dataset import SPLIT_OF_NAME, SPLIT_OF_USAGE, SPLITS, FaceData
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, IMAGE_SHAPE, UNLABELLED, LabelSet, label_set_of

PIXEL_COLUMNS = ("pixels", "feature")
LABEL_COLUMNS = ("emotion", "label")
SPLIT_COLUMNS = ("usage", "split")
ID_COLUMN = "id"

EXPECTED_CSV = "a CSV with the columns emotion,pixels,usage or emotion,pixels or label,feature or id,feature"

_INDEX_COLUMNS = ("", "unnamed: 0")
"""What pandas calls the row numbers that it leaves in a file."""


@dataclass(frozen=True)
class FaceColumns:
    """Which columns of a CSV hold what; empty where there is none.

    Attributes:
        pixels: 2304 grey values.
        label: a number or a name.
        split: one of `SPLIT_OF_NAME`.
        name: the images' ids.
        ignored: those that say nothing of a face.
    """

    pixels: str
    label: str = ""
    split: str = ""
    name: str = ""
    ignored: tuple[str, ...] = ()

    @classmethod
    def find(cls, columns: Sequence[str]) -> "FaceColumns | None":
        """Return the columns of a CSV of faces; None where it is no such CSV, or two columns hold the same."""
        roles = [[name for name in columns if name in names] for names in (PIXEL_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS)]
        roles.append([name for name in columns if name == ID_COLUMN])
        if not roles[0] or any(len(role) > 1 for role in roles):
            return None
        used = [role[0] if role else "" for role in roles]
        return cls(*used, tuple(name for name in columns if name not in (*used, *_INDEX_COLUMNS)))

    def id_of(self, row: CsvRow) -> str:
        """Return a row's own id; else its split's name in the file, and its line.

        Raises:
            FerKerasError: the id is empty.
        """
        if not self.name:
            split = row.text(self.split) if self.split else "train" if self.label else "test"
            return f"{split}_{row.line:08d}"
        if not row.text(self.name):
            raise row.fail("the id is empty")
        return row.text(self.name)

    def face_of(self, row: CsvRow) -> np.ndarray:
        """Return a row's face, uint8 [48, 48, 1].

        Raises:
            FerKerasError: it is not 2304 grey values.
        """
        return np.frombuffer(row.pixels(self.pixels), np.uint8).reshape(IMAGE_SHAPE)

    def split_of(self, row: CsvRow) -> str:
        """Return a row's split; without a column of splits, `train` if it has a label, else `test`.

        Raises:
            FerKerasError: it is no split.
        """
        if not self.split:
            return "train" if self.label else "test"
        text = row.text(self.split)
        if text.lower() not in SPLIT_OF_NAME:
            expected = ", ".join((*SPLIT_OF_USAGE, "train", "val", "test"))
            title = "Usage" if self.split == "usage" else self.split
            raise row.fail(f"{title} {text[:20]!r}, expected one of {expected}")
        return SPLIT_OF_NAME[text.lower()]


def read_faces(table: CsvTable, source: str, names: Names | None = None) -> tuple[FaceData, list[str]]:
    """Read a CSV of faces.

    A row that has no id of its own gets its Usage, `train` or `test`, and its line in the file, the header being line
    1, so `Training_00000017` is on line 17. It is not the archive's image of a like name. Rows are sorted by split,
    inside a split they are in the file's order.

    Args:
        table: the CSV, whose columns `FaceColumns.find` finds.
        source: what messages and reports call it.
        names: the classes, as `fer_keras.data.class_names.classes_of`; labels that are numbers count from 0 then.
            Default: numbers are FER2013's, names are a set of their own.

    Returns:
        The faces, and what should be said about them.

    Raises:
        FerKerasError: a row is not what its columns promise, or there are no rows.
    """
    columns = FaceColumns.find(table.columns)
    if columns is None:
        raise FerKerasError(f"{source}: expected {EXPECTED_CSV}")
    labels = _Labels.choose(names)
    pixels, numbers, ids, splits = bytearray(), [], [], []
    for row in table.rows():
        splits.append(columns.split_of(row))
        ids.append(columns.id_of(row))
        pixels += row.pixels(columns.pixels)
        numbers.append(labels.add(row, columns.label) if columns.label else UNLABELLED)
    classes = labels.classes() if columns.label else ClassNames(labels.label_set, {})
    order = np.argsort([SPLITS.index(split) for split in splits], kind="stable")
    faces = FaceData.create(
        np.frombuffer(pixels, np.uint8).reshape(-1, *IMAGE_SHAPE)[order],
        labels.final(np.array(numbers, np.int64), classes)[order],
        np.array(ids)[order],
        np.array(splits)[order],
        source,
        label_set=classes.label_set,
    )
    ignored = [f"columns that are not read: {printable(', '.join(columns.ignored))}"] if columns.ignored else []
    return faces, [*classes.notes, *ignored]


class _First(NamedTuple):
    """Where a label is met first."""

    place: int
    row: CsvRow


class _Labels:
    """The labels of a CSV: numbers of classes, or names; the first row says which."""

    def __init__(self, names: Names | None, numbered: Mapping[str, int], label_set: LabelSet) -> None:
        self.label_set = label_set
        self._names = names
        self._numbered = numbered
        self._words: dict[str, _First] = {}
        self._named: bool | None = None
        self._column = ""

    @classmethod
    def choose(cls, names: Names | None) -> "_Labels":
        if names is None:
            return cls(None, {str(number): number for number in range(len(FER2013))}, FER2013)
        if isinstance(names, Mapping):
            return cls(names, {}, label_set_of(dict.fromkeys(names.values())))
        label_set = label_set_of(names)
        places = {str(place): label_set.number(name) for place, name in enumerate(names)}
        return cls(names, {} if all(name.isdigit() for name in names) else places, label_set)

    def add(self, row: CsvRow, column: str) -> int:
        """Return the number of a row's label; of a name, its place among those that were met."""
        text, self._column = row.text(column), column
        if self._named is None:
            self._named = not (text.lstrip("+-")[:1].isdigit() and self._numbered)
        if not self._named:
            if text not in self._numbered:
                raise row.fail(f"{column} {text[:20]!r}, expected a whole number 0..{len(self._numbered) - 1}")
            return self._numbered[text]
        if not text or (self._numbered and text.isdigit()):
            raise row.fail(f"{column} {text[:20]!r}, expected a class's name")
        if text not in self._words:
            self._words[text] = _First(len(self._words), row)
            if len(self._words) > 2000:
                raise row.fail(f"{column} {text[:20]!r} is the 2001st class, expected labels")
        return self._words[text].place

    def classes(self) -> ClassNames:
        """The classes; a name that is none is refused by its first row."""
        if not self._named:
            return ClassNames(self.label_set, {})
        try:
            return classes_of(self._words, self._names)
        except UnknownClassError as error:
            raise self._words[error.word].row.fail(f"{self._column}: {error}") from error
        except FerKerasError as error:
            row = next(iter(self._words.values())).row
            raise row.fail(f"{self._column}: {error}") from error

    def final(self, numbers: np.ndarray, classes: ClassNames) -> np.ndarray:
        """Int64 [N]: the numbers of classes for what `add` returned."""
        if not self._words:
            return numbers
        return np.array([classes.numbers[word] for word in self._words], np.int64)[numbers]
