"""Photos are decoded, upright and in 8 bits; this one is a portrait in the public domain."""

import numpy as np
import pytest
from PIL import Image
from portrait import PORTRAIT, difference, jpeg, png, sideways

from fer_keras.errors import FerKerasError
from fer_keras.faces import photo


@pytest.fixture(scope="module")
def portrait():
    return photo.open_photo(PORTRAIT.read_bytes(), "portrait").image


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


@pytest.mark.parametrize("encode", [lambda image: jpeg(image.rotate(90, expand=True), exif=sideways()), png])
def test_a_large_photo_is_halved_and_its_size_is_not(encode, portrait, monkeypatch):
    odd = portrait.crop((0, 0, 511, 599))
    monkeypatch.setattr(photo, "MAX_IMAGE_PIXELS", odd.width * odd.height - 1)
    opened = photo.open_photo(encode(odd), "it")
    assert opened.image.size == (256, 300) and opened.size == (511, 599)
    assert difference(opened.image, odd.resize((256, 300), Image.Resampling.BOX)) < 8  # upside down 60
