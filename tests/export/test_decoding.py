"""The served graph makes of a file the pixels that Pillow makes of it."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import ExifTags, Image

from fer_keras.data.image import decode_face
from fer_keras.data.synthetic import draw_faces
from fer_keras.export.saved_model import decode_face_in_graph


def encoded(mode, size, kind, seed=0):
    """A drawn face in false colours at `size`, as a file's bytes."""
    faces = draw_faces(np.array([3, 4, 5]), seed=seed)[..., 0]
    image = Image.fromarray(np.moveaxis(faces, 0, -1)).resize(size, Image.Resampling.BICUBIC)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode != "RGB":
        image = image.convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "size", "kind", "most"),
    [
        ("L", (48, 48), "PNG", 0),
        ("RGB", (48, 48), "PNG", 0),
        ("RGBA", (48, 48), "PNG", 0),
        ("P", (48, 48), "PNG", 0),
        ("LA", (48, 48), "PNG", 0),
        ("I;16", (48, 48), "PNG", 0),
        ("L", (48, 48), "JPEG", 1),
        ("RGB", (48, 48), "JPEG", 2),
        ("L", (200, 160), "PNG", 1),
        ("RGB", (300, 100), "PNG", 1),
        ("L", (20, 31), "PNG", 1),
        ("RGB", (200, 160), "JPEG", 2),
    ],
)
def test_the_graph_decodes_to_the_pixels_of_pillow(mode, size, kind, most):
    data = encoded(mode, size, kind)
    expected, _ = decode_face(data, "it", resize=True)
    found = decode_face_in_graph(data).numpy()
    assert found.shape == (48, 48, 1) and found.dtype == np.float32
    np.testing.assert_array_equal(found, np.rint(found))
    assert np.abs(found[..., 0] - expected).max() <= most


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_white_of_16_bits_is_that_of_the_bits_in_use(bits):
    grey = draw_faces(np.array([3]))[0, ..., 0]
    grey[0, 0] = 255
    file = io.BytesIO()
    Image.fromarray(np.rint(grey * ((2**bits - 1) / 255)).astype(np.uint16)).save(file, "PNG")
    found = decode_face_in_graph(file.getvalue()).numpy()[..., 0]
    np.testing.assert_array_equal(found, grey)
    np.testing.assert_array_equal(found, decode_face(file.getvalue(), "it")[0])


def test_pixels_are_taken_as_stored():
    image = Image.open(io.BytesIO(encoded("L", (48, 48), "PNG")))
    plain, turned, exif = io.BytesIO(), io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image.save(plain, "JPEG")
    image.save(turned, "JPEG", exif=exif)
    assert plain.getvalue() != turned.getvalue()
    found = [decode_face_in_graph(file.getvalue()).numpy() for file in (plain, turned)]
    np.testing.assert_array_equal(*found)


def bomb(width, height):
    """A PNG of black pixels, a bit each."""
    row = bytes(1 + -(-width // 8))
    deflate = zlib.compressobj(9)
    data = b"".join(deflate.compress(row * 1000) for _ in range(height // 1000)) + deflate.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (bomb(23_000, 23_000), "a picture has more than 16,777,216 pixels"),
        (bomb(1, 1000).replace(struct.pack(">II", 1, 1000), b"\x7f\xff\xff\xff" * 2), "a picture has more than 16,777"),
        (b"GIF89a" + bytes(100), "expected a PNG or JPEG, found something else"),
        (b"", "expected a PNG or JPEG, found something else"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
    ],
)
def test_what_is_no_picture_or_too_large_a_one_is_refused_before_it_is_decoded(data, sentence):
    assert len(data) < 100_000
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        tf.function(decode_face_in_graph)(tf.constant(data))


def test_the_largest_picture_is_taken():
    assert decode_face_in_graph(bomb(4096, 4000)).shape == (48, 48, 1)
