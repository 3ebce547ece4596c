"""A zip, a tar or a folder as named members, read one at a time, with the checks that strangers' archives need."""

import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from fer_keras.data.tar import is_tar, unpacked
from fer_keras.errors import FerKerasError

MAX_MEMBER_BYTES = 2**30
"""No member may claim more: `fer2013.csv`, the largest that belongs here, has 0.3 GB."""
MAX_DEPTH = 8
"""Folders nested deeper than this are no archive of faces (or a link that leads back into itself)."""

_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError)
_LEADS_OUT = "this member's path leads out of the zip"
_CLUTTER = ("__macosx", "thumbs.db", "desktop.ini")


def printable(text: object, limit: int = 120) -> str:
    """Return a stranger's text as a message can hold it: on one line, and not too long."""
    escaped = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(text)
    )
    return escaped if len(escaped) <= limit else f"{escaped[:limit]}..."


@dataclass(frozen=True)
class Archive:
    """Members by name; nothing is read, let alone unpacked, before it is asked for.

    Attributes:
        path: the zip, the tar or the folder.
        sizes: the bytes each member claims to have, by its name with `/` between the parts. Folders and
            the clutter of operating systems (`__MACOSX`, `Thumbs.db`, hidden files) are left out.
        opener: opens a member for reading its bytes.
        refused: why a member will not be opened, by its name; empty but for `open_zip` and `open_tar`.
    """

    path: Path
    sizes: dict[str, int]
    opener: Callable[[str], IO[bytes]]
    refused: dict[str, FerKerasError] = field(default_factory=dict)

    def where(self, name: str) -> str:
        """Return the words by which messages name a member."""
        return f"{self.path}: {printable(name)}"

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a member.

        Raises:
            FerKerasError: it is refused, or damaged, now or while it is read.
        """
        if name in self.refused:
            raise self.refused[name]
        try:
            with self.opener(name) as file:
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
        self.check_size(name, limit)
        with self.open(name) as file:
            return file.read(self.sizes[name])

    def check_size(self, name: str, limit: int) -> None:
        """Refuse a member by what it claims.

        Raises:
            FerKerasError: it claims more than `limit` bytes.
        """
        size = self.sizes[name]
        if size > limit:
            raise FerKerasError(f"{self.where(name)}: claims {size:,} bytes, expected at most {limit:,}")


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a folder, a zip or a tar, and close it at the end.

    Raises:
        FerKerasError: the zip or tar is truncated, damaged, encrypted or packed in a way that cannot be read
            within bounds; a member's path leads out of the archive, is there twice or claims gigabytes;
            folders nest deeper than `MAX_DEPTH`.
    """
    if path.is_dir():
        yield _checked(Archive(path, _folder_sizes(path), lambda name: (path / name).open("rb")))
        return
    with open_tar(path) if is_tar(path) else open_zip(path) as archive:
        for error in archive.refused.values():
            raise error
        yield _checked(archive)


@contextmanager
def open_zip(path: Path) -> Iterator[Archive]:
    """Open a zip whose bad members cost only themselves: those in `Archive.refused`, and those of a claimed size.

    Raises:
        FerKerasError: the zip is truncated or damaged.
        OSError: it is not there, or may not be read.
    """
    with path.open("rb") as file, _opened_zip(file, path) as opened:
        members, refused = _zip_members(path, opened)
        sizes = {name: info.file_size for name, info in members.items()}
        yield Archive(path, sizes, lambda name: opened.open(members[name]), refused)


@contextmanager
def open_tar(path: Path) -> Iterator[Archive]:
    """Open a .tar or .tar.gz, unpacked to a temporary folder, since its members cannot be read in any order.

    Bad members cost only themselves: those in `Archive.refused`.

    Raises:
        FerKerasError: the tar is truncated or damaged, or holds more than `fer_keras.data.tar` allows.
    """
    with unpacked(path, MAX_MEMBER_BYTES) as files:
        members: dict[str, Path] = {}
        refused: dict[str, FerKerasError] = {}
        for full, file in files:
            problem = _LEADS_OUT if _leads_out(full) else None
            parts = [part for part in full.split("/") if part not in ("", ".")]
            if not problem and is_clutter(parts):
                continue
            name = full if problem else "/".join(parts)
            if name in members:
                problem = problem or "the tar holds this member twice"
            if problem:
                refused.setdefault(name, FerKerasError(f"{path}: {printable(full)}: {problem}"))
            members[name] = file
        sizes = {name: file.stat().st_size for name, file in members.items()}
        yield Archive(path, sizes, lambda name: members[name].open("rb"), refused)


def _opened_zip(file: IO[bytes], path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise FerKerasError(f"{path}: this zip is truncated or damaged ({printable(error)})") from error


def _checked(archive: Archive) -> Archive:
    for name in archive.sizes:
        archive.check_size(name, MAX_MEMBER_BYTES)
    return archive


def is_clutter(parts: Iterable[str]) -> bool:
    """Say whether a path's parts name what operating systems leave behind, or a hidden file."""
    return any(part.startswith(".") or part.lower() in _CLUTTER for part in parts)


def _folder_sizes(root: Path) -> dict[str, int]:
    sizes = {}
    # Links are followed: a split's folder is often one.
    for folder, folders, files in os.walk(root, followlinks=True, onerror=_raise):
        inside = Path(folder).relative_to(root)
        if len(inside.parts) > MAX_DEPTH:
            raise FerKerasError(f"{root}: {printable(inside)} nests deeper than {MAX_DEPTH} folders")
        folders[:] = sorted(name for name in folders if not is_clutter([name]))
        for name in sorted(files):
            member = Path(folder, name)
            if is_clutter([name]):
                continue
            if not member.is_file():  # a pipe or a device would be read for ever
                raise FerKerasError(f"{member}: expected a file")
            sizes[(inside / name).as_posix()] = member.stat().st_size
    return sizes


def _raise(error: OSError) -> None:
    raise error


def _zip_members(path: Path, opened: zipfile.ZipFile) -> tuple[dict[str, zipfile.ZipInfo], dict[str, FerKerasError]]:
    """The members by name, and why some of them are refused."""
    members: dict[str, zipfile.ZipInfo] = {}
    refused: dict[str, FerKerasError] = {}
    for info in opened.infolist():
        name = info.filename.replace("\\", "/")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        problem = _problem(name, info)
        if problem != _LEADS_OUT:
            if name.endswith("/") or is_clutter(parts):
                continue
            name = "/".join(parts)
        if name in members:
            problem = problem or "the zip holds this member twice"
        if problem:
            refused.setdefault(name, FerKerasError(f"{path}: {printable(info.filename)}: {problem}"))
        members[name] = info
    return members, refused


def _leads_out(name: str) -> bool:
    return name.startswith("/") or re.match("[A-Za-z]:", name) is not None or ".." in name.split("/")


def _problem(name: str, info: zipfile.ZipInfo) -> str | None:
    """Why a member is not to be opened."""
    if _leads_out(name):
        return _LEADS_OUT
    if info.flag_bits & 0x1:
        return "this zip is encrypted; unpack it first"
    # The other methods' decoders cannot be told to stop at the size that the zip claims.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "expected a stored or deflated member"
    return None
