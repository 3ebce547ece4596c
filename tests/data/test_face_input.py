"""Faces in any form become the pixels that a file of them would; what may be meant in two ways is refused."""

import io

import numpy as np
import pytest
from face_files import png
from PIL import Image

from fer_keras.data.face_input import as_faces
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError

FACES = draw_faces(np.arange(7), seed=4)
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
        ([[1, 2], [3]], r"no array can be made of this list, expected one face"),
        (np.zeros((0, 48), np.uint8), r"expected at least one pixel"),
        (np.full((48, 48), 300.0), r"array with values from 300 to 300, expected 0..255"),
        (np.full((48, 48), np.nan), r"array with values from nan to nan, expected 0..255"),
        (np.full((48, 48), 0.5), r"array with values from 0.5 to 0.5, expected 0..255, not 0..1"),
        (Image.fromarray(np.full((48, 48), 60000, np.int32)), r"values from 60000 to 60000, expected 0..255"),
        (np.array([["a"]]), r"expected grey values or colours 0..255, uint8 or float"),
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
