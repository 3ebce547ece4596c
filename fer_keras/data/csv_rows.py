"""A CSV as rows that know their line, with checked pixels."""

import csv
import io
from collections.abc import Iterator
from typing import IO, NamedTuple

from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SIZE

PIXELS = IMAGE_SIZE * IMAGE_SIZE

MAX_LINE = 2**17
"""No line may be longer, so that no input fills the memory with one; a face takes 9,300 characters."""
MAX_BLANK = 10_000
"""Nor may there be more blank lines: a zip of 130 KB holds a hundred million of them."""
MAX_TEXT = 1000
"""Nor may an id or a label be longer: an array of ids takes as much for each as for the longest."""

_LINE_ENDS = ("\n", "\r")
_PIXEL_VALUES = {str(value): value for value in range(256)}


class CsvRow(NamedTuple):
    """One row: its fields by column, and the words by which messages name it."""

    fields: dict[str, str]
    line: int
    where: str

    def text(self, column: str) -> str:
        """Return a field without the spaces around it, which must not be longer than `MAX_TEXT`."""
        text = self.fields[column].strip()
        if len(text) > MAX_TEXT:
            raise self.fail(f"{column} {text[:20]!r}... has {len(text):,} characters, expected at most {MAX_TEXT:,}")
        return text

    def fail(self, problem: str) -> FerKerasError:
        """Return the error that names this row."""
        return FerKerasError(f"{self.where}: {problem}")

    def pixels(self, column: str) -> bytes:
        """Return the 2304 grey values, row by row from the top, which must be whole numbers 0..255."""
        values = self.fields[column].split()
        if len(values) != PIXELS:
            raise self.fail(f"{len(values)} pixels, expected {PIXELS}")
        try:
            # A dictionary is as strict as it gets (int() takes "1_0") and the fastest way there is.
            return bytes(map(_PIXEL_VALUES.__getitem__, values))
        except KeyError as error:
            raise self.fail(f"pixel {error.args[0][:20]!r}, expected a whole number 0..255") from error


class CsvTable:
    """A CSV as it is read: its `columns` at once, names in lower case without spaces around them; its rows one by one.

    The file's bytes are UTF-8, with or without a byte order mark; `where` is what messages call it.
    """

    def __init__(self, file: IO[bytes], where: str) -> None:
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
        """Yield below the header, where something must be, each line's number and its row, or why it is none.

        Raises:
            FerKerasError: there are no rows.
        """
        line = 0
        for record in filter(None, self._records()):  # blank lines are no rows
            line = self._reader.line_num
            if isinstance(record, FerKerasError):
                yield line, record
            elif len(record) != len(self.columns):
                yield line, self._error(f"{len(record)} fields, expected {len(self.columns)}")
            elif any("\ufffd" in field for field in record):
                yield line, self._error("expected UTF-8 text")
            else:
                fields = dict(zip(self.columns, record, strict=True))
                yield line, CsvRow(fields, line, f"{self._where}, line {line}")
        if not line:
            raise FerKerasError(f"{self._where}: the CSV holds no rows below its header")
