"""Faces as people have them, arrays, images, files or bytes, as the 48x48 grey images that models take."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from fer_keras.data.archive import printable
from fer_keras.data.csv_rows import PIXELS
from fer_keras.data.image import (
    MAX_IMAGE_BYTES,
    MAX_IMAGE_PIXELS,
    damage_named,
    decode_face,
    grey_values,
    note_depth,
    to_face,
)
from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE

Face = np.ndarray | Sequence[Any] | Image.Image | str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
"""An array or nested lists of numbers, Pillow's image, a file's name, a picture's bytes, or a file open for reading."""

_NARROWEST = 8
_LONGEST = 4
"""Pixels, and sides' ratio: an array [48, 48, 6] is not 48 faces that are 6 pixels wide."""

_CHANNELS = (1, 2, 3, 4)

_EXPECTED = (
    "expected one face [H, W] or [H, W, 1 to 4], or many [N, H, W] or [N, H, W, 1 to 4]; of [3, H, W] and [N, 2304],"
    " which can be meant in two ways, [N, H, W, 1 to 4]"
)
_KINDS = "expected an array, an image of Pillow, a file's name, its bytes, an open file, or several of these"


def as_faces(faces: Face | Iterable[Face], where: str = "image") -> np.ndarray:
    """Return uint8 [N, 48, 48, 1] for what `fer_keras.predict.Classifier.predict` takes.

    A shape is taken only if it can be meant in one way. The values of an array are judged together: `grey_values`.

    Args:
        faces: one face or many.
        where: the words by which a message names a face that has no file's name.

    Raises:
        FerKerasError: as `fer_keras.predict.Classifier.predict`.
    """
    try:
        found = _faces(faces, where)
        if found is not None:
            return found
        if not isinstance(faces, Iterable):
            raise FerKerasError(f"{where}: {type(faces).__name__}, {_KINDS}")
        images = [_item(face, f"image {number}") for number, face in enumerate(faces)]
        return np.concatenate(images) if images else np.empty((0, *IMAGE_SHAPE), np.uint8)
    except (MemoryError, RecursionError) as error:
        raise FerKerasError(f"{where}: {type(faces).__name__} too large for this machine's memory") from error


def _item(face: Face, where: str) -> np.ndarray:
    """The face that one item of a sequence is; the answers would else not be those to the items."""
    images = _faces(face, where)
    if images is None:
        raise FerKerasError(f"{where}: {type(face).__name__}, {_KINDS}")
    if len(images) != 1:
        raise FerKerasError(f"{where}: {len(images)} faces, expected one in each item of a sequence")
    return images


def _faces(faces: Any, where: str) -> np.ndarray | None:
    """The faces of an array, or the one of an image or file; None for what may hold several such."""
    if isinstance(faces, Image.Image):
        with damage_named(where):  # it may be a file that Pillow has not yet read
            note_depth(faces)
            return to_face(faces.copy(), where)[np.newaxis, ..., np.newaxis]
    if isinstance(faces, bytes | bytearray | memoryview):
        return decode_face(bytes(faces), where, resize=True)[0][np.newaxis, ..., np.newaxis]
    if isinstance(faces, str | os.PathLike):
        try:
            where = os.fsdecode(faces)
        except Exception as error:  # whatever a path of another library raises
            raise FerKerasError(f"{where}: {type(faces).__name__} gives no path ({printable(error)})") from error
        if not where:
            raise FerKerasError("the path of a picture is empty, expected a picture")
        return _faces(read_image_file(Path(where)), printable(where, 1000))
    if hasattr(faces, "read"):
        return _faces(_read_open(faces, where), where)
    array = _array(faces, where)
    return None if array is None else _of_array(array, where)


def _array(faces: Any, where: str) -> np.ndarray | None:
    """The array that `faces` is: NumPy's, another library's or nested lists; None if it holds names, images, ..."""
    try:
        if isinstance(faces, list | tuple):
            if not faces or not isinstance(faces[0], list | tuple | int | float | np.generic):
                return None
        elif not hasattr(faces, "__array__"):
            return None
        array = np.asarray(faces)
    except MemoryError:
        raise
    except Exception as error:  # whatever another library raises, as for a tensor that cannot leave its device
        problem = f"no array can be made of this {type(faces).__name__}"
        raise FerKerasError(f"{where}: {problem} ({printable(error)}), {_EXPECTED}") from error
    return None if array.ndim == 1 and array.dtype.kind in "OUT" else array


def _of_array(array: np.ndarray, where: str) -> np.ndarray:
    batch = grey_values(_batch(array, where), where)
    faces = np.empty((len(batch), *IMAGE_SHAPE), np.uint8)
    for row, face in enumerate(batch):
        faces[row, ..., 0] = to_face(Image.fromarray(face[..., 0] if face.shape[2] == 1 else face), where)
    return faces


def _batch(array: np.ndarray, where: str) -> np.ndarray:
    """The array as [N, H, W, C], if that is the only way in which its shape can be meant."""
    shape, meant = array.shape, []
    if array.ndim == 2:
        meant += [array[np.newaxis, ..., np.newaxis]] * _is_size(*shape)
        meant += [None, None] * (shape[1] == PIXELS)  # flattened faces
    elif array.ndim == 3:
        meant += [array[np.newaxis]] * (shape[2] in _CHANNELS and _is_size(*shape[:2]))
        meant += [array[..., np.newaxis]] * _is_size(*shape[1:])
        meant += [None] * (shape[0] in _CHANNELS[2:])  # colours before pixels
    elif array.ndim == 4:
        meant += [array] * (shape[3] in _CHANNELS and _is_size(*shape[1:3]))
    if len(meant) != 1:
        raise FerKerasError(f"{where}: array {printable(list(shape))}, {_EXPECTED}")
    return meant[0]


def _is_size(height: int, width: int) -> bool:
    """Say whether a face may have these sides."""
    low, high = sorted((height, width))
    return low >= _NARROWEST and high <= _LONGEST * low and low * high <= MAX_IMAGE_PIXELS


def _read_open(file: IO[bytes], where: str) -> bytes:
    """All of an open file, whatever was read or written before, as Pillow takes it."""
    try:
        with suppress(OSError, AttributeError):  # a pipe has no beginning to go back to
            file.seek(0)
        data = read_image(file, where)
        if not isinstance(data, bytes | bytearray):
            raise TypeError(f"it gives {type(data).__name__}")
        return bytes(data)
    except FerKerasError:
        raise
    except Exception as error:  # whatever a file of another library raises
        problem = f"cannot be read ({printable(error)}), expected a picture's file, open for reading bytes"
        raise FerKerasError(f"{where}: {problem}") from error


def read_image_file(path: Path, most_bytes: int = MAX_IMAGE_BYTES) -> bytes:
    """Return the bytes of an image file; a pipe is waited for.

    Raises:
        FerKerasError: it cannot be read, or has more than `most_bytes`, too many for a picture.
    """
    where = printable(path, 1000)
    try:
        with path.open("rb") as file:
            return read_image(file, where, most_bytes)
    except FerKerasError:
        raise
    except (OSError, ValueError) as error:  # a ValueError for a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise FerKerasError(f"{where}: cannot be read ({reason}), expected a picture") from error


def read_image(file: IO[bytes], where: str, most_bytes: int = MAX_IMAGE_BYTES) -> bytes:
    """Return all that an open file or pipe holds.

    Raises:
        FerKerasError: it is too large to be a picture.
    """
    data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise FerKerasError(f"{where}: more than {most_bytes:,} bytes, expected a picture of at most that")
    return data
