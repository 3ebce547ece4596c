"""Faces in any form become the pixels that a file of them would; what may be meant in two ways is refused."""

import io
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from face_files import png
from PIL import Image

from fer_keras.data.face_input import as_faces
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError

FACES = draw_faces(np.arange(7), seed=4)
ITSELF = []
ITSELF.append(ITSELF)
CLOSED = io.BytesIO()
CLOSED.close()


class Itself:
    def __iter__(self):
        return iter([self])


class Fails:
    def __init__(self, iterator=None):
        self.iterator = iterator

    def __iter__(self):
        if self.iterator is None:
            raise RuntimeError("gone")
        return self.iterator


class Failing:
    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        if self.error is not None:
            raise self.error


COLOURS = np.moveaxis(draw_faces(np.array([3, 4, 5]))[..., 0], 0, -1)


def test_sizes_and_colours_become_what_the_readers_make_of_a_file():
    large = np.asarray(Image.fromarray(COLOURS).resize((90, 70), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(as_faces(large), as_faces(png(large)))
    np.testing.assert_array_equal(as_faces(large[np.newaxis].astype(np.float32)), as_faces(large))
    opaque = np.dstack([large, np.full((70, 90), 255, np.uint8)])
    np.testing.assert_array_equal(as_faces(opaque), as_faces(large))
    np.testing.assert_array_equal(as_faces(FACES[0] + 0.3), FACES[:1])


def test_grey_with_alpha_is_one_face():
    alpha = np.arange(48 * 60, dtype=np.uint8).reshape(48, 60)
    grey = np.asarray(Image.fromarray(FACES[2, ..., 0]).resize((60, 48)))
    both = np.dstack([grey, alpha])
    np.testing.assert_array_equal(as_faces(both), as_faces(grey))
    np.testing.assert_array_equal(as_faces(np.stack([both, both])), as_faces(np.stack([grey, grey])))


def test_images_of_pillow_and_bytes_of_any_kind():
    data = png(COLOURS)
    expected = as_faces(data)
    image = Image.open(io.BytesIO(data))
    for one in (image, [image], bytearray(data), memoryview(data), [bytearray(data)], Image.fromarray(COLOURS)):
        np.testing.assert_array_equal(as_faces(one), expected)
    deep = Image.fromarray(FACES[1, ..., 0].astype(np.uint16) * 257)
    np.testing.assert_array_equal(as_faces([deep, Image.fromarray(FACES[2, ..., 0].astype(np.int32))]), FACES[1:3])


def test_an_image_of_pillow_is_turned_upright_and_left_as_it_is():
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(FACES[0, ..., 0]).rotate(90).save(file, "PNG", exif=exif)
    image = Image.open(file)
    np.testing.assert_array_equal(as_faces(image), FACES[:1])
    np.testing.assert_array_equal(np.asarray(image), np.rot90(FACES[0, ..., 0]))


def test_lists_of_numbers_and_other_libraries_arrays():
    np.testing.assert_array_equal(as_faces(FACES[0, ..., 0].tolist()), FACES[:1])
    np.testing.assert_array_equal(as_faces(FACES.tolist()), FACES)
    np.testing.assert_array_equal(as_faces([FACES[:1], FACES[1], FACES[2, ..., 0]]), FACES[:3])
    tensor = type("Tensor", (), {"__array__": lambda self, dtype=None, copy=None: FACES[:2]})()
    np.testing.assert_array_equal(as_faces(tensor), FACES[:2])
    assert as_faces([]).shape == as_faces(FACES[:0]).shape == as_faces(iter(())).shape == (0, 48, 48, 1)


def test_files_that_are_open_are_read_from_their_beginning(tmp_path):
    (tmp_path / "a.png").write_bytes(png(FACES[5, ..., 0]))
    written = io.BytesIO()
    Image.fromarray(FACES[2, ..., 0]).save(written, "PNG")
    with (tmp_path / "a.png").open("rb") as file, (tmp_path / "a.png").open("rb", buffering=0) as raw:
        file.read(5)
        np.testing.assert_array_equal(as_faces([file, written, raw]), FACES[[5, 2, 5]])
        np.testing.assert_array_equal(as_faces(file), FACES[[5]])


def test_a_shape_that_has_one_meaning_is_taken():
    grey = FACES[..., 0]
    for faces in (grey[:5], FACES[:5], grey[:5].tolist(), grey[:5].astype(np.float64), list(grey[:5]), iter(FACES[:5])):
        np.testing.assert_array_equal(as_faces(faces), FACES[:5])
    for face in (grey[0], FACES[0], FACES[:1], grey[:1], pd.DataFrame(grey[0]), np.dstack([grey[0]] * 3)):
        np.testing.assert_array_equal(as_faces(face), FACES[:1])


def test_a_dark_face_among_others_is_taken_and_all_black_is_black():
    faces = FACES.astype(np.float32)
    faces[3] = faces[3] / 255
    np.testing.assert_array_equal(as_faces(faces)[[0, 6]], FACES[[0, 6]])
    assert as_faces(faces)[3].max() == 1 and as_faces(np.zeros((48, 48))).max() == 0


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_white_of_16_bits_is_that_of_the_bits_in_use(bits):
    face = FACES[3, ..., 0].copy()
    face[0, 0] = 255
    deep = np.rint(face * ((2**bits - 1) / 255)).astype(np.uint16)
    expected = face[np.newaxis, ..., np.newaxis]
    for same in (deep, deep[np.newaxis], png(deep), Image.fromarray(deep), png(deep, kind="TIFF"), [deep]):
        np.testing.assert_array_equal(as_faces(same), expected)


def deep_colours(bits):
    """A PNG of colours in 16 bits a channel, which Pillow does not write."""
    values = np.rint(COLOURS * ((2**bits - 1) / 255)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 48, 48, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def test_colours_of_16_bits_are_read_or_refused_never_black(tmp_path):
    assert np.abs(as_faces(deep_colours(16)).astype(int) - as_faces(COLOURS)).max() <= 1
    (tmp_path / "a.png").write_bytes(deep_colours(12))
    for face in (deep_colours(8), deep_colours(10), tmp_path / "a.png", Image.open(tmp_path / "a.png")):
        with pytest.raises(FerKerasError, match="16 bits a channel of which the highest are not used"):
            as_faces(face)


def test_an_array_of_names_is_a_list_of_them(tmp_path):
    (tmp_path / "a.png").write_bytes(png(FACES[5, ..., 0]))
    np.testing.assert_array_equal(as_faces(np.array([str(tmp_path / "a.png")] * 2)), FACES[[5, 5]])


@pytest.mark.parametrize(
    ("face", "sentence"),
    [
        (np.zeros((2, 3, 4, 5), np.uint8), r"image: array \[2, 3, 4, 5\], expected one face \[H, W\]"),
        (np.zeros(5, np.uint8), r"array \[5\], expected one face"),
        (np.zeros((48, 48, 6), np.uint8), r"array \[48, 48, 6\], expected one face"),
        (np.float32(3), r"array \[\], expected one face"),
        ([1, 2, 3], r"array \[3\], expected one face"),
        ([[1, 2], [3]], r"no array can be made of this list \(.*\), expected one face"),
        (np.zeros((0, 48), np.uint8), r"array \[0, 48\], expected one face"),
        (np.full((48, 48), 300.0), r"array with values from 300 to 300, expected 0..255"),
        (np.full((48, 48), np.nan), r"array with values from nan to nan, expected 0..255"),
        (np.full((48, 48), 0.5), r"array with values from 0.5 to 0.5, expected 0..255, not 0..1"),
        (Image.fromarray(np.full((48, 48), 60000, np.int32)), r"values from 60000 to 60000, expected 0..255"),
        (np.full((48, 48), "a"), r"array of <U1, expected grey values or colours 0..255, uint8 or float"),
        (FACES[0] / 255 * 1.035, r"array with values from .* to .*, expected 0..255, not 0..1: multiply by 255"),
        ((FACES[0] / 255 * 1.06 - 0.03).astype(np.float16), r"array with values from -0.0.* to .*, expected 0..255"),
        (Image.fromarray(FACES[0, ..., 0].astype(np.float32) / 255), r"expected 0..255, not 0..1"),
        (png(FACES[0, ..., 0].astype(np.float32) / 255, kind="TIFF"), r"expected 0..255, not 0..1"),
        (FACES[:3, ..., 0], r"array \[3, 48, 48\], expected one face .* which can be meant in two ways"),
        (FACES[:3, ..., 0].tolist(), r"array \[3, 48, 48\], expected one face"),
        (FACES[:4, ..., 0], r"array \[4, 48, 48\], expected one face"),
        (FACES.reshape(7, 2304), r"array \[7, 2304\], expected one face .* of \[3, H, W\] and \[N, 2304\]"),
        (pd.DataFrame(FACES.reshape(7, 2304)), r"array \[7, 2304\], expected one face"),
        (np.zeros((1000, 2304), np.uint8), r"array \[1000, 2304\], expected one face"),
        (FACES[0].ravel(), r"array \[2304\], expected one face"),
        (np.zeros((3, 5, 5), np.uint8), r"array \[3, 5, 5\], expected one face"),
        (np.zeros((3, 48, 3), np.uint8), r"array \[3, 48, 3\], expected one face"),
        (np.zeros((7, 4096), np.uint8), r"array \[7, 4096\], expected one face"),
        (np.moveaxis(FACES, -1, 1), r"array \[7, 1, 48, 48\], expected one face"),
        (np.broadcast_to(np.uint8(0), (2**20, 2**20)), r"array \[1048576, 1048576\], expected one face"),
        (np.broadcast_to(np.uint8(0), (2**40, 48, 48)), r"ndarray too large for this machine's memory"),
        (FACES[0].astype("m8[s]"), r"array of timedelta64\[s\], expected grey values"),
        (FACES[0].astype("M8[s]"), r"array of datetime64\[s\], expected grey values"),
        (FACES[0].astype(object), r"array of object, expected grey values"),
        (FACES[0] > 99, r"array of bool, expected grey values"),
        (FACES[0] + 0j, r"array of complex128, expected grey values"),
        (None, r"image: NoneType, expected an array"),
        (ITSELF, r"image: (array|no array)"),
        (Itself(), r"image 0: Itself, expected an array"),
        ([iter(FACES)], r"image 0: iterator, expected an array"),
        (Failing(ZeroDivisionError("no\nnumbers")), r"no array can be made of this Failing \(no\\nnumbers\)"),
        ([FACES[0], Failing(MemoryError())], r"image: list too large for this machine's memory"),
        (Fails(), r"image: this Fails fails to give images \(gone\)"),
        (Fails(1), r"image: this Fails fails to give images \(iter\(\) returned non-iterator"),
        ((FACES[1 // number] for number in (1, 0)), r"this generator fails to give images \(integer .* by zero\)"),
        (map(as_faces, [FACES[0], None]), r"^image: NoneType, expected an array"),
        (np.broadcast_to(3.0, (10**13, 48, 48, 1)), r"ndarray too large for this machine's memory"),
        (FACES[0].astype(int) // 128, r"array with values from 0 to 1, expected 0..255, not 0..1"),
        (Image.new("L", (0, 48)), r"image: 0x48 pixels, expected some"),
        (Failing(None), r"no array can be made of this Failing"),
        ("", r"the path of a picture is empty"),
        ([""], r"the path of a picture is empty"),
        (io.StringIO("text"), r"image: cannot be read \(it gives str\), expected a picture"),
        (io.BytesIO(b""), r"image: expected a whole PNG"),
        ([CLOSED], r"image 0: cannot be read \(I/O operation on closed file"),
        ([FACES[0], FACES[:5]], r"image 1: 5 faces, expected one in each item"),
        ([FACES[:0]], r"image 0: 0 faces, expected one in each item"),
        ([FACES[0], FACES[0] / 255], r"image 1: array with values .* not 0..1"),
        ([FACES[0], None], r"image 1: NoneType, expected an array"),
        (7, r"image: int, expected an array"),
        (b"no", r"image: expected a whole PNG, JPEG, WebP, BMP, GIF or TIFF image"),
        ([bytearray(b"no")], r"image 0: expected a whole PNG, JPEG, WebP, BMP, GIF or TIFF image"),
        (
            Image.open(io.BytesIO(png(COLOURS)[:900])),
            r"image: expected a whole PNG, JPEG, WebP, BMP, GIF or TIFF image",
        ),
        ("none.png", r"none.png: cannot be read \(No such file or directory\), expected a picture"),
        ("a\0b.png", r"a\\x00b.png: cannot be read \(embedded null byte\), expected a picture"),
        (["/"], r"/: cannot be read \(Is a directory\), expected a picture"),
    ],
)
def test_what_is_no_face(face, sentence):
    with pytest.raises(FerKerasError, match=sentence):
        as_faces(face)
