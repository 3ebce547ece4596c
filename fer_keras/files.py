"""Files that are either whole or absent, and the one cache folder."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fer_keras.errors import FerKerasError

CACHE_VARIABLE = "FER_KERAS_CACHE"

MODEL_FILE = "model.keras"
"""What the folder of a run or of a saved model calls its model."""

CONFIG_FILE = "config.json"
"""What it calls the recipe of its model and the environment that it was made in."""

HISTORY_FILE = "metrics.csv"
"""What it calls its history, a row an epoch."""

CALIBRATION_FILE = "calibration.json"
"""What it calls the temperature of its confidence."""

EXPORTS_FILE = "exports.json"
"""What it calls the list of its exports."""

_PARTIAL = ".partial-"


def cache_dir() -> Path:
    """Return the folder for everything that can be made again: decoded faces, cached logits.

    It is `$FER_KERAS_CACHE` where that is set, else `~/.cache/fer_keras`.
    """
    moved = os.environ.get(CACHE_VARIABLE)
    return Path(moved).expanduser() if moved else Path.home() / ".cache" / "fer_keras"


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or a folder to; rename it to `path` on success.

    A reader never sees half of it: a crash or an exception leaves `path` as it was. An existing file is
    replaced; an existing folder is left in place and the new one dropped, since folders here are keyed
    by their content.

    Raises:
        FerKerasError: the folder of `path` cannot be made or written.
    """
    path = Path(path)
    # The endings stay: savers choose their format by them.
    partial = path.with_name(f"{_PARTIAL}{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FerKerasError(f"{path.parent}: cannot make this folder ({error.strerror})") from error
    try:
        yield partial
        if partial.is_dir() and path.is_dir():
            return
        _write_through(partial)
        partial.replace(path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def _write_through(path: Path) -> None:
    """Have a file, or all files of a folder, on the disk: a power cut after the rename finds them whole."""
    for file in [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())


@contextmanager
def locked(folder: str | os.PathLike[str], *, wait: bool) -> Iterator[None]:
    """Hold `folder`, made if need be, against other processes, and clear what killed ones left half-written in it.

    Args:
        folder: what to hold.
        wait: whether to wait for another process that holds it.

    Raises:
        FerKerasError: the folder cannot be written, or another process holds it and `wait` is false.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise FerKerasError(f"{folder}: cannot write there ({error.strerror})") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise FerKerasError(f"{folder}: another process is at this run") from error
        except OSError as error:
            raise FerKerasError(f"{folder}: this file system cannot lock files ({error.strerror})") from error
        remove_partials(folder)
        yield


def remove_partials(folder: str | os.PathLike[str]) -> None:
    """Remove what killed processes left half-written anywhere below `folder`; only its one owner may call this."""
    for partial in [*Path(folder).rglob(f"{_PARTIAL}*")]:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON to `path`, whole or not at all."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read the JSON file `path`.

    Raises:
        FerKerasError: there is no such file, or it holds no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FerKerasError(f"{path}: there is no such file") from error
    except ValueError as error:
        raise FerKerasError(f"{path}: expected JSON, found something else ({error})") from error


def read_arrays(path: str | os.PathLike[str], what: str) -> dict[str, np.ndarray]:
    """Read the `.npz` file `path`.

    Raises:
        FerKerasError: it is damaged; `what` it should hold is told.
    """
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except Exception as error:  # NumPy and zipfile raise whatever the broken part raises
        reason = str(error).split("\n")[0] or type(error).__name__
        raise FerKerasError(f"{path}: expected {what} ({reason})") from error


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
