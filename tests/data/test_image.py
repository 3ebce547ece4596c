"""One image becomes one face, upright and grey, whatever its file's mode is."""

import io
import struct

import numpy as np
import pytest
from face_files import png
from PIL import Image

from fer_keras.data.image import decode_face, opened_image
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError

ORIENTATION = 0x0112
FACE = draw_faces(np.array([3]), seed=1)[0, ..., 0]


def with_exif(image, exif, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (1, FACE),
        (2, FACE[:, ::-1]),
        (3, FACE[::-1, ::-1]),
        (4, FACE[::-1]),
        (5, FACE.T),
        (6, np.rot90(FACE)),  # a quarter to the left, so it is shown turned to the right
        (7, FACE[::-1, ::-1].T),
        (8, np.rot90(FACE, -1)),
    ],
)
def test_a_face_is_upright(orientation, stored):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    face, _ = decode_face(with_exif(Image.fromarray(np.ascontiguousarray(stored)), exif), "it")
    np.testing.assert_array_equal(face, FACE)


@pytest.mark.parametrize("exif", [b"Exif\0\0no tiff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01", b"Exif\0\0MM"])
def test_damaged_exif_costs_no_face(exif):
    np.testing.assert_array_equal(decode_face(with_exif(Image.fromarray(FACE), exif), "it")[0], FACE)


def test_16_bits_become_8_by_scale_and_a_palette_s_transparency_is_dropped():
    deep = FACE.astype(np.uint16) * 257
    face, colour = decode_face(png(deep), "it")
    np.testing.assert_array_equal(face, FACE)
    assert not colour
    palette = Image.fromarray(FACE).convert("P")
    file = io.BytesIO()
    palette.save(file, "PNG", transparency=bytes(range(256)))
    np.testing.assert_array_equal(decode_face(file.getvalue(), "it")[0], FACE)


def test_pixels_are_counted_before_they_are_decoded():
    noise = np.random.default_rng(0).integers(0, 256, (30, 40), dtype=np.uint8)
    data = png(noise)[:500]  # the header is whole
    with pytest.raises(FerKerasError, match="it: 40x30 pixels, expected at most 1,199"), opened_image(data, "it", 1199):
        pass
    with pytest.raises(FerKerasError, match="it: expected a whole PNG"), opened_image(data, "it", 1200) as image:
        image.load()


def test_a_png_whose_pixels_miss_their_check_sum_is_damaged():
    face, other = draw_faces([3, 5])[..., 0]
    whole, pixels = (png(picture).partition(b"IDAT") for picture in (face, other))
    # The pixels of one and the check sum of another: the last 12 bytes are the chunk that ends the file.
    content, check_sum = pixels[2][:-16], whole[2][-16:-12]
    damaged = whole[0][:-4] + struct.pack(">I", len(content)) + b"IDAT" + content + check_sum + whole[2][-12:]
    with Image.open(io.BytesIO(damaged)) as image:
        np.testing.assert_array_equal(np.asarray(image), other, err_msg="Pillow takes it")
    with pytest.raises(FerKerasError, match=r"a\.png: expected a whole PNG"):
        decode_face(damaged, "a.png")
    np.testing.assert_array_equal(decode_face(png(face), "a.png")[0], face)
