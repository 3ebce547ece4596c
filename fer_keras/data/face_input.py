"""Faces as people have them, arrays, files or bytes, as the 48x48 grey images that models take."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from fer_keras.data.image import MAX_IMAGE_BYTES, decode_face
from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE, IMAGE_SIZE

Face = np.ndarray | str | os.PathLike[str] | bytes


def as_faces(faces: Face | Iterable[Face]) -> np.ndarray:
    """Return uint8 [N, 48, 48, 1] for what `fer_keras.predict.Classifier.predict` takes.

    Raises:
        FerKerasError: as `fer_keras.predict.Classifier.predict`.
    """
    if isinstance(faces, np.ndarray):
        many = faces if _is_batch(faces) else faces[np.newaxis]
        images = [_grey_face(_pixels(face)) for face in many]
    elif isinstance(faces, bytes | str | os.PathLike):
        images = [_decoded(faces, "image")]
    else:
        images = [as_faces(face)[0] if isinstance(face, np.ndarray) else _decoded(face, f"image {number}")
                  for number, face in enumerate(faces)]  # fmt: skip
    return np.stack(images) if images else np.empty((0, *IMAGE_SHAPE), np.uint8)


def _is_batch(array: np.ndarray) -> bool:
    if array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (1, 3, 4)):
        return False
    if array.ndim == 3 or (array.ndim == 4 and array.shape[-1] in (1, 3, 4)):
        return True
    raise FerKerasError(
        f"array {list(array.shape)}: expected one face [H, W], [H, W, 1, 3 or 4], or many [N, H, W, ...]"
    )


def _pixels(face: np.ndarray) -> np.ndarray:
    if not face.size:
        raise FerKerasError(f"array {list(face.shape)}: expected at least one pixel")
    if face.dtype == np.uint8:
        return face
    if not np.issubdtype(face.dtype, np.number) or np.iscomplexobj(face):
        raise FerKerasError(f"array of {face.dtype}: expected grey values or colours 0..255, uint8 or float")
    low, high = face.min(), face.max()
    if not (low >= 0 and high <= 255):  # also where a value is not a number
        raise FerKerasError(f"array with values from {low:g} to {high:g}: expected 0..255")
    if np.issubdtype(face.dtype, np.floating) and 0 < high <= 1:
        raise FerKerasError(f"array with values from {low:g} to {high:g}: expected 0..255, not 0..1")
    return np.rint(face).astype(np.uint8)


def _grey_face(pixels: np.ndarray) -> np.ndarray:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels).convert("L")
    if image.size != (IMAGE_SIZE, IMAGE_SIZE):
        image = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR)
    return np.asarray(image)[..., np.newaxis]


def _decoded(face: str | os.PathLike[str] | bytes, where: str) -> np.ndarray:
    if not isinstance(face, bytes):
        where = os.fspath(face)
        face = read_image_file(Path(face))
    return decode_face(face, where, resize=True)[0][..., np.newaxis]


def read_image_file(path: Path) -> bytes:
    """Return the bytes of an image file.

    Raises:
        FerKerasError: it cannot be read, or is too large to be a picture.
    """
    try:
        if path.stat().st_size > MAX_IMAGE_BYTES:
            raise FerKerasError(f"{path}: {path.stat().st_size:,} bytes, expected at most {MAX_IMAGE_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise FerKerasError(f"{path}: cannot be read ({error.strerror}), expected a PNG or JPEG file") from error
