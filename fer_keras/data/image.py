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
MAX_READS = 200_000
"""No picture needs more steps to be read: 16 MiB of empty markers or chunks would take Pillow as many steps."""

WHITE_BITS = (8, 10, 12, 14, 16)
"""How many of 16 bits a camera may use; the fewest that hold the largest value say what is white."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""Endings, in lower case, of the files that are taken for pictures in a folder or an archive."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
_SIZE = (IMAGE_SIZE, IMAGE_SIZE)
_GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F")
_SIXTEEN_BITS = "fer_keras: 16 bits"
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, OverflowError, *_BOMBS)


def is_picture(name: str) -> bool:
    """Say whether a file's name has the ending of a picture."""
    return name.lower().endswith(PICTURE_SUFFIXES)


class DecodedPicture(NamedTuple):
    """A picture as a face, uint8 [48, 48]; whether it was stored in colour, and whether it has more frames."""

    face: np.ndarray
    colour: bool
    moving: bool


def decode_face(data: bytes, where: str, resize: bool = False) -> tuple[np.ndarray, bool]:
    """Return the face of `decode_picture`, uint8 [48, 48], and whether it was stored in colour."""
    return decode_picture(data, where, resize)[:2]


def decode_picture(data: bytes, where: str, resize: bool = False) -> DecodedPicture:
    """Decode a picture's file, the first frame of several, as `to_face` says; `where` is how a message names it.

    Raises:
        FerKerasError: it is no decodable picture, it has another size than 48x48 and `resize` is
            False, it has more than `MAX_IMAGE_PIXELS`, or its values do not say what is white.
    """
    with opened_image(data, where) as image:
        if image.size != _SIZE and not resize:
            expected = f"expected {IMAGE_SIZE}x{IMAGE_SIZE} (the option to resize accepts other sizes)"
            raise FerKerasError(f"{where}: {image.width}x{image.height} pixels, {expected}")
        return DecodedPicture(
            to_face(image, where), image.mode not in _GREY_MODES, getattr(image, "is_animated", False)
        )


class _Steps(io.BytesIO):
    """A file's bytes that end the many small steps that a hostile one makes Pillow take."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        self.taken += 1
        if self.taken > MAX_READS:
            raise OSError(f"it takes more than {MAX_READS:,} steps to read")
        return super().read(size)


@contextmanager
def opened_image(data: bytes, where: str, most_pixels: int = MAX_IMAGE_PIXELS) -> Iterator[Image.Image]:
    """Open a picture of at most so many pixels, of which none is decoded before the block asks for it.

    Raises:
        FerKerasError: it is damaged, found here or in the block, or has more pixels.
    """
    with damage_named(where), Image.open(_Steps(data), formats=_FORMATS) as image:
        if image.width * image.height > most_pixels:
            raise FerKerasError(f"{where}: {image.width}x{image.height} pixels, expected at most {most_pixels:,}")
        if image.format == "PNG" and image.tile:  # Pillow decodes it whatever the check sums of its pixels say
            with Image.open(_Steps(data), formats=("PNG",)) as checked:
                checked.verify()
        note_depth(image)
        yield image


@contextmanager
def damage_named(where: str) -> Iterator[None]:
    """Make one sentence, a FerKerasError that begins with `where`, of all that Pillow raises for a damaged file."""
    try:
        yield
    except FerKerasError:
        raise
    except _DAMAGE as error:
        reason = str(error).partition(" <_io.")[0].partition(" <fer_keras")[0]  # Pillow ends with the buffer's address
        raise FerKerasError(f"{where}: expected a whole PNG, JPEG, WebP, BMP, GIF or TIFF image ({reason})") from error


def note_depth(image: Image.Image) -> None:
    """Note that a file has 16 bits a channel, before Pillow decodes it and drops eight of a colour's."""
    if ";16" in str(getattr(image, "tile", "")):
        image.info[_SIXTEEN_BITS] = True


