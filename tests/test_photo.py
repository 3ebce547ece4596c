"""Faces are found in a photo, cropped and classified; the photo is a portrait in the public domain."""

import io
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from fer_keras import photo
from fer_keras.data.face_input import as_faces
from fer_keras.errors import FerKerasError
from fer_keras.predict import Classifier
from fer_keras.predict_files import as_json, as_table, find_pictures

PORTRAIT = Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")
FACE = (152, 101, 228, 228)


def overlap(one, other):
    """Intersection over union of two boxes."""
    low = np.maximum(one[:2], other[:2])
    high = np.minimum(np.add(one[:2], one[2:]), np.add(other[:2], other[2:]))
    inside = np.prod(np.maximum(high - low, 0))
    return inside / (one[2] * one[3] + other[2] * other[3] - inside)


@pytest.fixture(scope="module")
def portrait():
    return photo.open_photo(PORTRAIT.read_bytes(), "portrait")


@pytest.fixture
def classifier():
    """It calls a face by its mean grey, so that what it was given can be told."""
    return Classifier(Path("m"), "made up", lambda images: -np.abs(images.mean((1, 2)) - 40.0 * np.arange(7)), None)


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


def test_the_crop_is_the_box(portrait, classifier, tmp_path):
    (tmp_path / "note.png").write_bytes(b"no")
    Image.new("RGB", (200, 200)).save(tmp_path / "empty.png")
    words = [str(PORTRAIT), str(tmp_path / "note.png"), str(tmp_path / "empty.png")]
    (answer,), unanswered, photos = photo.classify_photos(classifier, find_pictures(words))
    x, y, width, height = answer.box
    crop = as_faces(np.asarray(portrait)[y : y + height, x : x + width])
    np.testing.assert_array_equal(answer.face, crop[0])
    assert answer.prediction.label == classifier.predict(crop)[0].label
    assert [str(error).split(": ")[1] for _, error in unanswered] == [
        "expected a whole PNG or JPEG image (cannot identify image file)",
        "no frontal face was found in this photo",
    ]
    assert list(photos) == [str(PORTRAIT)]
    assert f"at {x},{y} {width}x{height}" in as_table([answer]) and f'"box": [\n      {x},' in as_json([answer])
    figure = photo.annotated(photos, [answer])
    (axis,) = figure.axes
    assert [patch.get_xy() for patch in axis.patches] == [(x, y)]
    assert axis.texts[0].get_text().startswith(answer.prediction.label)


def test_a_photo_is_upright(portrait):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the left, so it is shown turned to the right
    file = io.BytesIO()
    portrait.rotate(90, expand=True).save(file, "JPEG", exif=exif, quality=95)
    assert photo.open_photo(file.getvalue(), "it").size == portrait.size


def test_a_photo_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(photo, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(FerKerasError, match=r"portrait: 512x600 pixels, expected at most 1,000"):
        photo.open_photo(PORTRAIT.read_bytes(), "portrait")
