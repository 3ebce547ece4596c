"""A zip, a tar or a folder as named members, read one at a time, with the checks that strangers' archives need."""

import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from fer_keras.data.tar import LEADS_OUT, is_tar, leads_out, printable, unpack
from fer_keras.errors import FerKerasError

MAX_MEMBER_BYTES = 2**30
"""No member may claim more: `fer2013.csv`, the largest that belongs here, has 0.3 GB."""
MAX_DEPTH = 32
"""Folders nested deeper than this are no archive of faces."""
MAX_NAME = 1000
"""Characters of a member's path: an array of ids takes as much for each as for the longest."""

_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError)
_CLUTTER = ("__macosx", "thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Archive:
    """Members by name; nothing is read, let alone unpacked, before it is asked for.

    Attributes:
        path: the zip, the tar or the folder.
        sizes: the bytes each member claims to have, by its name with `/` between the parts. Folders and
            the clutter of operating systems (`__MACOSX`, `Thumbs.db`, hidden files) are left out.
        openers: opens a member for reading its bytes, by its name.
        refused: why a member will not be opened, by its name; a folder that cannot be read ends in `/`.
    """

    path: Path
    sizes: dict[str, int]
    openers: dict[str, Callable[[], IO[bytes]]]
    refused: dict[str, FerKerasError]

    def where(self, name: str) -> str:
        """Return the words by which messages name a member."""
        return f"{self.path}: {printable(name)}"

    def require_whole(self) -> None:
        """Check all members, where one that is refused is reason to refuse them all.

        Raises:
            FerKerasError: a member is refused, or claims more than `MAX_MEMBER_BYTES`.
        """
        for error in self.refused.values():
            raise error
        for name in self.sizes:
            self._check_size(name, MAX_MEMBER_BYTES)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a member.

        Raises:
            FerKerasError: it is refused, too large, or damaged, now or while it is read.
        """
        if name in self.refused:
            raise self.refused[name]
        self._check_size(name, MAX_MEMBER_BYTES)
        try:
            with self.openers[name]() as file:
                yield file
        except FerKerasError:
            raise
        except _DAMAGE as error:
            raise FerKerasError(f"{self.where(name)}: damaged or unreadable ({printable(error)})") from error

    def read(self, name: str, limit: int) -> bytes:
        """Return a member's bytes.

        Raises:
            FerKerasError: it is refused, damaged, or claims more than `limit` bytes (then it is not opened at all).
        """
        self._check_size(name, limit)
        with self.open(name) as file:
            return file.read(self.sizes[name])

    def _check_size(self, name: str, limit: int) -> None:
        if self.sizes[name] > limit:
            raise FerKerasError(f"{self.where(name)}: claims {self.sizes[name]:,} bytes, expected at most {limit:,}")


class _Entry(NamedTuple):
    """A member as it is found; its name ends in `/` for a folder, `problem` says why it is not to be opened."""

    name: str
    size: int = 0
    opener: Callable[[], IO[bytes]] | None = None
    problem: str | None = None


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a folder, a tar (as unpacked to a temporary folder) or a zip, and close it at the end.

    Bad members cost only themselves, see `Archive.refused`: encrypted ones, those packed in a way that cannot be read
    within bounds, those whose path leads out of the archive, is there twice or nests deeper than `MAX_DEPTH`.

    Raises:
        FerKerasError: a zip or tar is truncated or damaged, or a tar has members that lead out, or too many.
        OSError: it is not there, or may not be read.
    """
    if path.is_dir():
        yield _collected(path, _in_folder(path, "", frozenset()))
    elif is_tar(path):
        with tempfile.TemporaryDirectory(prefix="fer_keras-") as folder:
            unpack(path, folder, MAX_MEMBER_BYTES)
            yield _collected(path, _in_folder(Path(folder), "", frozenset()))
    else:
        with path.open("rb") as file, _opened_zip(file, path) as opened:
            yield _collected(path, (_in_zip(opened, info) for info in opened.infolist()))


def _collected(path: Path, entries: Iterable[_Entry]) -> Archive:
    archive = Archive(path, {}, {}, {})
    for entry in entries:
        name, problem = entry.name, entry.problem
        if leads_out(name):
            problem = LEADS_OUT
        else:
            parts = [part for part in name.split("/") if part not in ("", ".")]
            if not parts or _is_clutter(parts) or (name.endswith("/") and not problem):
                continue
            name = "/".join(parts) + "/" * name.endswith("/")
            if len(parts) > MAX_DEPTH + 1:
                problem = f"nests deeper than {MAX_DEPTH} folders"
            elif len(name) > MAX_NAME:
                problem = f"its path has {len(name):,} characters, expected at most {MAX_NAME:,}"
        if name in archive.sizes:
            problem = problem or "the archive holds this member twice"
        if problem:
            archive.refused.setdefault(name, FerKerasError(f"{path}: {printable(entry.name)}: {problem}"))
        archive.sizes[name], archive.openers[name] = entry.size, entry.opener
    return archive


def _is_clutter(parts: Iterable[str]) -> bool:
    """Say whether a path's parts name what operating systems leave behind, or a hidden file."""
    return any(part.startswith(".") or part.lower() in _CLUTTER for part in parts)


def _in_folder(root: Path, inside: str, above: frozenset[str]) -> Iterator[_Entry]:
    """The files below a folder. Links are followed: a split's folder is often one; but not back to where they are."""
    real = os.path.realpath(root / inside)
    if real in above:
        return
    try:
        found = sorted(os.scandir(root / inside), key=lambda entry: entry.name)
    except OSError as error:
        if not inside:
            raise
        yield _Entry(f"{inside}/", problem=f"cannot be read ({error.strerror}), expected a folder")
        return
    for entry in found:
        name = f"{inside}/{entry.name}" if inside else entry.name
        if _is_clutter([entry.name]):
            continue
        is_folder = (root / name).is_dir()
        if is_folder and name.count("/") < MAX_DEPTH:
            yield from _in_folder(root, name, above | {real})
        elif is_folder:
            yield _Entry(f"{name}/", problem=f"nests deeper than {MAX_DEPTH} folders")
        else:
            yield _file(root / name, name)


def _file(path: Path, name: str) -> _Entry:
    try:
        size = path.stat().st_size
        problem = None if path.is_file() else "a pipe or a device, expected a file"  # it would be read for ever
        return _Entry(name, size, partial(path.open, "rb"), problem)
    except OSError as error:
        return _Entry(name, problem=f"cannot be read ({error.strerror}), expected a file")


def _opened_zip(file: IO[bytes], path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise FerKerasError(f"{path}: this zip is truncated or damaged ({printable(error)})") from error


def _in_zip(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Entry:
    name, problem = info.filename.replace("\\", "/"), None
    if not name.endswith("/"):
        if info.flag_bits & 0x1:
            problem = "this zip is encrypted; unpack it first"
        # The other methods' decoders cannot be told to stop at the size that the zip claims.
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            problem = "expected a stored or deflated member"
    return _Entry(name, info.file_size, partial(opened.open, info), problem)
