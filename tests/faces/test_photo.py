"""Faces are found in a photo; it is a portrait in the public domain."""

import numpy as np
import pytest
from PIL import Image
from portrait import FACE, PORTRAIT, difference, jpeg, overlap, png, sideways

from fer_keras.errors import FerKerasError
from fer_keras.faces import photo


@pytest.fixture(scope="module")
def portrait():
    return photo.open_photo(PORTRAIT.read_bytes(), "portrait").image


def test_the_one_face_of_a_portrait(portrait):
    (box,) = photo.find_faces(np.asarray(portrait.convert("L")))
    assert overlap(box, FACE) > 0.9


def test_boxes_are_in_pixels_of_the_photo_whatever_its_size(portrait):
    twice = portrait.resize((4 * portrait.width, 4 * portrait.height))
    (box,) = photo.find_faces(np.asarray(twice.convert("L")))
    assert overlap(np.array(box) / 4, FACE) > 0.8


def test_two_faces_from_left_to_right(portrait):
    both = Image.new("RGB", (2 * portrait.width, portrait.height))
    both.paste(portrait, (0, 0))
    both.paste(portrait, (portrait.width, 0))
    left, right = photo.find_faces(np.asarray(both.convert("L")))
    assert overlap(left, FACE) > 0.8 and overlap(np.subtract(right, (portrait.width, 0, 0, 0)), FACE) > 0.8


def test_a_photo_is_upright(portrait):
    opened = photo.open_photo(jpeg(portrait.rotate(90, expand=True), exif=sideways()), "it")
    assert opened.size == portrait.size
    assert difference(opened.image, portrait) < 3 < difference(opened.image, portrait.rotate(180))


def test_16_bits_become_8_by_scale(portrait):
    grey = portrait.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    opened = photo.open_photo(png(deep), "it")
    np.testing.assert_array_equal(np.asarray(opened.image), np.asarray(grey.convert("RGB")))


def test_a_photo_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(photo, "MAX_PHOTO_PIXELS", 1000)
    with pytest.raises(FerKerasError, match=r"portrait: 512x600 pixels, expected at most 1,000"):
        photo.open_photo(PORTRAIT.read_bytes(), "portrait")
