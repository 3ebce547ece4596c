"""One image, a file's bytes or Pillow's, in; one grey 48x48 face out."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SIZE

MAX_IMAGE_BYTES = 16 * 2**20
MAX_IMAGE_PIXELS = 4096 * 4096

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""Endings, in lower case, of the files that are taken for pictures in a folder or an archive."""

PICTURE = "PNG, JPEG, WebP, BMP, GIF or TIFF"
"""How messages name what can be read."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")

_SIZE = (IMAGE_SIZE, IMAGE_SIZE)
_GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F")
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    zlib.error,
    OverflowError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def is_picture(name: str) -> bool:
    """Say whether a file's name has the ending of a picture."""
    return name.lower().endswith(PICTURE_SUFFIXES)


class DecodedPicture(NamedTuple):
    """A picture as a face.

    Attributes:
        face: uint8 [48, 48].
        colour: whether it was stored in colour.
        frames: how many it has; `face` is the first.
    """

    face: np.ndarray
    colour: bool
    frames: int


def decode_face(data: bytes, where: str, resize: bool = False) -> tuple[np.ndarray, bool]:
    """Return the face of `decode_picture`, uint8 [48, 48], and whether it was stored in colour."""
    picture = decode_picture(data, where, resize)
    return picture.face, picture.colour


def decode_picture(data: bytes, where: str, resize: bool = False) -> DecodedPicture:
    """Decode a picture, the first frame of several; `to_face` says how.

    Args:
        data: the file's bytes.
        where: the words by which a message names the image.
        resize: accept any size and scale it to 48x48.

    Raises:
        FerKerasError: it is no decodable picture, it has another size than 48x48 and `resize` is
            False, or it has more than `MAX_IMAGE_PIXELS`.
    """
    with opened_image(data, where) as image:
        if image.size != _SIZE and not resize:
            raise FerKerasError(
                f"{where}: {image.width}x{image.height} pixels, expected {IMAGE_SIZE}x{IMAGE_SIZE}"
                " (the option to resize accepts other sizes)"
            )
        face = to_face(image)
        return DecodedPicture(face, image.mode not in _GREY_MODES, getattr(image, "n_frames", 1))


@contextmanager
def opened_image(data: bytes, where: str, most_pixels: int = MAX_IMAGE_PIXELS) -> Iterator[Image.Image]:
    """Open a picture; not a single pixel is decoded before the block asks for it.

    Raises:
        FerKerasError: it is damaged, as found here or in the block, is of another format, or has more than
            `most_pixels`.
    """
    with damage_named(where), Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if image.width * image.height > most_pixels:
            raise FerKerasError(f"{where}: {image.width}x{image.height} pixels, expected at most {most_pixels:,}")
        yield image


@contextmanager
def damage_named(where: str) -> Iterator[None]:
    """Make one sentence that begins with `where` of all that Pillow raises for a damaged or lying file.

    Raises:
        FerKerasError: the block met such a file.
    """
    try:
        yield
    except FerKerasError:
        raise
    except _DAMAGE as error:
        reason = str(error).partition(" <_io.")[0]  # Pillow ends a sentence with the buffer's address
        raise FerKerasError(f"{where}: expected a whole {PICTURE} image ({reason})") from error


def to_face(image: Image.Image) -> np.ndarray:
    """Return an image as a face, uint8 [48, 48]; `image` itself may be turned upright.

    Colour becomes ITU-R 601 luma, 16 bits become 8 by scale (65535 -> 255), transparency is dropped, EXIF's
    orientation is heeded. Other sizes are scaled (bilinear, antialiased; the sides' ratio is not kept).
    """
    make_upright(image)
    grey = eight_bits(image).convert("L")
    return np.asarray(grey if grey.size == _SIZE else grey.resize(_SIZE, Image.Resampling.BILINEAR))


def make_upright(image: Image.Image) -> None:
    """Turn an image, in place, as its EXIF's orientation asks; a camera held upright writes its pixels sideways."""
    image.load()  # damage to the pixels is not to be suppressed
    with suppress(Exception):  # of many kinds, and after the turn too; the pixels are whole whatever the EXIF is
        ImageOps.exif_transpose(image, in_place=True)


def eight_bits(image: Image.Image) -> Image.Image:
    """Return an image, of any mode, in one that Pillow converts to grey or RGB without clipping or a warning."""
    if image.mode.startswith("I"):  # Pillow's own conversion to 8 bits has clipped in some of its versions
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray(((values + 128) // 257).clip(0, 255).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA")
    return image
