"""A CSV as rows that know their line, with checked pixels."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SIZE

PIXELS = IMAGE_SIZE * IMAGE_SIZE

MAX_LINE = 2**17
"""No line may be longer, so that no input fills the memory with one; a face takes 9,300 characters."""
MAX_BLANK = 10_000
"""Nor may there be more blank lines: a zip of 130 KB holds a hundred million of them."""
MAX_TEXT = 1000
"""Nor may an id or a label be longer: an array of ids takes as much for each as for the longest."""

_BAD_BYTE = "\ufffd"
_LINE_ENDS = ("\n", "\r")
_PIXEL_VALUES = {str(value): value for value in range(256)}


@dataclass(frozen=True)
class CsvRow:
    """One row: its fields, its line in the file, the header being line 1, and the words by which messages name it."""

    fields: dict[str, str]
    line: int
    where: str

    def text(self, column: str) -> str:
        """Return a field without the spaces around it.

        Raises:
            FerKerasError: it is longer than `MAX_TEXT`.
        """
        text = self.fields[column].strip()
        if len(text) > MAX_TEXT:
            raise self.fail(f"{column} {text[:20]!r}... has {len(text):,} characters, expected at most {MAX_TEXT}")
        return text

    def fail(self, problem: str) -> FerKerasError:
        """Return the error that names this row."""
        return FerKerasError(f"{self.where}: {problem}")

    def pixels(self, column: str) -> bytes:
        """Return the 2304 grey values, row by row from the top.

        Raises:
            FerKerasError: there are more or fewer, or one is no whole number 0..255.
        """
        values = self.fields[column].split()
        if len(values) != PIXELS:
            raise self.fail(f"{len(values)} pixels, expected {PIXELS}")
        try:
            # A dictionary is as strict as it gets (int() takes "1_0") and the fastest way there is.
            return bytes(map(_PIXEL_VALUES.__getitem__, values))
        except KeyError as error:
            raise self.fail(f"pixel {error.args[0][:20]!r}, expected a whole number 0..255") from error


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
        header = next(self._records(), [])
        if isinstance(header, FerKerasError):
            raise header
        self.columns = [name.strip().lower() for name in header]

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        blank = 0
        while line := text.readline(MAX_LINE):
            blank += line.isspace()
            if blank > MAX_BLANK:
                raise self._error(f"more than {MAX_BLANK:,} blank lines, expected a row of a CSV")
            if len(line) < MAX_LINE or line.endswith(_LINE_ENDS):
                yield line
                continue
            self._overlong = True
            yield "\n"
            while (rest := text.readline(MAX_LINE)) and not rest.endswith(_LINE_ENDS):
                pass

    def _records(self) -> Iterator[list[str] | FerKerasError]:
        """The reader's records; it goes on after an error, which a `for` would not."""
        while True:
            self._overlong = False
            try:
                record = next(self._reader)
            except csv.Error as error:
                yield self._error(f"expected a row of a CSV ({error})")
                continue
            except StopIteration:
                return
            yield self._error(f"longer than {MAX_LINE:,} characters") if self._overlong else record

    def _error(self, problem: str) -> FerKerasError:
        return FerKerasError(f"{self._where}, line {self._reader.line_num}: {problem}")

    def entries(self) -> Iterator[tuple[int, CsvRow | FerKerasError]]:
        """Yield below the header each line's number and its row, or why it is none; blank lines are skipped.

        Raises:
            FerKerasError: there are no rows, or too many blank lines.
        """
        empty = True
        for record in filter(None, self._records()):  # blank lines are no rows
            empty = False
            yield self._reader.line_num, self._row(record)
        if empty:
            raise FerKerasError(f"{self._where}: the CSV holds no rows below its header")

    def _row(self, record: list[str] | FerKerasError) -> CsvRow | FerKerasError:
        if isinstance(record, FerKerasError):
            return record
        if len(record) != len(self.columns):
            return self._error(f"{len(record)} fields, expected {len(self.columns)}")
        if any(_BAD_BYTE in field for field in record):
            return self._error("expected UTF-8 text")
        line = self._reader.line_num
        return CsvRow(dict(zip(self.columns, record, strict=True)), line, f"{self._where}, line {line}")

    def rows(self) -> Iterator[CsvRow]:
        """Yield the rows below the header; blank lines are skipped.

        Raises:
            FerKerasError: there are none, or one has more or fewer fields than the header or is no text.
        """
        for _, row in self.entries():
            if isinstance(row, FerKerasError):
                raise row
            yield row
