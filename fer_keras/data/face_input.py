"""Faces as people have them, arrays, images, files or bytes, as the 48x48 grey images that models take."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from fer_keras.data.archive import printable
from fer_keras.data.image import MAX_IMAGE_BYTES, damage_named, decode_face, to_face
from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE

Face = np.ndarray | Sequence[Any] | Image.Image | str | os.PathLike[str] | bytes | bytearray | memoryview
"""An array or nested lists of numbers, Pillow's image, a file's name, a PNG's or JPEG's bytes."""

_NARROWEST = 8
"""Pixels. An array [48, 48, 6] is one image of six channels rather than 48 faces that are 6 pixels wide."""

_EXPECTED = "expected one face [H, W] or [H, W, 1 to 4], or many [N, H, W] or [N, H, W, 1 to 4]"


def as_faces(faces: Face | Iterable[Face], where: str = "image") -> np.ndarray:
    """Return uint8 [N, 48, 48, 1] for what `fer_keras.predict.Classifier.predict` takes.

    Args:
        faces: one face or many.
        where: the words by which a message names a face that has no file's name.

    Raises:
        FerKerasError: as `fer_keras.predict.Classifier.predict`.
    """
    if isinstance(faces, Image.Image | str | os.PathLike | bytes | bytearray | memoryview):
        images = [_face(faces, where)]
    elif (array := _numbers(faces, where)) is not None:
        many = array if _is_batch(array, where) else array[np.newaxis]
        images = [_grey_face(face, where) for face in many]
    elif isinstance(faces, Iterable):
        images = [_only_face(face, f"image {number}") for number, face in enumerate(faces)]
    else:
        raise FerKerasError(
            f"{where}: {type(faces).__name__}, expected an array, an image of Pillow, a file's name, its bytes,"
            " or several of these"
        )
    return np.stack(images) if images else np.empty((0, *IMAGE_SHAPE), np.uint8)


def _only_face(face: Face, where: str) -> np.ndarray:
    """The face that one item of a sequence is; the answers would else not be those to the items."""
    images = as_faces(face, where)
    if len(images) != 1:
        raise FerKerasError(f"{where}: {len(images)} faces, expected one in each item of a sequence")
    return images[0]


def _face(face: Image.Image | str | os.PathLike[str] | bytes | bytearray | memoryview, where: str) -> np.ndarray:
    if isinstance(face, Image.Image):
        if face.mode in ("I", "F"):  # unlike I;16, these do not tell the value of white
            return _grey_face(np.asarray(face), where)
        with damage_named(where):  # it may be a file that Pillow has not yet read
            return to_face(face.copy())[..., np.newaxis]
    if isinstance(face, str | os.PathLike):
        where = os.fspath(face)
        face = read_image_file(Path(face))
    return decode_face(bytes(face), where, resize=True)[0][..., np.newaxis]


def _numbers(faces: Any, where: str) -> np.ndarray | None:
    """The array that `faces` is: NumPy's, another library's or nested lists; None if it holds names, images, ..."""
    if isinstance(faces, list | tuple):
        if not faces or not isinstance(faces[0], list | tuple | int | float | np.generic):
            return None
    elif not hasattr(faces, "__array__"):
        return None
    try:
        array = np.asarray(faces)
    except (ValueError, TypeError, RuntimeError) as error:  # a tensor that cannot leave its device is a RuntimeError
        raise FerKerasError(f"{where}: no array can be made of this {type(faces).__name__}, {_EXPECTED}") from error
    return None if array.ndim == 1 and array.dtype.kind in "OUT" else array


def _is_batch(array: np.ndarray, where: str) -> bool:
    channels = array.shape[-1] if array.ndim else 0
    if array.ndim == 2 or (array.ndim == 3 and channels in (1, 2, 3, 4)):
        return False
    if (array.ndim == 3 and not 0 < channels < _NARROWEST) or (array.ndim == 4 and channels in (1, 2, 3, 4)):
        return True
    raise FerKerasError(f"{where}: array {list(array.shape)}, {_EXPECTED}")


def _pixels(face: np.ndarray, where: str) -> np.ndarray:
    if not face.size:
        raise FerKerasError(f"{where}: array {list(face.shape)}, expected at least one pixel")
    if face.dtype == np.uint8:
        return face
    if not np.issubdtype(face.dtype, np.number) or np.iscomplexobj(face):
        raise FerKerasError(f"{where}: array of {face.dtype}, expected grey values or colours 0..255, uint8 or float")
    low, high = face.min(), face.max()
    if not (low >= 0 and high <= 255):  # also where a value is not a number
        raise FerKerasError(f"{where}: array with values from {low:g} to {high:g}, expected 0..255")
    if np.issubdtype(face.dtype, np.floating) and 0 < high <= 1:
        raise FerKerasError(f"{where}: array with values from {low:g} to {high:g}, expected 0..255, not 0..1")
    return np.rint(face).astype(np.uint8)


def _grey_face(face: np.ndarray, where: str) -> np.ndarray:
    pixels = _pixels(face, where)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    return to_face(image)[..., np.newaxis]


def read_image_file(path: Path, most_bytes: int = MAX_IMAGE_BYTES, *, pipes: bool = True) -> bytes:
    """Return the bytes of an image file.

    Args:
        path: the file.
        most_bytes: what is larger is no picture.
        pipes: accept a pipe, which is waited for.

    Raises:
        FerKerasError: it cannot be read, or is too large to be a picture.
    """
    where = printable(path, 1000)
    try:
        if not pipes and path.exists() and not path.is_file():
            raise FerKerasError(f"{where}: a pipe or a device, expected a picture")
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
