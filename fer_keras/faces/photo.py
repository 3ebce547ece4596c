"""Whole photos, as cameras write them: decoded, upright, of any size."""

from typing import NamedTuple

from PIL import Image

from fer_keras.data.image import MAX_IMAGE_PIXELS, eight_bits, make_upright, opened_image

MAX_PHOTO_BYTES = 64 * 2**20
MAX_PHOTO_PIXELS = 4 * MAX_IMAGE_PIXELS
"""A camera's 48 or 64 megapixels."""


class Photo(NamedTuple):
    """A decoded photo.

    Attributes:
        image: grey or RGB, upright; of a very large photo, smaller than that.
        size: width and height, upright, in the pixels of the file, which are those of boxes that are told.
    """

    image: Image.Image
    size: tuple[int, int]


def open_photo(data: bytes, where: str) -> Photo:
    """Decode a PNG or JPEG of any size to RGB, upright; at half its sides if it has more than `MAX_IMAGE_PIXELS`.

    Raises:
        FerKerasError: it is no decodable PNG or JPEG, or has more than `MAX_PHOTO_PIXELS`.
    """
    with opened_image(data, where, MAX_PHOTO_PIXELS) as image:
        size = image.size
        if _is_large(image):  # a JPEG need not be decoded to its full size first; of a PNG nothing comes of this
            image.draft("RGB", (image.width // 2, image.height // 2))
        decoded = image.size
        make_upright(image)
        if image.size != decoded:  # turned by a quarter
            size = size[::-1]
        rgb = eight_bits(image, where).convert("RGB")
        return Photo(rgb.reduce(2) if _is_large(rgb) else rgb, size)


def _is_large(image: Image.Image) -> bool:
    return image.width * image.height > MAX_IMAGE_PIXELS
