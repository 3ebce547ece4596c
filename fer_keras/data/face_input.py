"""Faces as people have them, arrays, images, files or bytes, as the 48x48 grey images that models take."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from fer_keras.data.archive import printable
from fer_keras.data.csv_rows import PIXELS
from fer_keras.data.image import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, decode_face, grey_values, image_face, to_face
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

    Raises:
        FerKerasError: as of `predict`.
    """
    try:
        found = _faces(faces, where)
        if found is not None:
            return found
        if not isinstance(faces, Iterable):
            raise FerKerasError(f"{where}: {type(faces).__name__}, {_KINDS}")
        images = [_item(face, f"image {number}") for number, face in enumerate(_each(faces, where))]
        return np.concatenate(images) if images else np.empty((0, *IMAGE_SHAPE), np.uint8)
    except (MemoryError, RecursionError) as error:
        raise FerKerasError(f"{where}: {type(faces).__name__} too large for this machine's memory") from error


def _each(faces: Iterable[Face], where: str) -> Iterator[Face]:
    try:
        yield from faces
    except FerKerasError:
        raise
    except Exception as error:  # whatever a camera or a data set of another library raises
        problem = f"this {type(faces).__name__} fails to give images"
        raise FerKerasError(f"{where}: {problem} ({printable(error) or type(error).__name__})") from error


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
        return image_face(faces, where)[np.newaxis, ..., np.newaxis]
    if isinstance(faces, bytes | bytearray | memoryview):
        return decode_face(bytes(faces), where, resize=True)[0][np.newaxis, ..., np.newaxis]
    if isinstance(faces, str | os.PathLike):
        try:
            where = os.fsdecode(faces)
        except Exception as error:  # whatever a path of another library raises
            raise FerKerasError(f"{where}: {type(faces).__name__} gives no path ({printable(error)})") from error
        if not where:
            raise FerKerasError("the path of a picture is empty, expected a picture")
        faces, where = Path(where), printable(where, 1000)
    if isinstance(faces, Path) or hasattr(faces, "read"):
        return _faces(read_image(faces, where), where)
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
    batch = _batch(array, where)
    faces = np.empty((len(batch), *IMAGE_SHAPE), np.uint8)  # there is memory for it or not, before any is looked at
    for row, face in enumerate(grey_values(batch, where)):
        faces[row, ..., 0] = to_face(Image.fromarray(face[..., 0] if face.shape[2] == 1 else face), where)
    return faces


def _batch(array: np.ndarray, where: str) -> np.ndarray:
    """The array as [N, H, W, C], if that is the only way in which its shape can be meant."""
    shape, meant = array.shape, []
    if array.ndim == 2:
        meant += [array[np.newaxis, ..., np.newaxis]] * _is_size(*shape)
        meant += [None] * (shape[1] == PIXELS)  # flattened faces
    elif array.ndim == 3:
        meant += [array[np.newaxis]] * (shape[2] in _CHANNELS and _is_size(*shape[:2]))
        meant += [array[..., np.newaxis]] * _is_size(*shape[1:])
        meant += [None] * (shape[0] in _CHANNELS[2:])  # colours before pixels
    elif array.ndim == 4:
        meant += [array] * (shape[3] in _CHANNELS and _is_size(*shape[1:3]))
    if len(meant) != 1 or meant[0] is None:
        raise FerKerasError(f"{where}: array {printable(list(shape))}, {_EXPECTED}")
    return meant[0]


def _is_size(height: int, width: int) -> bool:
    """Say whether a face may have these sides."""
    low, high = sorted((height, width))
    return low >= _NARROWEST and high <= _LONGEST * low and low * high <= MAX_IMAGE_PIXELS


def read_image(file: Path | IO[bytes], where: str, most_bytes: int = MAX_IMAGE_BYTES) -> bytes:
    """Return the bytes of a picture's file; of an open one all of them, whatever was read or written before.

    Raises:
        FerKerasError: it cannot be read, or has more than `most_bytes`, too many for a picture.
    """
    try:
        with file.open("rb") if isinstance(file, Path) else nullcontext(file) as opened:
            with suppress(OSError, AttributeError):  # a pipe has no beginning to go back to
                opened.seek(0)
            data = opened.read(most_bytes + 1)
        if not isinstance(data, bytes | bytearray):
            raise TypeError(f"it gives {type(data).__name__}")
    except Exception as error:  # whatever a name that no file can have, or a file of another library, raises
        reason = printable(getattr(error, "strerror", None) or error)
        raise FerKerasError(f"{where}: cannot be read ({reason}), expected a picture") from error
    if len(data) > most_bytes:
        raise FerKerasError(f"{where}: more than {most_bytes:,} bytes, expected a picture of at most that")
    return bytes(data)