def image_face(image: Image.Image, where: str) -> np.ndarray:
    """Return `to_face` of an image that stays as it is, maybe of a file that Pillow has not yet read."""
    with damage_named(where):
        note_depth(image)
        return to_face(image.copy(), where)


def to_face(image: Image.Image, where: str) -> np.ndarray:
    """Return an image as a face, uint8 [48, 48]; `image` itself may be turned upright.

    Colour becomes ITU-R 601 luma, other values than 8 bits become 8 by `grey_values`, transparency is dropped, EXIF's
    orientation is heeded. Other sizes are scaled (bilinear, antialiased; the sides' ratio is not kept).

    Raises:
        FerKerasError: as `grey_values`, or there are no pixels.
    """
    if 0 in image.size:
        raise FerKerasError(f"{where}: {image.width}x{image.height} pixels, expected some")
    make_upright(image)
    grey = eight_bits(image, where).convert("L")
    return np.asarray(grey if grey.size == _SIZE else grey.resize(_SIZE, Image.Resampling.BILINEAR))


def encode_png(image: np.ndarray) -> bytes:
    """Return the PNG of a grey image, uint8 [H, W, 1]."""
    file = io.BytesIO()
    Image.fromarray(image[..., 0]).save(file, "PNG")
    return file.getvalue()


def make_upright(image: Image.Image) -> None:
    """Turn an image, in place, as its EXIF's orientation asks; a camera held upright writes its pixels sideways."""
    image.load()  # damage to the pixels is not to be suppressed
    with suppress(Exception):  # of many kinds, and after the turn too; the pixels are whole whatever the EXIF is
        ImageOps.exif_transpose(image, in_place=True)


def eight_bits(image: Image.Image, where: str) -> Image.Image:
    """Return an image, of any mode, in one that Pillow converts to grey or RGB without clipping or a warning.

    Raises:
        FerKerasError: as `grey_values`; or it is in colour of 16 bits a channel and uses only the lower ones, which
            Pillow drops.
    """
    if image.mode[0] in "IF":
        values = np.asarray(image)
        sixteen = image.mode.startswith("I;16") or image.format == "PNG"  # Pillow below 11 opens those in mode I
        return Image.fromarray(grey_values(values.astype(np.uint16) if sixteen else values, where))
    if image.info.get(_SIXTEEN_BITS) and max(high for _, high in image.convert("RGB").getextrema()) < 64:
        raise FerKerasError(
            f"{where}: 16 bits a channel of which the highest are not used, expected a picture of 8 bits"
        )
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA")
    return image


def grey_values(values: np.ndarray, where: str) -> np.ndarray:
    """Return grey values or colours as uint8, of the same shape.

    uint8 are taken as they are. The white of uint16 is that of the fewest of `WHITE_BITS` that hold the largest value.
    Others are rounded, and are 0..255.

    Raises:
        FerKerasError: `values` are no numbers, not all 0..255, or not uint8 and none above 2: these are meant as 0..1,
            of which resizing makes a little more.
    """
    if values.dtype.kind not in "uif":
        raise FerKerasError(f"{where}: array of {values.dtype}, expected grey values or colours 0..255, uint8 or float")
    if values.dtype == np.uint8 or not values.size:
        return values.astype(np.uint8, copy=False)
    low, high = values.min(), values.max()
    if values.dtype == np.uint16:
        white = next(2**bits - 1 for bits in WHITE_BITS if high < 2**bits)
        return ((values.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)
    found = f"array with values from {low:g} to {high:g}"
    if not (low >= 0 and high <= 255):  # also where a value is not a number
        raise FerKerasError(f"{where}: {found}, expected 0..255")
    if 0 < high <= 2:
        raise FerKerasError(f"{where}: {found}, expected 0..255, not 0..1: multiply by 255")
    return np.rint(values).astype(np.uint8)
