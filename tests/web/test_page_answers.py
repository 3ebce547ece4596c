"""The page answers as the package does."""

import base64
import io
import json

import numpy as np
import pytest
from browsing import parts_of
from drawn import drawn_face, png, scene, upload
from PIL import Image
from portrait import PORTRAIT, jpeg, sideways
from reading import NEAR, assert_same, package_answers, read_photo

import fer_keras
from fer_keras.cards.sample import sample_faces
from fer_keras.faces.crop import crop_of, cut
from fer_keras.faces.finder import FaceFinder
from fer_keras.faces.photo import open_photo
from fer_keras.probabilities import softmax


def test_a_portrait_as_the_package_reads_it(page):
    (face,) = read_photo(page, PORTRAIT)
    (answer,) = package_answers(Image.open(PORTRAIT).convert("RGB"))
    assert_same(face, answer)


def test_two_drawn_faces_from_left_to_right(page):
    picture = scene((drawn_face("happy", 1), (40, 120)), (drawn_face("surprise", 0), (360, 90)))
    faces = read_photo(page, upload("two.png", png(picture)))
    answers = package_answers(picture)
    assert [answer.label for answer in answers] == ["happy", "surprise"]
    for number, (face, answer) in enumerate(zip(faces, answers, strict=True), 1):
        assert_same(face, answer, number)


def test_a_photo_held_sideways(page):
    portrait = Image.open(PORTRAIT).convert("RGB")
    (face,) = read_photo(page, upload("it.jpg", jpeg(portrait.rotate(90, expand=True), exif=sideways()), "image/jpeg"))
    (answer,) = package_answers(portrait)
    assert face["title"].startswith(f"Face 1: {answer.label}")
    np.testing.assert_allclose([*face["tables"][0].values()], answer.probabilities, atol=NEAR)


def test_a_photo_of_48_megapixels_which_is_read_at_half_its_sides(page):
    picture = Image.new("RGB", (8000, 6000), (110, 118, 126))
    picture.paste(Image.open(PORTRAIT).convert("RGB").resize((2560, 3000)), (2001, 1003))
    data = jpeg(picture)
    (face,) = read_photo(page, upload("huge.jpg", data, "image/jpeg"))
    half = open_photo(data, "huge.jpg").image
    (answer,) = package_answers(half)
    assert face["title"].startswith(f"Face 1: {answer.label}")  # two decoders of JPEG are a grey value apart
    np.testing.assert_allclose([*face["tables"][0].values()], answer.probabilities, atol=NEAR)
    size = page.evaluate("(({ width, height }) => [width, height])(document.getElementById('picture'))")
    assert tuple(size) == half.size == (4000, 3000)


def test_the_first_picture_of_an_animation(page):
    portrait = Image.open(PORTRAIT).convert("RGB")
    file = io.BytesIO()
    portrait.save(file, "GIF", save_all=True, append_images=[Image.new("RGB", portrait.size)], duration=50, loop=0)
    (face,) = read_photo(page, upload("moving.gif", file.getvalue(), "image/gif"))
    (answer,) = package_answers(Image.open(file).convert("RGB"))
    assert_same(face, answer)


LOGITS = """async ([name, precision, faces]) => {
    const { Classifier } = await import(part("js/classifier.js"));
    const constants = await (await fetch(part("constants.json"))).json();
    const { files } = constants.models.find((model) => model.name === name);
    const classifier = await Classifier.load(files[precision]);
    const answers = [];
    for (const face of faces) answers.push([...(await classifier.logits(new Uint8Array(face)))]);
    return [classifier.heads, classifier.temperature, answers];
}"""


@pytest.mark.parametrize("name", [fer_keras.DEFAULT_MODEL, fer_keras.TINY_MODEL])
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_same_crop_gives_the_same_probabilities(page, name, precision):
    faces = sample_faces()
    heads, temperature, logits = page.evaluate(LOGITS, [name, precision, faces.reshape(len(faces), -1).tolist()])
    classifier = fer_keras.load(f"saved_models/{name}/model_{precision}.tflite")
    assert [head["classes"] for head in heads] == [[*classifier.classes]]
    assert temperature == classifier.temperature
    expected = softmax(classifier.logits(faces))
    np.testing.assert_allclose(
        softmax(np.array(logits, np.float32)), expected, atol=1e-3 if precision == "float32" else NEAR
    )


CROPS = """async (pictures) => {
    const constants = await (await fetch(part("constants.json"))).json();
    const { cropOf, cut } = await import(part("js/crop.js"));
    return pictures.map(([[pixels, width, height], face]) => {
        const data = Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
        const picture = { data, width, height, channels: 3 };
        return cut(picture, cropOf(face, constants.faces), 48, [0.93, 1.07]).flatMap((square) => [...square]);
    });
}"""


def _sent(picture):
    return [base64.b64encode(picture.tobytes()).decode(), *picture.size]


def test_crops_are_the_packages_to_the_bit_upright_turned_and_beyond_the_edge(page):
    portrait = Image.open(PORTRAIT).convert("RGB").resize((256, 300))
    pictures = [
        portrait,
        portrait.rotate(25, expand=True),
        portrait.crop((95, 30, 240, 160)),
        portrait.resize((64, 75)),
    ]
    finder = FaceFinder()
    found = [(picture, face) for picture in pictures for face in finder.find(picture)]
    assert len(found) == 4 and {crop_of(face).angle != 0 for _, face in found} == {True, False}
    asked = [[_sent(picture), {"box": [*face.box], "points": face.points.tolist()}] for picture, face in found]
    for (picture, face), crop in zip(found, page.evaluate(CROPS, asked), strict=True):
        np.testing.assert_array_equal(crop, cut(picture, crop_of(face), (0.93, 1.07)).ravel())


def test_what_the_package_knows_is_written_once(dist):
    parts = parts_of(dist)
    constants = json.loads((parts / "constants.json").read_text())
    sources = [*sorted((parts / "js").iterdir()), dist / "index.html"]
    written = "".join(file.read_text() for file in sources)
    for name in {*constants["class_colours"]} - {"fear", "happy", "neutral"}:  # words of comments and examples
        assert f'"{name}"' not in written
