"""BlazeFace finds the face of a portrait, whose eyes, nose and mouth are where one sees them."""

import sys

import numpy as np
import pytest
from PIL import Image
from portrait import PORTRAIT

from fer_keras.errors import FerKerasError
from fer_keras.faces import network_files
from fer_keras.faces.detector import KEY_POINTS, NETWORKS, FaceDetector
from fer_keras.faces.finder import FaceFinder

SEEN = {"right_eye": (224, 191), "left_eye": (308, 191), "nose": (270, 231), "mouth": (270, 274)}
"""By eye, in pixels."""


@pytest.fixture(scope="module")
def portrait():
    return Image.open(PORTRAIT).convert("RGB")


@pytest.mark.parametrize("network", NETWORKS)
def test_the_face_of_a_portrait(network, portrait):
    (face,) = FaceDetector(network).find(portrait)
    points = dict(zip(KEY_POINTS, face.points, strict=True))
    for name, place in SEEN.items():
        assert np.hypot(*(points[name] - place)) < 8, name
    assert points["right_ear"][0] < points["right_eye"][0] < points["left_eye"][0] < points["left_ear"][0]
    assert abs(face.box[2] - 196) < 6 and 0.8 < face.score < 1


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_pictures_of_any_mode(mode, portrait):
    (face,) = FaceDetector("short").find(portrait.convert(mode))
    assert np.hypot(*(face.points[0] - SEEN["right_eye"])) < 10


def test_places_are_in_pixels_of_the_picture_whatever_its_size_and_shape(portrait):
    wide = Image.new("RGB", (3000, 1200))
    wide.paste(portrait.resize((1024, 1200)), (1500, 0))
    (face,) = FaceDetector("full").find(wide)
    assert np.hypot(*(face.points[0] - (1500 + 2 * SEEN["right_eye"][0], 2 * SEEN["right_eye"][1]))) < 25


def test_faces_come_from_left_to_right(portrait):
    both = Image.new("RGB", (1024, 600))
    both.paste(portrait, (0, 0))
    both.paste(portrait, (512, 0))
    left, right = FaceFinder().find(both)
    np.testing.assert_allclose(right.points - left.points, np.tile([512, 0], (6, 1)), atol=8)


def test_a_picture_without_a_face():
    assert FaceFinder().find(Image.effect_noise((640, 480), 60)) == []


def test_what_is_less_sure_is_no_face(portrait):
    assert FaceDetector("short", min_score=0.99).find(portrait) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(("long",), "face detector 'long': expected one of full, short"), (("full", 1.0), "least score of a face 1")],
)
def test_options_that_are_none(words, sentence):
    with pytest.raises(FerKerasError, match=sentence):
        FaceDetector(*words)


@pytest.mark.parametrize("network", NETWORKS.values())
def test_the_networks_are_the_ones_that_their_readme_names_rounded(network):
    readme = (network_files.MODELS / "README.md").read_text()
    assert f"`{network.file}.xz`" in readme
    file = network_files.read_network(network.file)
    assert network_files.with_rounded_weights(file) == file, "to round them again changes nothing"


def test_weights_are_rounded_to_six_binary_digits():
    whole = np.array([0, 1, 63, 64, 65, 66, 67, 127, -129, -131], np.float16)
    rounded = [0, 1, 63, 64, 64, 66, 68, 128, -128, -132]
    np.testing.assert_array_equal(network_files.rounded(whole), rounded)
    np.testing.assert_array_equal(network_files.rounded(whole / 1024), np.array(rounded) / 1024)


def test_without_litert_a_sentence_says_what_to_install(monkeypatch):
    for module in ("ai_edge_litert.interpreter", "tensorflow.lite.python"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(FerKerasError, match="LiteRT is not installed, expected it: pip install ai-edge-litert"):
        FaceDetector()
