"""Photos on all cores, in their order, and the file of their rows, which a killed command goes on with."""

import csv
import io
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from PIL import Image

from fer_keras.data.pictures import Picture
from fer_keras.errors import FerKerasError
from fer_keras.faces.expressions import expressions
from fer_keras.faces.finder import FaceFinder
from fer_keras.faces.photo import Photo, open_photo
from fer_keras.files import naming, replacing
from fer_keras.predict import Classifier, Prediction
from fer_keras.probabilities import BOX_COLUMNS

_AHEAD = 4
"""Photos that are read, or answered and not yet written, for each thread: what bounds the memory."""


class PhotoAnswers(NamedTuple):
    """A photo and the answers to its faces; instead of both, why there are none."""

    name: str
    answers: list[Prediction]
    photo: Photo | None = None
    error: FerKerasError | None = None


class PhotoReader:
    """Answers the faces of photos; a function for several threads, each of which gets a detector of its own.

    Args:
        classifier: of faces.
        min_score: of the detector.
    """

    def __init__(self, classifier: Classifier, min_score: float) -> None:
        self._classifier, self._min_score = classifier, min_score
        self._thread = threading.local()

    def __call__(self, picture: Picture) -> PhotoAnswers:
        """Decode a photo and answer its faces."""
        if not hasattr(self._thread, "finder"):
            self._thread.finder = FaceFinder(min_score=self._min_score)
        name, _, content = picture
        try:
            photo = _photo(content, name)
            return PhotoAnswers(
                name, expressions(photo.image, self._thread.finder, self._classifier, name, photo.size), photo
            )
        except FerKerasError as error:
            return PhotoAnswers(name, [], error=error)


def _photo(content: bytes | np.ndarray | FerKerasError, name: str) -> Photo:
    if isinstance(content, FerKerasError):
        raise content
    if isinstance(content, bytes):
        return open_photo(content, name)
    image = Image.fromarray(content[..., 0])
    return Photo(image, image.size)


def answered(
    pictures: Iterator[Picture], reader: Callable[[Picture], PhotoAnswers], jobs: int
) -> Iterator[PhotoAnswers]:
    """Yield what `reader` makes of each picture, in their order; `jobs` threads work ahead, within bounds.

    Decoding, scaling and both networks leave Python's lock to the other threads.
    """
    with ThreadPoolExecutor(jobs) as pool:
        waiting: deque = deque()
        try:
            for picture in pictures:
                waiting.append(pool.submit(reader, picture))
                if len(waiting) >= _AHEAD * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class RowsFile:
    """A CSV that grows by the rows of one photo at a time.

    A photo without a face has a row too, with nothing but its name, so that nobody looks at it again.

    Args:
        path: the file.
        classes: of the classifier.
        resume: go on with the file that is there; the last photo in it counts as not done, for its rows may be cut.

    Raises:
        FerKerasError: the file is there already and `resume` is false, or it is no such file.
    """

    def __init__(self, path: Path, classes: Sequence[str], *, resume: bool) -> None:
        self._columns = ["image", *BOX_COLUMNS, "label", "confidence", *classes]
        self._header = _lines(self._columns, [dict(zip(self._columns, self._columns, strict=True))])
        self.done: set[str] = set()
        if path.exists():
            if not resume:
                raise FerKerasError(f"{path}: is there already, expected a new file, or --resume to go on with it")
            self._keep_whole(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file: IO[str] = path.open("a", encoding="utf-8", errors="backslashreplace", newline="")
        if not path.stat().st_size:
            self._append(self._header)

    def write(self, name: str, answers: Sequence[Prediction]) -> None:
        """Append the rows of a photo, at once."""
        self._append(_lines(self._columns, [answer.to_row() for answer in answers] or [{"image": name}]))

    def _append(self, lines: str) -> None:
        with naming(self._path):
            self._file.write(lines)
            self._file.flush()

    def __enter__(self) -> "RowsFile":
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Have all rows on the disk."""
        with naming(self._path), self._file:
            self._file.flush()
            os.fsync(self._file.fileno())

    def _keep_whole(self, path: Path) -> None:
        """Drop the last photo's rows from the file; all others are done."""
        text = path.read_bytes().decode(errors="replace")
        # A full disk cuts a line anywhere, in a photo's name too: what is left of it is no row.
        header, *rows = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1]))) or [[]]
        if header != self._columns and not self._header.startswith(text):
            raise FerKerasError(f"{path}: expected the columns {','.join(self._columns)}, found {','.join(header)!r}")
        last = rows[-1][:1] if rows else []
        kept = [row for row in rows if row[:1] != last and len(row) == len(header)]
        self.done = {row[0] for row in kept}
        with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([self._columns, *kept])


def _lines(columns: Sequence[str], rows: Sequence[dict[str, object]]) -> str:
    text = io.StringIO()
    csv.DictWriter(text, columns, lineterminator="\n").writerows(rows)
    return text.getvalue()
