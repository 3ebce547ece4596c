"""What the CSV formats share: rows that know their line, checked pixels, and rows gathered to a FaceData."""

import csv
import io
from collections.abc import Iterator
from typing import IO

import numpy as np

from fer_keras.data.dataset import SPLITS, FaceData
from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE, IMAGE_SIZE, NUM_CLASSES

PIXELS = IMAGE_SIZE * IMAGE_SIZE

MAX_LINE = 2**17
"""No line may be longer, so that no input fills the memory with one; a face takes 9,300 characters."""

_BAD_BYTE = "\ufffd"
_PIXEL_VALUES = {str(value): value for value in range(256)}


class CsvTable:
    """A CSV as it is read: its columns at once, its rows one by one.

    Attributes:
        columns: the header's names, without spaces around them, in lower case; empty for an empty file.
    """

    def __init__(self, file: IO[bytes], where: str) -> None:
        """Read the header.

        Args:
            file: the CSV's bytes; UTF-8, with or without a byte order mark.
            where: the words by which messages name the file.

        Raises:
            FerKerasError: the first line is none of a CSV.
        """
        self._where = where
        # A decoder that stops at a bad byte could not say in which line: it reads ahead.
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
        self._reader = csv.reader(self._lines(text))
        self.columns = [name.strip().lower() for name in next(self._records(), [])]

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        line = 1
        while found := text.readline(MAX_LINE):
            if len(found) == MAX_LINE:
                raise FerKerasError(f"{self._where}, line {line}: longer than {MAX_LINE:,} characters")
            yield found
            line += 1

    def _records(self) -> Iterator[list[str]]:
        try:
            yield from self._reader
        except csv.Error as error:
            line = self._reader.line_num
            raise FerKerasError(f"{self._where}, line {line}: expected a row of a CSV ({error})") from error

    def rows(self) -> Iterator["CsvRow"]:
        """Yield the rows below the header; blank lines are skipped.

        Raises:
            FerKerasError: there are none, or one has more or fewer fields than the header or is no text.
        """
        row = None
        for fields in self._records():
            if not fields:
                continue
            where = f"{self._where}, line {self._reader.line_num}"
            if len(fields) != len(self.columns):
                raise FerKerasError(f"{where}: {len(fields)} fields, expected {len(self.columns)}")
            if any(_BAD_BYTE in field for field in fields):
                raise FerKerasError(f"{where}: expected UTF-8 text")
            row = CsvRow(dict(zip(self.columns, fields, strict=True)), self._reader.line_num, where)
            yield row
        if row is None:
            raise FerKerasError(f"{self._where}: the CSV holds no rows below its header")


class CsvRow:
    """One row; `line` is its line in the file, the header being line 1."""

    def __init__(self, fields: dict[str, str], line: int, where: str) -> None:
        self.line = line
        self._fields = fields
        self._where = where

    def text(self, column: str) -> str:
        """Return a field without the spaces around it."""
        return self._fields[column].strip()

    def fail(self, problem: str) -> FerKerasError:
        """Return the error that names this row."""
        return FerKerasError(f"{self._where}: {problem}")

    def label(self, column: str) -> int:
        """Return FER2013's label number.

        Raises:
            FerKerasError: it is none of 0..6.
        """
        text = self.text(column)
        if text not in map(str, range(NUM_CLASSES)):
            raise self.fail(f"{column} {text[:20]!r}, expected a whole number 0..{NUM_CLASSES - 1}")
        return int(text)

    def pixels(self, column: str) -> bytes:
        """Return the 2304 grey values, row by row from the top.

        Raises:
            FerKerasError: there are more or fewer, or one is no whole number 0..255.
        """
        values = self._fields[column].split()
        if len(values) != PIXELS:
            raise self.fail(f"{len(values)} pixels, expected {PIXELS}")
        try:
            # A dictionary is as strict as it gets (int() takes "1_0") and the fastest way there is.
            return bytes(map(_PIXEL_VALUES.__getitem__, values))
        except KeyError as error:
            raise self.fail(f"pixel {error.args[0][:20]!r}, expected a whole number 0..255") from error


class FaceRows:
    """Rows gathered one by one, then made into a FaceData."""

    def __init__(self) -> None:
        self._pixels = bytearray()
        self._labels: list[int] = []
        self._ids: list[str] = []
        self._splits: list[str] = []

    def add(self, pixels: bytes, label: int, name: str, split: str) -> None:
        """Add one face: its 2304 grey values, label, id and split."""
        self._pixels += pixels
        self._labels.append(label)
        self._ids.append(name)
        self._splits.append(split)

    def faces(self, source: str) -> FaceData:
        """Return the rows sorted by split in the order of `SPLITS`, inside a split as they were added."""
        images = np.frombuffer(self._pixels, np.uint8).reshape(-1, *IMAGE_SHAPE)
        order = np.argsort([SPLITS.index(split) for split in self._splits], kind="stable")
        return FaceData.create(
            images[order],
            np.array(self._labels, np.int64)[order],
            np.array(self._ids)[order],
            np.array(self._splits)[order],
            source,
        )
