"""A .tar or .tar.gz from a stranger, unpacked to a folder within bounds: its members cannot be read in any order."""

import gzip
import shutil
import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fer_keras.endings import NO_ROOM
from fer_keras.errors import FerKerasError

MAX_MEMBERS = 500_000
MAX_BYTES = 4 * 2**30
"""Of all that is unpacked; fer2013.tar.gz has 0.3 GB."""

_MAX_READ = 2**20
"""No header of a tar needs more at once; only a hostile one claims it."""
_DAMAGE = (tarfile.TarError, OSError, EOFError, zlib.error, struct.error, ValueError, OverflowError)


def printable(text: object, limit: int = 120) -> str:
    """Return a stranger's text as a message can hold it: on one line, and not too long."""
    escaped = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(text)[: limit + 1]
    )
    return escaped if len(escaped) <= limit else f"{escaped[:limit]}..."


def is_tar(path: Path) -> bool:
    """Say whether a file is a tar, gzipped or not, by its first block."""
    try:
        with _opened(path) as file:
            return file.read(512)[257:262] == b"ustar"
    except (OSError, EOFError, zlib.error):
        return False


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if gzipped else path.open("rb")


class _Bounded:
    """An open file that refuses to be read beyond what a tar of faces needs."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _MAX_READ:
            raise ValueError(f"a header claims {size:,} bytes")
        return self._file.read(size)

    def seek(self, place: int) -> int:
        if place > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES:,} bytes")
        return self._file.seek(place)


def unpack(path: Path, folder: Path, most_bytes: int) -> Iterator[tuple[str, Path]]:
    """Unpack a tar's files, under names of our own; yield the name in the tar and the file. Links are left out.

    Raises:
        FerKerasError: the tar is truncated or damaged, holds more than `MAX_MEMBERS` or `MAX_BYTES`, or a member claims
            more than `most_bytes`.
        OSError: there is no room in `folder`.
    """
    try:
        with _opened(path) as file, tarfile.open(fileobj=_Bounded(file), mode="r:") as tar:
            for number, member in enumerate(tar):
                tar.members.clear()  # or they all stay in memory
                if number >= MAX_MEMBERS or member.size > most_bytes:
                    raise ValueError(f"{printable(member.name)} claims {member.size:,} bytes as member {number:,}")
                if member.isreg():
                    target = folder / str(number)
                    with target.open("wb") as copy:
                        shutil.copyfileobj(tar.extractfile(member), copy)
                    if target.stat().st_size < member.size:
                        raise EOFError("it ends inside a member")
                    yield member.name, target
    except _DAMAGE as error:
        if getattr(error, "errno", None) in NO_ROOM:
            raise OSError(error.errno, error.strerror, str(folder)) from error
        raise FerKerasError(f"{path}: this tar is truncated or damaged ({printable(error)})") from error
