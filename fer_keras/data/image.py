"""The bytes of one image file in, one grey 48x48 face out."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SIZE

MAX_IMAGE_BYTES = 16 * 2**20
MAX_IMAGE_PIXELS = 4096 * 4096

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


def decode_face(data: bytes, where: str, resize: bool = False) -> tuple[np.ndarray, bool]:
    """Decode a PNG or JPEG.

    Colour becomes ITU-R 601 luma, 16 bits become 8 by scale (65535 -> 255), transparency is dropped.

    Args:
        data: the file's bytes.
        where: the words by which a message names the image.
        resize: accept any size and scale it to 48x48 (bilinear, antialiased; the sides' ratio is not kept).

    Returns:
        The image, uint8 [48, 48], and whether it was stored in colour.

    Raises:
        FerKerasError: it is no decodable PNG or JPEG, it has another size than 48x48 and `resize` is
            False, or it has more than `MAX_IMAGE_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            _check_size(image.size, where, resize)  # before a single pixel is decoded
            colour = image.mode not in _GREY_MODES
            grey = _to_grey(image)
    except FerKerasError:
        raise
    except _DAMAGE as error:
        reason = str(error).partition(" <_io.")[0]  # Pillow ends a sentence with the buffer's address
        raise FerKerasError(f"{where}: expected a whole PNG or JPEG image ({reason})") from error
    if grey.size != _SIZE:
        grey = grey.resize(_SIZE, Image.Resampling.BILINEAR)
    return np.asarray(grey), colour


def _check_size(size: tuple[int, int], where: str, resize: bool) -> None:
    width, height = size
    if width * height > MAX_IMAGE_PIXELS:
        raise FerKerasError(f"{where}: {width}x{height} pixels, expected at most {MAX_IMAGE_PIXELS:,}")
    if size != _SIZE and not resize:
        raise FerKerasError(
            f"{where}: {width}x{height} pixels, expected {IMAGE_SIZE}x{IMAGE_SIZE}"
            " (the option to resize accepts other sizes)"
        )


def _to_grey(image: Image.Image) -> Image.Image:
    if image.mode == "L":
        return image.copy()
    if image.mode.startswith("I"):  # Pillow's own conversion to 8 bits has clipped in some of its versions
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray(((values + 128) // 257).clip(0, 255).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("L")
