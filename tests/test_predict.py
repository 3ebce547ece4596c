"""Faces in any form get the model's answers."""

import csv
import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from face_files import png
from small_model import FACES

import fer_keras
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.confidence import softmax
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.labels import FER2013
from fer_keras.models.load import load_model


@pytest.fixture(scope="module")
def classifier(saved):
    return fer_keras.load(saved)


@pytest.fixture(scope="module")
def expected(saved):
    return predict_logits(load_model(saved), FACES)


def labels(predictions):
    return [prediction.label for prediction in predictions]


def test_litert_and_keras_give_the_same(saved, classifier, expected):
    assert (classifier.runtime, classifier.file.name) == ("litert", "model_float32.tflite")
    by_keras = fer_keras.load(saved, "keras")
    assert (by_keras.runtime, by_keras.temperature) == ("keras", classifier.temperature)
    for loaded in (classifier, by_keras, fer_keras.load(classifier.file)):
        np.testing.assert_allclose(loaded.logits(FACES), expected, rtol=1e-4, atol=1e-4)
        predictions = loaded.predict(FACES)
        assert labels(predictions) == [FER2013.classes[number] for number in expected.argmax(axis=1)]
        np.testing.assert_allclose([p.probabilities for p in predictions], softmax(expected), atol=1e-5)
        confidences = softmax(expected / loaded.temperature).max(axis=1)
        np.testing.assert_allclose([p.confidence for p in predictions], confidences, atol=1e-5)
    assert classifier.calibrated and classifier.temperature > 1
    assert classifier.logits(FACES[:0]).shape == (0, 7) and classifier.predict([]) == []
    for images in (FACES[:, :40], FACES[0], FACES / 255, FACES.tolist(), None):
        with pytest.raises(FerKerasError, match=r"logits: expected images uint8 \[N, 48, 48, 1\]"):
            classifier.logits(images)


def test_one_or_many_in_any_form(classifier, tmp_path):
    expected_labels = labels(classifier.predict(FACES))
    grey, colour = FACES[..., 0], np.repeat(FACES, 3, axis=-1)
    (tmp_path / "a.png").write_bytes(png(grey[2]))
    for face in (grey[2], FACES[2], colour[2], grey[2].astype(np.float64), str(tmp_path / "a.png"), png(grey[2])):
        assert labels(classifier.predict(face)) == [expected_labels[2]]
    assert labels(classifier.predict(grey)) == labels(classifier.predict(colour.astype(np.float32))) == expected_labels
    with (tmp_path / "a.png").open("rb") as file:
        assert labels(classifier.predict(file)) == labels(classifier.predict([file])) == [expected_labels[2]]
    assert labels(classifier.predict(io.BytesIO(png(grey[2])))) == [expected_labels[2]]
    mixed = [grey[0], tmp_path / "a.png", png(grey[1]), colour[3]]
    assert labels(classifier.predict(mixed)) == [expected_labels[number] for number in (0, 2, 1, 3)]


class Contrary:
    """Says that it is an array, and is none."""

    def __array__(self, *_, **__):
        raise OSError("not now")


SELF = []
SELF.append(SELF)


@pytest.mark.parametrize(
    "faces",
    [None, 3, np.array([None]), np.timedelta64(3), np.array([["a"]]), Contrary(), [Contrary()], SELF, [None], {"a": 1}],
)
def test_what_is_no_face_is_refused_in_a_sentence(classifier, faces):
    with pytest.raises(FerKerasError):
        classifier.predict(faces)


def test_threads_get_their_own_answers(classifier, expected):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: classifier.logits(FACES[[number % 7]]), range(200)))
    for number, logits in enumerate(answers):
        np.testing.assert_allclose(logits[0], expected[number % 7], rtol=1e-4, atol=1e-4)


def test_logits_that_are_no_numbers_are_an_error(classifier):
    broken = replace(classifier, forward=lambda images: np.full((len(images), 7), np.nan, np.float32))
    with pytest.raises(FerKerasError, match=r"model_float32.tflite: gives logits that are no numbers"):
        broken.predict(FACES[0])


def test_answers_are_records_and_tables(classifier, tmp_path):
    (tmp_path / "a.png").write_bytes(png(FACES[2, ..., 0]))
    answers = classifier.predict(face for face in (FACES[0], tmp_path / "a.png"))
    first, second = answers.to_records()
    assert (first["image"], second["image"]) == ("0", str(tmp_path / "a.png"))
    assert json.loads(answers.to_json()) == [first, second]
    rows = list(csv.DictReader(io.StringIO(answers.to_csv())))
    assert [row["label"] for row in rows] == labels(answers)
    assert [float(rows[1][name]) for name in FER2013.classes] == [*second["probabilities"].values()]
    frame = answers.to_frame()
    assert list(frame) == ["image", "label", "confidence", *FER2013.classes]
    assert frame.confidence.tolist() == [first["confidence"], second["confidence"]]
    assert classifier.predict([]).to_csv() == "image,label,confidence,angry,disgust,fear,happy,sad,surprise,neutral\n"
    assert list(classifier.predict([]).to_frame()) == list(frame)


def test_help_and_completion_name_what_is_not_imported_yet():
    assert {*fer_keras.__all__} <= {*dir(fer_keras)}


def test_a_data_frame_needs_pandas(classifier, monkeypatch):
    answers = classifier.predict(FACES)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(FerKerasError, match="pip install pandas"):
        answers.to_frame()


def test_keras_is_traced_once_for_many_faces(saved, monkeypatch):
    import fer_keras.models.forward as forward

    traced, made = [], forward.forward_function
    monkeypatch.setattr(forward, "forward_function", lambda model: traced.append(model) or made(model))
    classifier = fer_keras.load(saved, "keras")
    assert len(classifier.predict(np.repeat(FACES, 20, axis=0))) == 140 and len(traced) == 1


def test_neither_tensorflow_nor_keras_is_imported(saved):
    code = (
        "import sys, fer_keras\n"
        "assert 'numpy' not in sys.modules\n"
        f"classifier = fer_keras.load({str(saved)!r})\n"
        "import numpy as np\n"
        "answers = classifier.predict(np.zeros((50, 40), np.uint8))\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'scipy', 'sklearn', 'matplotlib', 'kagglehub'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(answers[0].label)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in FER2013.classes
