"""A .tar or .tar.gz from a stranger, unpacked to a folder within bounds."""

import gzip
import re
import struct
import tarfile
import zlib
from pathlib import Path
from typing import IO

from fer_keras.errors import FerKerasError

MAX_MEMBERS = 500_000
MAX_BYTES = 4 * 2**30
"""Of all that is unpacked; fer2013.tar.gz has 0.3 GB."""

LEADS_OUT = "this member's path leads out of the archive"

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


def leads_out(name: str) -> bool:
    """Say whether a member's path is absolute or has `..` in it."""
    return name.startswith("/") or re.match("[A-Za-z]:", name) is not None or ".." in name.split("/")


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


def unpack(path: Path, folder: str, most_bytes: int) -> None:
    """Unpack a tar's files; links and devices are left out, and of a member that is there twice the last is taken.

    Raises:
        FerKerasError: the tar is truncated or damaged, holds more than `MAX_MEMBERS` or `MAX_BYTES`, or a member claims
            more than `most_bytes` or leads out.
    """
    seen = 0

    def kept(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
        nonlocal seen
        seen += 1
        problem = LEADS_OUT if leads_out(member.name) else None
        if member.size > most_bytes:
            problem = f"claims {member.size:,} bytes, expected at most {most_bytes:,}"
        if problem or seen > MAX_MEMBERS:
            raise FerKerasError(f"{path}: {printable(member.name)}: {problem or f'more than {MAX_MEMBERS:,} members'}")
        return tarfile.data_filter(member, folder) if member.isreg() else None

    try:
        with _opened(path) as file, tarfile.open(fileobj=_Bounded(file), mode="r:", errorlevel=2) as tar:
            tar.extractall(folder, filter=kept)
    except FerKerasError:
        raise
    except _DAMAGE as error:
        raise FerKerasError(f"{path}: this tar is truncated or damaged ({printable(error)})") from error
