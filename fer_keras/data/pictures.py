"""The pictures that the words of a command line name; one that cannot be read costs only itself."""

import logging
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from fer_keras.data.archive import Archive, open_archive
from fer_keras.data.csv_rows import CsvTable
from fer_keras.data.face_csv import FaceColumns, csv_of_faces
from fer_keras.data.face_input import read_image, read_image_file
from fer_keras.data.folder import counted
from fer_keras.data.image import MAX_IMAGE_BYTES, PICTURE_SUFFIXES, is_picture
from fer_keras.data.source import csv_member, is_archive
from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE

STDIN = "-"

Picture = tuple[str, str, bytes | np.ndarray | FerKerasError]
"""Name, id, and encoded bytes, a uint8 [48, 48, 1] face, or why there is neither."""

_logger = logging.getLogger("fer_keras")


def find_pictures(
    words: Sequence[str], most_bytes: int = MAX_IMAGE_BYTES, done: Collection[str] = ()
) -> Iterator[Picture]:
    """Yield what each word of a command line names.

    The id is a CSV's id, or a file's name without its ending; its whole path in a folder or zip with several such.
    Files in a folder or archive that are no pictures are counted, which is said once.

    Args:
        words: image files, folders, zips and tars (every picture in them, or their CSV of faces), CSVs of faces in any
            format that `fer_keras.data.load_faces` reads, or `-` for an image on standard input.
        most_bytes: what is larger is no picture.
        done: names of pictures that are neither read nor yielded.
    """
    for word in words:
        path = Path(word)
        try:
            if not word:
                raise FerKerasError("the path of a picture is empty, expected a picture, a folder, a zip or a CSV")
            if word == STDIN:
                yield "standard input", "stdin", read_image(sys.stdin.buffer, "standard input", most_bytes)
            elif is_archive(path):
                with open_archive(path) as archive:
                    yield from _in_archive(archive, most_bytes, done)
            elif _is_csv(path):
                with path.open("rb") as file:
                    yield from _csv_faces(file, word)
            elif word not in done:
                yield word, path.stem, read_image_file(path, most_bytes)
        except FerKerasError as error:
            yield word, path.stem, error
        except OSError as error:
            expected = "expected a picture, a folder, a zip or a CSV of faces"
            yield word, path.stem, FerKerasError(f"{word}: cannot be read ({error.strerror}), {expected}")


def count_pictures(words: Sequence[str]) -> int:
    """Return how many pictures `find_pictures` will find in files, folders and archives; none is read for that."""
    count = 0
    for word in words:
        with suppress(FerKerasError, OSError):
            if not is_archive(Path(word)):
                count += 1
                continue
            with open_archive(Path(word)) as archive:
                count += sum(map(is_picture, archive.sizes))
    return count


def _is_csv(path: Path) -> bool:
    """Say whether a file is to be read as a CSV: called so, or no picture and with the columns of one (`fer2013`)."""
    if path.suffix.lower() == ".csv":
        return True
    if is_picture(path.name) or not path.is_file():  # a pipe can be read only once
        return False
    with path.open("rb") as file, suppress(FerKerasError):
        return FaceColumns.find(CsvTable(file, str(path)).columns) is not None
    return False


def _in_archive(archive: Archive, most_bytes: int, done: Collection[str]) -> Iterator[Picture]:
    """The pictures of a folder, zip or tar; where it has none, the faces of its CSV."""
    names = sorted(filter(is_picture, archive.sizes))
    if not names and (name := csv_member(archive)):
        with archive.open(name) as file:
            yield from _csv_faces(file, archive.where(name))
        return
    closed = [name for name in archive.refused if name.endswith("/")]
    if not names and not closed:
        raise FerKerasError(f"{archive.path}: holds no picture ({', '.join(PICTURE_SUFFIXES)}) and no CSV of faces")
    uses = Counter(PurePosixPath(name).stem for name in names)
    for name in closed + names:
        if archive.where(name) in done:
            continue
        try:
            content: bytes | FerKerasError = archive.read(name, most_bytes)
        except FerKerasError as error:
            content = error
        short = PurePosixPath(name).stem
        yield archive.where(name), short if uses[short] == 1 else name, content
    for note in counted("files left out, which are no pictures", sorted({*archive.sizes} - {*names, *closed})):
        _logger.warning("%s: %s", archive.path, note)


def _csv_faces(file: IO[bytes], where: str) -> Iterator[Picture]:
    """The faces of a CSV, in its order. A label is not looked at, so it may be wrong."""
    table, columns = csv_of_faces(file, where)
    for line, row in table.entries():
        try:
            if isinstance(row, FerKerasError):
                raise row
            name = columns.id_of(row)
            yield f"{where}: {name}", name, np.frombuffer(row.pixels(columns.pixels), np.uint8).reshape(IMAGE_SHAPE)
        except FerKerasError as error:
            yield f"{where}, line {line}", str(line), error
