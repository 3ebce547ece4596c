"""A .tar or .tar.gz from a stranger, unpacked to a temporary folder within bounds."""

import gzip
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fer_keras.errors import FerKerasError

MAX_MEMBERS = 500_000
MAX_BYTES = 4 * 2**30
"""Of all that is unpacked; fer2013.tar.gz has 0.3 GB."""

_MAX_READ = 2**20
"""No header of a tar needs more at once; only a hostile one claims it."""

_DAMAGE = (tarfile.TarError, OSError, EOFError, zlib.error, struct.error, ValueError, OverflowError)


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

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_READ:
            raise ValueError(f"a header claims {size:,} bytes")
        self._check(self.tell() + size)
        return self._file.read(size)

    def seek(self, place: int) -> int:
        self._check(place)
        return self._file.seek(place)

    def _check(self, place: int) -> None:
        if place > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES:,} bytes")


@contextmanager
def unpacked(path: Path, most_bytes: int) -> Iterator[list[tuple[str, Path]]]:
    """Unpack a tar's files to a temporary folder, under names of our own, and remove them at the end.

    Args:
        path: the tar.
        most_bytes: what a single file may have.

    Returns:
        The name in the tar and the unpacked file of each file, in the tar's order. Links and devices are left out.

    Raises:
        FerKerasError: the tar is truncated, damaged, or holds more than `MAX_MEMBERS` or `MAX_BYTES`.
    """
    with tempfile.TemporaryDirectory(prefix="fer_keras-") as folder:
        try:
            files = list(_unpack(path, Path(folder), most_bytes))
        except FerKerasError:
            raise
        except _DAMAGE as error:
            raise FerKerasError(f"{path}: this tar is truncated or damaged ({str(error)[:120]})") from error
        yield files


def _unpack(path: Path, folder: Path, most_bytes: int) -> Iterator[tuple[str, Path]]:
    with _opened(path) as file, tarfile.open(fileobj=_Bounded(file), mode="r:") as tar:
        for number, member in enumerate(tar):
            if number >= MAX_MEMBERS:
                raise ValueError(f"more than {MAX_MEMBERS:,} members")
            tar.members.clear()  # or they all stay in memory
            if not member.isreg():
                continue
            if member.size > most_bytes:
                claim = f"claims {member.size:,} bytes, expected at most {most_bytes:,}"
                raise FerKerasError(f"{path}: {member.name[:120]!r}: {claim}")
            yield member.name, _copy(tar.extractfile(member), folder / str(number), member.size)


def _copy(source: IO[bytes], target: Path, size: int) -> Path:
    with target.open("wb") as file:
        while size and (data := source.read(min(size, 2**16))):
            file.write(data)
            size -= len(data)
    if size:
        raise EOFError("it ends inside a member")
    return target
