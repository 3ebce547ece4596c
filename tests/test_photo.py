"""Faces are found in a photo, cropped and classified; the photo is a portrait in the public domain."""

import io
import re
import zlib
from pathlib import Path
from types import SimpleNamespace

import cv2
import matplotlib
import numpy as np
import pytest
from PIL import Image

from fer_keras import photo
from fer_keras.data.face_input import as_faces
from fer_keras.data.pictures import find_pictures
from fer_keras.errors import FerKerasError
from fer_keras.predict import Classifier
from fer_keras.predict_files import as_json, as_table

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
    return photo.open_photo(PORTRAIT.read_bytes(), "portrait").image


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
    figure, note = photo.annotated(photos, [answer])
    (axis,) = figure.axes
    assert note == "" and axis.images[0].get_extent() == [0, 512, 600, 0]
    assert [patch.get_xy() for patch in axis.patches] == [(x, y)]
    assert axis.texts[0].get_text().startswith(answer.prediction.label)


def jpeg(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def difference(image, other):
    return np.abs(np.asarray(image, np.float32) - np.asarray(other, np.float32)).mean()


def sideways():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the left, so it is shown turned to the right
    return exif


def test_a_photo_is_upright(portrait):
    opened = photo.open_photo(jpeg(portrait.rotate(90, expand=True), exif=sideways()), "it")
    assert opened.size == portrait.size
    assert difference(opened.image, portrait) < 3 < difference(opened.image, portrait.rotate(180))


def test_16_bits_become_8_by_scale(portrait):
    grey = portrait.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    opened = photo.open_photo(png(deep), "it")
    np.testing.assert_array_equal(np.asarray(opened.image), np.asarray(grey.convert("RGB")))


@pytest.mark.parametrize("encode", [lambda image: jpeg(image.rotate(90, expand=True), exif=sideways()), png])
def test_a_large_photo_is_halved_and_its_boxes_are_not(encode, portrait, classifier, tmp_path, monkeypatch):
    odd = portrait.crop((0, 0, 511, 599))
    (tmp_path / "a").write_bytes(encode(odd))
    monkeypatch.setattr(photo, "MAX_IMAGE_PIXELS", odd.width * odd.height - 1)
    opened = photo.open_photo(encode(odd), "it")
    assert opened.image.size == (256, 300) and opened.size == (511, 599)
    assert difference(opened.image, odd.resize((256, 300), Image.Resampling.BOX)) < 8  # upside down 60
    (answer,), _, photos = photo.classify_photos(classifier, find_pictures([str(tmp_path / "a")]))
    assert overlap(answer.box, FACE) > 0.8 and photos[str(tmp_path / "a")].size == (511, 599)


def test_a_photo_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(photo, "MAX_PHOTO_PIXELS", 1000)
    with pytest.raises(FerKerasError, match=r"portrait: 512x600 pixels, expected at most 1,000"):
        photo.open_photo(PORTRAIT.read_bytes(), "portrait")


def test_a_bad_photo_costs_only_itself(portrait, classifier, monkeypatch):
    header = b"IHDR" + (20000).to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0])
    bomb = bytearray(png(Image.new("L", (48, 48))))
    bomb[12:33] = header + zlib.crc32(header).to_bytes(4)
    good = PORTRAIT.read_bytes()
    contents = [bytes(bomb), good[:5000], FerKerasError("gone"), png(Image.new("L", (48, 48))), good]
    pictures = [(f"{number}.png", str(number), content) for number, content in enumerate(contents)]
    detect = photo._detector().detectMultiScale

    def fail_at_small(grey, **options):
        if grey.shape == (48, 48):
            raise cv2.error("no such thing")
        return detect(grey, **options)

    monkeypatch.setattr(photo, "_detector", lambda: SimpleNamespace(detectMultiScale=fail_at_small))
    answers, unanswered, _ = photo.classify_photos(classifier, iter(pictures))
    assert [answer.name for answer in answers] == ["4.png"]
    assert [name for name, _ in unanswered] == ["0.png", "1.png", "2.png", "3.png"]
    sentences = ["0.png: expected a whole PNG.*bomb", "1.png: expected a whole PNG", "gone", "3.png: OpenCV cannot"]
    assert all(re.match(words, str(error)) for words, (_, error) in zip(sentences, unanswered, strict=True))


def test_a_missing_detector_ends_the_run(classifier, monkeypatch):
    monkeypatch.delattr(cv2.data, "haarcascades")
    photo._detector.cache_clear()
    with pytest.raises(FerKerasError, match="--photo: the package opencv-python-headless is missing"):
        photo.classify_photos(classifier, find_pictures([str(PORTRAIT)]))


def test_it_is_said_which_photos_are_not_drawn(classifier, monkeypatch):
    pictures = [(f"{number}.png", str(number), PORTRAIT.read_bytes()) for number in range(3)]
    monkeypatch.setattr(photo, "MOST_SHOWN", 2)
    answers, _, photos = photo.classify_photos(classifier, iter(pictures))
    figure, note = photo.annotated(photos, answers)
    assert note == "shows the first 2 of 3 photos" and len(figure.axes) == 2
