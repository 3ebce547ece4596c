"""`load_faces`: looks at the input, picks the reader, and keeps what it read in the cache."""

import hashlib
import logging
import os
import shutil
import threading
import uuid
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer_keras.data.archive import Archive, is_tar, open_archive, printable
from fer_keras.data.class_names import Names
from fer_keras.data.csv_rows import CsvTable
from fer_keras.data.face_csv import EXPECTED_CSV, FaceColumns, read_faces
from fer_keras.data.face_data import FaceData
from fer_keras.data.ferplus_folder import label_files, read_ferplus
from fer_keras.data.folder import LAYOUT, holds_faces, names_in, read_folder
from fer_keras.errors import FerKerasError
from fer_keras.files import cache_dir, file_sha256, read_json, replacing, write_json
from fer_keras.labels import label_set_of

READER_VERSION = 4
"""Part of the cache's key: raise it when a reader gives other rows for the same input."""

_ARRAYS = ("images", "targets", "ids", "splits")
_logger = logging.getLogger("fer_keras")
_one_at_a_time = threading.Lock()  # threads of one process would write to the same unfinished entry

Read = tuple[FaceData, list[str]]
"""Faces, and what should be said about them."""


def load_faces(path: str | os.PathLike[str], *, resize: bool = False, classes: Sequence[str] | None = None) -> FaceData:
    """Read faces from any of the formats, recognised by content and not by name.

    The first load of a content fills `<cache>/faces/<key>/`, later ones map its images into memory. The key is made
    of the content, so a renamed input hits and a changed one misses. What should be said about the data is logged.

    Args:
        path: a zip, a tar or a folder of `<split>/<class>/<image>`, or of FER+'s folders, or with one CSV; or a CSV.
        resize: accept images of any size and scale them to 48x48.
        classes: their names, in the order of numbered folders or labels; default: a classes.json at the data's root
            says them, else the folders or the labels do: a known set where they are all of its, else their own.

    Returns:
        The faces, sorted by split in the order of `SPLITS`, with read-only images. `require_every_class` says whether
        they are enough to train on.

    Raises:
        FerKerasError: the input is missing, of no known format or damaged; nothing is cached then.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise FerKerasError(
            f"the path of the data is {repr(path)[:80] if path != '' else 'empty'}, expected a zip, a folder or a CSV"
        )
    if classes is not None:
        label_set_of(classes)  # refuses what is no set before anything is read
    path = Path(path)
    try:
        with _one_at_a_time:
            faces, notes = _load(path, resize, None if classes is None else tuple(classes))
    except OSError as error:
        raise FerKerasError(f"{error.filename or path}: cannot be read ({error.strerror})") from error
    for note in notes:
        _logger.warning("%s: %s", path, note)
    return faces


def _load(path: Path, resize: bool, classes: tuple[str, ...] | None) -> Read:
    entry = cache_dir() / "faces" / _content_key(path, resize, classes)
    source = path.resolve().name
    cached = _read_entry(entry, source)
    if cached:
        return cached
    faces, notes = _read(path, source, resize, classes)
    try:
        _write_entry(entry, faces, notes)
    except (OSError, FerKerasError) as error:
        if not entry.exists():  # else another process was faster, and its entry is as good
            _logger.warning("%s cannot be written, so the next load reads again: %s", entry, error)
    faces.images.setflags(write=False)
    return _read_entry(entry, source) or (faces, notes)


def _content_key(path: Path, resize: bool, classes: tuple[str, ...] | None) -> str:
    """The SHA-256 of all that decides what is read: content, reader and options."""
    digest = hashlib.sha256(f"{READER_VERSION} {resize} {classes}".encode())
    if path.is_dir():
        with open_archive(path) as archive:
            archive.require_whole()
            for name in sorted(archive.sizes):
                with archive.open(name) as file:
                    digest.update(os.fsencode(name) + b"\0" + hashlib.file_digest(file, "sha256").digest())
    elif path.is_file():
        if not path.stat().st_size:
            raise FerKerasError(f"{path}: this file is empty")
        digest.update(file_sha256(path).encode())
    else:
        problem = "expected a file or a folder" if path.exists() else "there is no such file or folder"
        raise FerKerasError(f"{path}: {problem}")
    return digest.hexdigest()


def is_archive(path: Path) -> bool:
    """Say, by its content, whether a path is a folder, a zip or a tar.

    Raises:
        FerKerasError: a zip without its end.
    """
    if path.is_dir() or not path.is_file():  # a pipe can be read only once
        return path.is_dir()
    if zipfile.is_zipfile(path) or is_tar(path):
        return True
    with path.open("rb") as file:
        if file.read(4) == b"PK\3\4":
            raise FerKerasError(f"{path}: this zip is truncated or damaged, its directory is missing")
    return False


def _read(path: Path, source: str, resize: bool, classes: Names | None) -> Read:
    if not is_archive(path):
        with path.open("rb") as file:
            return read_faces(file, str(path), source, classes)
    with open_archive(path) as archive:
        archive.require_whole()
        if label_files(archive.sizes):
            return read_ferplus(archive, resize)
        if holds_faces(archive.sizes):
            return read_folder(archive, resize, classes)
        name = csv_member(archive)
        if name is None:
            raise FerKerasError(f"{path}: holds no faces, expected {LAYOUT}, or {EXPECTED_CSV}")
        with archive.open(name) as file:
            return read_faces(file, archive.where(name), source, classes or names_in(archive, 0))


def csv_member(archive: Archive) -> str | None:
    """Return the one member of an archive that is a CSV of faces, None where there is none.

    Raises:
        FerKerasError: there are several.
    """
    found = []
    for name in archive.sizes:
        if name.lower().endswith(".csv") and name not in archive.refused:
            with archive.open(name) as file:
                if FaceColumns.find(CsvTable(file, archive.where(name)).columns):
                    found.append(name)
    if len(found) > 1:
        raise FerKerasError(f"{archive.path}: holds {printable(' and '.join(found))}; unpack it and name one of them")
    return found[0] if found else None


def _write_entry(entry: Path, faces: FaceData, notes: list[str]) -> None:
    if entry.exists():  # it is damaged; moved away in one step, so that nobody meets half of it
        damaged = entry.with_name(f".damaged-{uuid.uuid4().hex}")
        entry.rename(damaged)
        shutil.rmtree(damaged, ignore_errors=True)
    with replacing(entry) as partial:
        partial.mkdir(exist_ok=True)
        digests = {}
        for name in _ARRAYS if faces.votes is None else (*_ARRAYS, "votes"):
            np.save(partial / f"{name}.npy", getattr(faces, name))
            digests[name] = file_sha256(partial / f"{name}.npy")
        about = {"source": faces.source, "classes": faces.classes, "notes": notes, "sha256": digests}
        write_json(partial / "source.json", about)


def _read_entry(entry: Path, source: str) -> Read | None:
    """The faces and notes of a cache entry, or None if it is not there or is not as it was written."""
    try:
        about = read_json(entry / "source.json")
        files = {name: entry / f"{name}.npy" for name in about["sha256"]}
        if any(file_sha256(file) != about["sha256"][name] for name, file in files.items()):
            return None
        arrays = {name: np.load(file, mmap_mode="r" if name == "images" else None) for name, file in files.items()}
        label_set, votes = label_set_of(about["classes"]), arrays.get("votes")
        columns = (arrays[name] for name in _ARRAYS)
        return FaceData.create(*columns, source, label_set=label_set, votes=votes), about["notes"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
