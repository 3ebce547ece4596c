"""`load_faces`: looks at the input, picks the reader, and keeps what it read in the cache."""

import hashlib
import logging
import os
import shutil
import threading
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from fer_keras.data import course_csv, fer2013_csv
from fer_keras.data.archive import Archive, open_archive, printable
from fer_keras.data.csv_rows import CsvTable
from fer_keras.data.dataset import FaceData
from fer_keras.data.folder import LAYOUT, holds_faces, read_folder
from fer_keras.errors import FerKerasError
from fer_keras.files import cache_dir, file_sha256, read_json, replacing, write_json

READER_VERSION = 2
"""Part of the cache's key: raise it when a reader gives other rows for the same input."""

CSV_READERS: tuple[tuple[tuple[str, ...], Callable[[CsvTable, str], FaceData]], ...] = (
    (fer2013_csv.COLUMNS, fer2013_csv.read_fer2013_csv),
    (course_csv.LABELLED_COLUMNS, course_csv.read_labelled_csv),
    (course_csv.UNLABELLED_COLUMNS, course_csv.read_unlabelled_csv),
)
"""The columns, in any order, by which a CSV is recognised -> its reader."""

_EXPECTED_CSV = "a CSV with the columns " + " or ".join(",".join(columns) for columns, _ in CSV_READERS)
_ARRAYS = ("images", "labels", "ids", "splits")
_logger = logging.getLogger("fer_keras")
_one_at_a_time = threading.Lock()  # threads of one process would write to the same unfinished entry


def load_faces(path: str | os.PathLike[str], *, resize: bool = False) -> FaceData:
    """Read faces from any of the formats, recognised by content and not by name.

    A zip or a folder of `<split>/<class>/<image>`, a zip or a folder with one CSV, or a CSV. The first
    load of a content fills `<cache>/faces/<key>/`, later ones map its images into memory. The key is made
    of the content, so a renamed input hits and a changed one misses.

    Args:
        path: the zip, the folder or the CSV.
        resize: accept images of any size and scale them to 48x48.

    Returns:
        The faces, sorted by split in the order of `SPLITS`, with read-only images. Whether they are enough
        to train on is not checked: `FaceData.split("train").require_every_class()` does.

    Raises:
        FerKerasError: the input is missing, of no known format or damaged; nothing is cached then.
    """
    if not os.fspath(path):
        raise FerKerasError("the path of the data is empty, expected a zip, a folder or a CSV")
    path = Path(path)
    try:
        with _one_at_a_time:
            faces, notes = _load(path, resize)
    except OSError as error:
        raise FerKerasError(f"{error.filename or path}: cannot be read ({error.strerror})") from error
    for note in notes:
        _logger.warning("%s: %s", path, note)
    return faces


def _load(path: Path, resize: bool) -> tuple[FaceData, list[str]]:
    entry = cache_dir() / "faces" / _content_key(path, resize)
    cached = _read_entry(entry, path.resolve().name)
    if cached:
        return cached
    faces, notes = _read(path, resize)
    try:
        _write_entry(entry, faces, notes)
    except (OSError, FerKerasError) as error:
        if not entry.exists():  # else another process was faster, and its entry is as good
            _logger.warning("%s cannot be written, so the next load reads again: %s", entry, error)
    faces.images.setflags(write=False)
    return _read_entry(entry, path.resolve().name) or (faces, notes)


def _content_key(path: Path, resize: bool) -> str:
    """The SHA-256 of all that decides what is read: content, reader and option."""
    if path.is_dir():
        content = _folder_sha256(path)
    elif path.is_file():
        if not path.stat().st_size:
            raise FerKerasError(f"{path}: this file is empty")
        content = file_sha256(path)
    else:
        problem = "expected a file or a folder" if path.exists() else "there is no such file or folder"
        raise FerKerasError(f"{path}: {problem}")
    return hashlib.sha256(f"{READER_VERSION} {resize} {content}".encode()).hexdigest()


def _folder_sha256(path: Path) -> str:
    digest = hashlib.sha256(b"folder")
    with open_archive(path) as archive:
        for name in sorted(archive.sizes):
            digest.update(os.fsencode(name) + b"\0")
            with archive.open(name) as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _read(path: Path, resize: bool) -> tuple[FaceData, list[str]]:
    if path.is_dir() or zipfile.is_zipfile(path):
        with open_archive(path) as archive:
            if holds_faces(archive.sizes):
                return read_folder(archive, resize)
            return _read_archived_csv(archive), []
    with path.open("rb") as file:
        if file.read(4) == b"PK\3\4":
            raise FerKerasError(f"{path}: this zip is truncated or damaged, its directory is missing")
        file.seek(0)
        return _read_csv(file, str(path), path.resolve().name), []


def _read_csv(file: IO[bytes], where: str, source: str) -> FaceData:
    try:
        table = CsvTable(file, where)
    except FerKerasError as error:
        raise FerKerasError(f"{where}: expected a zip, a folder or {_EXPECTED_CSV}") from error
    reader = _csv_reader(table)
    if not reader:
        found = printable(",".join(table.columns), 60)
        raise FerKerasError(f"{where}: expected {_EXPECTED_CSV}, found '{found}'")
    return reader(table, source)


def _csv_reader(table: CsvTable) -> Callable[[CsvTable, str], FaceData] | None:
    found = sorted(table.columns)
    return next((reader for columns, reader in CSV_READERS if sorted(columns) == found), None)


def _read_archived_csv(archive: Archive) -> FaceData:
    names = []
    for name in archive.sizes:
        if name.lower().endswith(".csv"):
            with archive.open(name) as file:
                if _csv_reader(CsvTable(file, archive.where(name))):
                    names.append(name)
    if not names:
        raise FerKerasError(f"{archive.path}: holds no faces, expected {LAYOUT}, or {_EXPECTED_CSV}")
    if len(names) > 1:
        raise FerKerasError(f"{archive.path}: holds {printable(' and '.join(names))}; unpack it and name one of them")
    with archive.open(names[0]) as file:
        return _read_csv(file, archive.where(names[0]), archive.path.resolve().name)


def _write_entry(entry: Path, faces: FaceData, notes: list[str]) -> None:
    if entry.exists():  # it is damaged; moved away in one step, so that nobody meets half of it
        damaged = entry.with_name(f".damaged-{uuid.uuid4().hex}")
        entry.rename(damaged)
        shutil.rmtree(damaged, ignore_errors=True)
    with replacing(entry) as partial:
        partial.mkdir(exist_ok=True)
        for name in _ARRAYS:
            np.save(partial / f"{name}.npy", getattr(faces, name))
        digests = {name: file_sha256(partial / f"{name}.npy") for name in _ARRAYS}
        write_json(partial / "source.json", {"source": faces.source, "notes": notes, "sha256": digests})


def _read_entry(entry: Path, source: str) -> tuple[FaceData, list[str]] | None:
    """The faces and notes of a cache entry, or None if it is not there or is not as it was written."""
    try:
        written = read_json(entry / "source.json")
        if any(file_sha256(entry / f"{name}.npy") != written["sha256"][name] for name in _ARRAYS):
            return None
        images, *columns = (
            np.load(entry / f"{name}.npy", mmap_mode="r" if name == "images" else None) for name in _ARRAYS
        )
        return FaceData.create(images, *columns, source), written["notes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
