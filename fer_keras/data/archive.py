"""A zip, a tar or a folder as named members, read one at a time, with the checks that strangers' archives need."""

import os
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from fer_keras.data.tar import is_tar, printable, unpack
from fer_keras.errors import FerKerasError

MAX_MEMBER_BYTES = 2**30
"""No member may claim more: `fer2013.csv`, the largest that belongs here, has 0.3 GB."""
MAX_DEPTH = 32
"""Folders nested deeper than this are no archive of faces."""
MAX_NAME = 1000
"""Characters of a member's path: an array of ids takes as much for each as for the longest."""

_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError)
_CLUTTER = ("__macosx", "thumbs.db", "desktop.ini")


class _Entry(NamedTuple):
    """A member as it is found; its name ends in `/` for a folder, `problem` says why it is not to be opened."""

    name: str
    size: int = 0
    opener: Callable[[], IO[bytes]] | None = None
    problem: str | None = None


class Archive:
    """Members by name; nothing is read, let alone unpacked, before it is asked for.

    Attributes:
        path: the zip, the tar or the folder.
        sizes: the bytes each member claims to have, by its name with `/` between the parts. Folders and
            the clutter of operating systems (`__MACOSX`, `Thumbs.db`, hidden files) are left out.
        refused: why a member will not be opened, by its name; a folder that cannot be read ends in `/`.
    """

    def __init__(self, path: Path, entries: Iterable[_Entry]) -> None:
        self.path = path
        self.sizes: dict[str, int] = {}
        self.refused: dict[str, FerKerasError] = {}
        self._openers: dict[str, Callable[[], IO[bytes]] | None] = {}
        for entry in entries:
            name, problem = entry.name, entry.problem
            if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in name.split("/"):
                problem = "this member's path leads out of the archive"
            else:
                parts = [part for part in name.split("/") if part not in ("", ".")]
                if not parts or any(map(_is_clutter, parts)) or (name.endswith("/") and not problem):
                    continue
                name = "/".join(parts) + "/" * name.endswith("/")
                if len(parts) > MAX_DEPTH + 1:
                    problem = f"nests deeper than {MAX_DEPTH} folders"
                elif len(name) > MAX_NAME:
                    problem = f"its path has {len(name):,} characters, expected at most {MAX_NAME:,}"
            if name in self.sizes:
                problem = problem or "the archive holds this member twice"
            if problem:
                self.refused.setdefault(name, FerKerasError(f"{path}: {printable(entry.name)}: {problem}"))
            self.sizes[name], self._openers[name] = entry.size, entry.opener

    def where(self, name: str) -> str:
        """Return the words by which messages name a member."""
        return f"{self.path}: {printable(name)}"

    def require_whole(self) -> None:
        """Raise what is wrong with the first member that `open` would refuse, where that is reason to refuse all."""
        for name in self.sizes:
            self._check(name, MAX_MEMBER_BYTES)

    @contextmanager
    def open(self, name: str, limit: int = MAX_MEMBER_BYTES) -> Iterator[IO[bytes]]:
        """Open a member for reading its bytes.

        Raises:
            FerKerasError: it is refused, claims more than `limit` bytes, or is damaged, now or while it is read.
        """
        self._check(name, limit)
        try:
            with self._openers[name]() as file:
                yield file
        except FerKerasError:
            raise
        except _DAMAGE as error:
            raise FerKerasError(f"{self.where(name)}: damaged or unreadable ({printable(error)})") from error

    def read(self, name: str, limit: int) -> bytes:
        """Return a member's bytes; errors are those of `open`."""
        with self.open(name, limit) as file:
            return file.read(self.sizes[name])

    def _check(self, name: str, limit: int) -> None:
        if name in self.refused:
            raise self.refused[name]
        if self.sizes[name] > limit:
            raise FerKerasError(f"{self.where(name)}: claims {self.sizes[name]:,} bytes, expected at most {limit:,}")


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a folder, a tar (as unpacked to a temporary folder) or a zip, and close it at the end.

    Bad members cost only themselves, see `Archive.refused`: encrypted ones, those packed in a way that cannot be read
    within bounds, those whose path leads out of the archive, is there twice or nests deeper than `MAX_DEPTH`.

    Raises:
        FerKerasError: a zip or tar is truncated or damaged, or a tar has too many members or bytes.
        OSError: it is not there, or may not be read.
    """
    if path.is_dir():
        yield Archive(path, _in_folder(path, "", frozenset()))
    elif is_tar(path):
        with tempfile.TemporaryDirectory(prefix="fer_keras-") as folder:
            files = unpack(path, Path(folder), MAX_MEMBER_BYTES)
            yield Archive(path, (_Entry(name, file.stat().st_size, partial(file.open, "rb")) for name, file in files))
    else:
        with path.open("rb") as file:
            try:
                opened = zipfile.ZipFile(file)
            except _DAMAGE as error:
                raise FerKerasError(f"{path}: this zip is truncated or damaged ({printable(error)})") from error
            yield Archive(path, (_in_zip(opened, info) for info in opened.infolist()))


def _is_clutter(name: str) -> bool:
    """Say whether operating systems leave behind what is called so, or it is hidden."""
    return name.startswith(".") or name.lower() in _CLUTTER


def _in_folder(root: Path, inside: str, above: frozenset[str]) -> Iterator[_Entry]:
    """The files below a folder. Links are followed: a split's folder is often one; but not back to where they are."""
    real = os.path.realpath(root / inside)
    if real in above:
        return
    try:
        found = sorted(entry.name for entry in os.scandir(root / inside))
    except OSError as error:
        if not inside:
            raise
        yield _Entry(f"{inside}/", problem=f"cannot be read ({error.strerror}), expected a folder")
        return
    for name in found:
        path, inner = root / inside / name, f"{inside}/{name}".removeprefix("/")
        if _is_clutter(name):
            continue
        try:
            if path.is_dir() and inner.count("/") >= MAX_DEPTH:
                yield _Entry(f"{inner}/", problem=f"nests deeper than {MAX_DEPTH} folders")
            elif path.is_dir():
                yield from _in_folder(root, inner, above | {real})
            else:
                size = path.stat().st_size
                problem = None if path.is_file() else "a pipe or a device, expected a file"  # it would be read for ever
                yield _Entry(inner, size, partial(path.open, "rb"), problem)
        except OSError as error:
            yield _Entry(inner, problem=f"cannot be read ({error.strerror}), expected a file")


def _in_zip(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Entry:
    name, problem = info.filename.replace("\\", "/"), None
    if info.flag_bits & 0x1:
        problem = "this zip is encrypted; unpack it first"
    # The other methods' decoders cannot be told to stop at the size that the zip claims.
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        problem = "expected a stored or deflated member"
    return _Entry(name, info.file_size, partial(opened.open, info), None if name.endswith("/") else problem)
