"""The faces of photos are cropped, classified and drawn; the photo is a portrait in the public domain."""

import re
import zlib
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image
from portrait import FACE, PORTRAIT, difference, jpeg, overlap, png, sideways

from fer_keras.data.face_input import as_faces
from fer_keras.data.pictures import find_pictures
from fer_keras.errors import FerKerasError
from fer_keras.faces import photo as finding
from fer_keras.jobs import photo
from fer_keras.jobs.predict_files import as_table, predictions_of
from fer_keras.labels import FER2013
from fer_keras.predict import Classifier


@pytest.fixture(scope="module")
def portrait():
    return finding.open_photo(PORTRAIT.read_bytes(), "portrait").image


@pytest.fixture
def classifier():
    """It calls a face by its mean grey, so that what it was given can be told."""
    return Classifier(
        Path("m"), "made up", lambda images: -np.abs(images.mean((1, 2)) - 40.0 * np.arange(7)), None, FER2013
    )


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
        "expected a whole PNG, JPEG, WebP, BMP, GIF or TIFF image (cannot identify image file)",
        "no frontal face was found in this photo",
    ]
    assert list(photos) == [str(PORTRAIT)]
    assert (
        f"at {x},{y} {width}x{height}" in as_table([answer])
        and f'"box": [\n      {x},' in predictions_of([answer]).to_json()
    )
    figure, note = photo.annotated(photos, [answer])
    (axis,) = figure.axes
    assert note == "" and axis.images[0].get_extent() == [0, 512, 600, 0]
    assert [patch.get_xy() for patch in axis.patches] == [(x, y)]
    assert axis.texts[0].get_text().startswith(answer.prediction.label)


@pytest.mark.parametrize("encode", [lambda image: jpeg(image.rotate(90, expand=True), exif=sideways()), png])
def test_a_large_photo_is_halved_and_its_boxes_are_not(encode, portrait, classifier, tmp_path, monkeypatch):
    odd = portrait.crop((0, 0, 511, 599))
    (tmp_path / "a").write_bytes(encode(odd))
    monkeypatch.setattr(finding, "MAX_IMAGE_PIXELS", odd.width * odd.height - 1)
    opened = finding.open_photo(encode(odd), "it")
    assert opened.image.size == (256, 300) and opened.size == (511, 599)
    assert difference(opened.image, odd.resize((256, 300), Image.Resampling.BOX)) < 8  # upside down 60
    (answer,), _, photos = photo.classify_photos(classifier, find_pictures([str(tmp_path / "a")]))
    assert overlap(answer.box, FACE) > 0.8 and photos[str(tmp_path / "a")].size == (511, 599)


def test_a_bad_photo_costs_only_itself(portrait, classifier, monkeypatch):
    header = b"IHDR" + (20000).to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0])
    bomb = bytearray(png(Image.new("L", (48, 48))))
    bomb[12:33] = header + zlib.crc32(header).to_bytes(4)
    good = PORTRAIT.read_bytes()
    contents = [bytes(bomb), good[:5000], FerKerasError("gone"), png(Image.new("L", (48, 48))), good]
    pictures = [(f"{number}.png", str(number), content) for number, content in enumerate(contents)]
    detect = finding.face_detector().detectMultiScale

    def fail_at_small(grey, **options):
        if grey.shape == (48, 48):
            raise cv2.error("no such thing")
        return detect(grey, **options)

    monkeypatch.setattr(finding, "face_detector", lambda: SimpleNamespace(detectMultiScale=fail_at_small))
    answers, unanswered, _ = photo.classify_photos(classifier, iter(pictures))
    assert [answer.name for answer in answers] == ["4.png"]
    assert [name for name, _ in unanswered] == ["0.png", "1.png", "2.png", "3.png"]
    sentences = ["0.png: expected a whole PNG.*bomb", "1.png: expected a whole PNG", "gone", "3.png: OpenCV cannot"]
    assert all(re.match(words, str(error)) for words, (_, error) in zip(sentences, unanswered, strict=True))


def test_a_missing_detector_ends_the_run(classifier, monkeypatch):
    monkeypatch.delattr(cv2.data, "haarcascades")
    finding.face_detector.cache_clear()
    with pytest.raises(FerKerasError, match="--photo: the package opencv-python-headless is missing"):
        photo.classify_photos(classifier, find_pictures([str(PORTRAIT)]))


def test_it_is_said_which_photos_are_not_drawn(classifier, monkeypatch):
    pictures = [(f"{number}.png", str(number), PORTRAIT.read_bytes()) for number in range(3)]
    monkeypatch.setattr(photo, "MOST_SHOWN", 2)
    answers, _, photos = photo.classify_photos(classifier, iter(pictures))
    figure, note = photo.annotated(photos, answers)
    assert note == "shows the first 2 of 3 photos" and len(figure.axes) == 2
