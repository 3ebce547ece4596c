"""Files that are either whole or absent, and the one cache folder."""

import glob
import hashlib
import io
import json
import lzma
import os
import platform
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from fer_keras.errors import FerKerasError

CACHE_VARIABLE = "FER_KERAS_CACHE"

MODEL_FILE = "model.keras"
CONFIG_FILE = "config.json"
HISTORY_FILE = "metrics.csv"
CALIBRATION_FILE = "calibration.json"
EXPORTS_FILE = "exports.json"
"""What the folder of a run or of a saved model calls its model; the recipe and the environment of it; its history, a
row an epoch; the temperature of its confidence; the list of its exports."""

_HOST = f"{zlib.crc32(platform.node().encode()):08x}"
_PARTIAL = re.compile(r"\.partial-([0-9a-f]{8})-(\d+)-")
"""The name of what is not whole yet: which host's process writes it, and which process."""
_DAY = 24 * 3600.0
_writing: set[Path] = set()
"""What this process has not finished yet."""


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
    by their content. What a killed process left of an earlier try is removed.

    Raises:
        FerKerasError: `path` is empty, or its folder cannot be made or written.
        OSError: of the block, such as a full disk; it names `path`.
    """
    path = Path(path)
    if not path.name:
        raise FerKerasError(f"'{path}': expected the name of a file to write")
    # The endings stay: savers choose their format by them.
    partial = path.with_name(f".partial-{_HOST}-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FerKerasError(f"{path.parent}: cannot make this folder ({error.strerror})") from error
    _remove_abandoned(path.parent.glob(f".partial-*-{glob.escape(path.name)}"))
    _writing.add(partial.absolute())
    try:
        with naming(path, str(partial)):
            yield partial
            if partial.is_dir() and path.is_dir():
                return
            _write_through(partial)
            partial.replace(path)
    finally:
        _remove(partial)
        _writing.discard(partial.absolute())


@contextmanager
def naming(path: Path, other: str | None = None) -> Iterator[None]:
    """Have an OSError of the block name `path` alone where it names no file, or the `other`."""
    try:
        yield
    except OSError as error:
        if error.filename is None or other in (error.filename, error.filename2):  # the second one was written to
            error.filename, error.filename2 = str(path), None
        raise


def require_room(folder: Path, size: int) -> None:
    """Check that a file of so many bytes can be written to `folder`: HDF5 crashes on a full disk, later or at once.

    Raises:
        OSError: it cannot.
    """
    if hasattr(os, "posix_fallocate"):
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, size)


def _write_through(path: Path) -> None:
    """Have a file, or all files of a folder, on the disk: a power cut after the rename finds them whole."""
    for file in [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]:
        with file.open("r+b") as opened:  # Windows asks for the right to write
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
    from filelock import FileLock, Timeout

    folder = Path(folder)
    lock = FileLock(folder / ".lock", blocking=wait)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise FerKerasError(f"{folder}: another process is at this run") from error
    except OSError as error:
        raise FerKerasError(f"{folder}: cannot write or lock files there ({error.strerror or error})") from error
    try:
        _remove_abandoned(folder.rglob(".partial-*"))
        yield
    finally:
        lock.release()


def _remove_abandoned(partials: Iterable[Path]) -> None:
    for partial in [*partials]:
        if _is_abandoned(partial):
            _remove(partial)


def _is_abandoned(partial: Path) -> bool:
    """Say whether nobody writes this any more: its process is dead or, on another host, has not written for a day."""
    match = _PARTIAL.match(partial.name)
    if match is None:  # the scratch folder of one that held the lock
        return True
    host, process = match[1], int(match[2])
    if host == _HOST and process == os.getpid():  # a container's processes may have the same number each time
        return partial.absolute() not in _writing
    if host == _HOST and os.name == "posix":
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except PermissionError:
            pass
        return False
    with suppress(FileNotFoundError):
        return time.time() - partial.stat().st_mtime > _DAY
    return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


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
        text = Path(path).read_text(encoding="utf-8")
        found = json.loads(text)
        if "\\ud" in text.lower():  # half a character, which no file can hold
            json.dumps(found, ensure_ascii=False).encode()
        return found
    except FileNotFoundError as error:
        raise FerKerasError(f"{path}: there is no such file") from error
    except OSError as error:
        raise FerKerasError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise FerKerasError(f"{path}: expected JSON, found something else ({error})") from error


def read_config(folder: Path) -> dict[str, Any]:
    """Return the config.json of a run.

    Raises:
        FerKerasError: there is none, or it is not that of a run.
    """
    recorded = read_json(folder / CONFIG_FILE)
    if not isinstance(recorded, dict) or not {"config", "environment"} <= recorded.keys():
        raise FerKerasError(f"{folder / CONFIG_FILE}: expected the configuration of a run")
    return recorded


def read_arrays(path: str | os.PathLike[str], content: str) -> dict[str, np.ndarray]:
    """Read the file `path`, an `.npz`, or an `.npz.xz`.

    Raises:
        FerKerasError: it is damaged; the sentence says what `content` it should have.
    """
    try:
        packed = Path(path).suffix == ".xz"
        with np.load(io.BytesIO(lzma.decompress(Path(path).read_bytes())) if packed else path) as file:
            arrays = dict(file)
        if others := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
            raise ValueError(f"{others[0][:80]!r} is no array")
        return arrays
    except Exception as error:  # NumPy and zipfile raise whatever the broken part raises
        reason = str(error).split("\n")[0] or type(error).__name__
        raise FerKerasError(f"{path}: expected {content} ({reason})") from error


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
