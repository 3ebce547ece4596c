"""The exported files of a model in one archive, as a wheel has them: the weights that they share are in it once.

model.onnx holds most of the bytes that model_float32.tflite holds; xz writes what it has seen before as a reference.
setup.py imports this where nothing but Python is installed.
"""

import io
import lzma
import tarfile
from collections.abc import Iterable
from pathlib import Path

from fer_keras.errors import FerKerasError

ARCHIVE = "exports.tar.xz"
"""Beside config.json, where the files themselves are not."""

_XZ = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 2, "pb": 2}]
"""For numbers of four bytes: their first bytes are unlike their last ones."""


def pack(files: Iterable[Path], archive: Path) -> None:
    """Write files to an archive, the same bytes each time."""
    with lzma.open(archive, "w", filters=_XZ) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for file in files:
            content = file.read_bytes()
            member = tarfile.TarInfo(file.name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def read_archive(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder's archive, by their names; none where there is no archive.

    Raises:
        FerKerasError: it is damaged.
    """
    archive = folder / ARCHIVE
    if not archive.is_file():
        return {}
    try:
        with tarfile.open(archive, "r:xz") as tar:
            return {member.name: tar.extractfile(member).read() for member in tar}
    except (OSError, EOFError, AttributeError, lzma.LZMAError, tarfile.TarError) as error:
        raise FerKerasError(f"{archive}: damaged, expected the exported files of a model ({error})") from error
