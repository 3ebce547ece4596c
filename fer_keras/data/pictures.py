"""The pictures that the words of a command line name; one that cannot be read costs only itself."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from fer_keras.data.archive import is_clutter, open_zip, printable
from fer_keras.data.csv_rows import CsvRow, CsvTable
from fer_keras.data.face_input import read_image, read_image_file
from fer_keras.data.image import MAX_IMAGE_BYTES
from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE

STDIN = "-"

_SUFFIXES = (".png", ".jpg", ".jpeg")
_PIXEL_COLUMNS = ("feature", "pixels")

Picture = tuple[str, str, bytes | np.ndarray | FerKerasError]
"""Name, id, and encoded bytes, a uint8 [48, 48, 1] face, or why there is neither."""


def find_pictures(words: Sequence[str], most_bytes: int = MAX_IMAGE_BYTES) -> Iterator[Picture]:
    """Yield what each word of a command line names.

    The id is a CSV's id, or a file's name without its ending; its whole path in a folder or zip with several such.

    Args:
        words: image files, folders and zips (every PNG and JPEG in them), CSVs of faces in any format that
            `fer_keras.data.load_faces` reads, or `-` for an image on standard input.
        most_bytes: what is larger is no picture.
    """
    for word in words:
        path = Path(word)
        try:
            if word == STDIN:
                yield "standard input", "stdin", read_image(sys.stdin.buffer, "standard input", most_bytes)
            elif path.is_dir():
                yield from _in_folder(path, most_bytes)
            elif path.suffix.lower() == ".zip":
                with open_zip(path) as archive:
                    yield from _members(path, archive.sizes, lambda name: archive.read(name, most_bytes))
            elif path.suffix.lower() == ".csv":
                with path.open("rb") as file:
                    yield from _csv_faces(file, word)
            else:
                yield word, path.stem, read_image_file(path, most_bytes)
        except FerKerasError as error:
            yield word, path.stem, error
        except OSError as error:
            problem = (
                f"{word}: cannot be read ({error.strerror}), expected a picture, a folder, a zip or a CSV of faces"
            )
            yield word, path.stem, FerKerasError(problem)


def _members(path: Path, names: Iterable[str], read: Callable[[str], bytes]) -> Iterator[Picture]:
    """The pictures among the members of a folder or a zip."""
    names = sorted(name for name in names if PurePosixPath(name).suffix.lower() in _SUFFIXES)
    if not names:
        raise FerKerasError(f"{path}: holds no .png, .jpg or .jpeg file")
    uses = Counter(PurePosixPath(name).stem for name in names)
    for name in names:
        try:
            content: bytes | FerKerasError = read(name)
        except FerKerasError as error:
            content = error
        short = PurePosixPath(name).stem
        yield f"{path}: {printable(name)}", short if uses[short] == 1 else name, content


def _in_folder(root: Path, most_bytes: int) -> Iterator[Picture]:
    closed: list[OSError] = []
    names = _files(root, closed.append)
    for error in closed:
        where = printable(error.filename)
        yield where, where, FerKerasError(f"{where}: cannot be read ({error.strerror}), expected a folder")
    if names or not closed:
        yield from _members(root, names, lambda name: read_image_file(root / name, most_bytes, pipes=False))


def _files(root: Path, onerror: Callable[[OSError], None]) -> list[str]:
    """Paths below a folder, each real folder once: a link may lead back to where it is."""
    names, seen = [], set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=onerror):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not is_clutter([name]))
        inside = Path(folder).relative_to(root)
        names += [(inside / name).as_posix() for name in files if not is_clutter([name])]
    return names


def _csv_faces(file: IO[bytes], where: str) -> Iterator[Picture]:
    """The faces of a CSV, in its order. A label is not looked at, so it may be wrong."""
    table = CsvTable(file, where)
    pixels = next((column for column in _PIXEL_COLUMNS if column in table.columns), None)
    if pixels is None:
        found = printable(",".join(table.columns), 60)
        raise FerKerasError(f"{where}: expected a CSV with a column {' or '.join(_PIXEL_COLUMNS)}, found '{found}'")
    for line, row in table.entries():
        try:
            if isinstance(row, FerKerasError):
                raise row
            name, face = _csv_face(row, table.columns, pixels)
            yield f"{where}: {name}", name, face
        except FerKerasError as error:
            yield f"{where}, line {line}", str(line), error


def _csv_face(row: CsvRow, columns: Sequence[str], pixels: str) -> tuple[str, np.ndarray]:
    """The id and the face of a row; ids are those that `load_faces` gives."""
    face = np.frombuffer(row.pixels(pixels), np.uint8).reshape(IMAGE_SHAPE)
    if "id" not in columns:
        return f"{row.text('usage') if 'usage' in columns else 'train'}_{row.line:08d}", face
    if not row.text("id"):
        raise row.fail("the id is empty")
    return row.text("id"), face
