"""The pictures that the words of a command line name; one that cannot be read costs only itself."""

import os
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from fer_keras.data.archive import Archive, is_clutter, open_tar, open_zip, printable
from fer_keras.data.csv_rows import CsvTable
from fer_keras.data.face_csv import EXPECTED_CSV, FaceColumns
from fer_keras.data.face_input import read_image, read_image_file
from fer_keras.data.image import MAX_IMAGE_BYTES, PICTURE_SUFFIXES, is_picture
from fer_keras.data.source import csv_of_faces, only_csv
from fer_keras.data.tar import is_tar
from fer_keras.errors import FerKerasError

STDIN = "-"

Picture = tuple[str, str, bytes | np.ndarray | FerKerasError]
"""Name, id, and encoded bytes, a uint8 [48, 48, 1] face, or why there is neither."""


def find_pictures(
    words: Sequence[str], most_bytes: int = MAX_IMAGE_BYTES, wanted: Callable[[str], bool] = lambda name: True
) -> Iterator[Picture]:
    """Yield what each word of a command line names.

    The id is a CSV's id, or a file's name without its ending; its whole path in a folder or zip with several such.

    Args:
        words: image files, folders, zips and tars (every picture in them, or their CSV of faces), CSVs of faces in any
            format that `fer_keras.data.load_faces` reads, or `-` for an image on standard input.
        most_bytes: what is larger is no picture.
        wanted: says of a picture's name whether to read it; the others are left out.
    """
    for word in words:
        path = Path(word)
        try:
            if not word:
                raise FerKerasError("the path of a picture is empty, expected a picture, a folder, a zip or a CSV")
            if word == STDIN:
                yield "standard input", "stdin", read_image(sys.stdin.buffer, "standard input", most_bytes)
            elif path.is_dir():
                yield from _in_folder(path, most_bytes, wanted)
            elif _is_archive(path):
                with open_tar(path) if is_tar(path) else open_zip(path) as archive:
                    yield from _in_archive(archive, most_bytes, wanted)
            elif _is_csv(path):
                with path.open("rb") as file:
                    yield from _csv_faces(file, word)
            elif wanted(word):
                yield word, path.stem, read_image_file(path, most_bytes)
        except FerKerasError as error:
            yield word, path.stem, error
        except OSError as error:
            problem = (
                f"{word}: cannot be read ({error.strerror}), expected a picture, a folder, a zip or a CSV of faces"
            )
            yield word, path.stem, FerKerasError(problem)


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ".zip" or (path.is_file() and (is_tar(path) or zipfile.is_zipfile(path)))


def _is_csv(path: Path) -> bool:
    """Say whether a file is to be read as a CSV: called so, or no picture and with the columns of one (`fer2013`)."""
    if path.suffix.lower() == ".csv":
        return True
    if is_picture(path.name) or not path.is_file():  # a pipe can be read only once
        return False
    with path.open("rb") as file, suppress(FerKerasError):
        return FaceColumns.find(CsvTable(file, str(path)).columns) is not None
    return False


def _in_archive(archive: Archive, most_bytes: int, wanted: Callable[[str], bool]) -> Iterator[Picture]:
    """The pictures of a zip or tar; where it has none, the faces of its CSV."""
    if not any(map(is_picture, archive.sizes)) and (name := csv_of_faces(archive)):
        with archive.open(name) as file:
            yield from _csv_faces(file, archive.where(name))
        return
    yield from _members(archive.path, archive.sizes, lambda name: archive.read(name, most_bytes), wanted)


def _members(
    path: Path, names: Iterable[str], read: Callable[[str], bytes], wanted: Callable[[str], bool]
) -> Iterator[Picture]:
    """The pictures among the members of a folder or a zip."""
    names = sorted(filter(is_picture, names))
    if not names:
        raise FerKerasError(f"{path}: holds no picture ({', '.join(PICTURE_SUFFIXES)}) and no CSV of faces")
    uses = Counter(PurePosixPath(name).stem for name in names)
    for name in names:
        if not wanted(where := f"{path}: {printable(name)}"):
            continue
        try:
            content: bytes | FerKerasError = read(name)
        except FerKerasError as error:
            content = error
        short = PurePosixPath(name).stem
        yield where, short if uses[short] == 1 else name, content


def _in_folder(root: Path, most_bytes: int, wanted: Callable[[str], bool]) -> Iterator[Picture]:
    closed: list[OSError] = []
    names = _files(root, closed.append)
    for error in closed:
        where = printable(error.filename)
        yield where, where, FerKerasError(f"{where}: cannot be read ({error.strerror}), expected a folder")
    if not any(map(is_picture, names)) and (name := _csv_in(root, names)):
        with (root / name).open("rb") as file:
            yield from _csv_faces(file, f"{root}: {printable(name)}")
    elif names or not closed:
        yield from _members(root, names, lambda name: read_image_file(root / name, most_bytes, pipes=False), wanted)


def _csv_in(root: Path, names: list[str]) -> str | None:
    files = sorted(name for name in names if (root / name).is_file())
    return only_csv(files, lambda name: (root / name).open("rb"), lambda name: f"{root}: {printable(name)}", root)


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
    columns = FaceColumns.find(table.columns)
    if columns is None:
        found = printable(",".join(table.columns), 60)
        raise FerKerasError(f"{where}: expected {EXPECTED_CSV}, found '{found}'")
    for line, row in table.entries():
        try:
            if isinstance(row, FerKerasError):
                raise row
            name = columns.id_of(row)
            yield f"{where}: {name}", name, columns.face_of(row)
        except FerKerasError as error:
            yield f"{where}, line {line}", str(line), error
