"""Which file of a model is loaded, what its outputs are called, and what is refused."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx as onnx_package
import pytest
from command import ROOT
from small_model import FACES, facts_of, linear_model

import fer_keras
from fer_keras.cards.sample import sample_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.confidence import softmax
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export import inference, litert, onnx, record
from fer_keras.export.formats import LITERT_FLOAT32, LITERT_INT8, ExportInputs
from fer_keras.labels import FER2013
from fer_keras.models.load import load_model
from fer_keras.probabilities import gives_probabilities


@pytest.fixture
def copy(saved, tmp_path):
    """A copy of the model that a test may change."""
    return shutil.copytree(saved, tmp_path / "m")


def test_models_by_name_and_what_is_none(saved, monkeypatch):
    monkeypatch.chdir(saved.parents[1])
    assert fer_keras.load("m").file == Path("saved_models/m/model_float32.tflite")
    assert fer_keras.load("saved_models/m/model.keras").runtime == "litert"
    with pytest.raises(FerKerasError, match=r"none: there is no such model, expected .* or one of .*\bm, .*refer"):
        fer_keras.load("none")
    with pytest.raises(FerKerasError, match=r"runtime 'tpu': expected auto, litert, onnx, keras"):
        fer_keras.load("m", "tpu")
    with pytest.raises(
        FerKerasError,
        match=r"no file of this model can be run here, expected one of \.keras .* pip install 'fer_keras\[train\]'",
    ):
        fer_keras.load("saved_models/m/model_float32.tflite", "keras")
    Path("bad.tflite").write_bytes(b"no model")
    with pytest.raises(FerKerasError, match=r"bad.tflite: LiteRT cannot run a model from this file"):
        fer_keras.load("bad.tflite")


def test_a_litert_file_that_ends_in_softmax_gives_the_same_answers(tmp_path):
    for activation in (None, "softmax"):
        litert.save_float32(linear_model(7, activation), tmp_path / f"{activation}.tflite")
    plain, soft = (fer_keras.load(tmp_path / f"{name}.tflite").predict(FACES) for name in (None, "softmax"))
    for expected, answer in zip(plain, soft, strict=True):
        np.testing.assert_allclose(answer.probabilities, expected.probabilities, atol=1e-5)
        assert answer.confidence == pytest.approx(expected.confidence, abs=1e-5)


def test_a_softmax_in_8_bits_is_known_as_one():
    shares = np.round(256 * softmax(np.random.default_rng(1).normal(0, 2, (8, 7)))).astype(np.float32) / 256
    assert np.abs(shares.sum(axis=1) - 1).max() > 1e-3
    assert gives_probabilities(lambda images: shares) and not gives_probabilities(lambda images: 2 * shares)


def test_a_litert_file_of_other_classes_needs_their_names(tmp_path):
    litert.save_float32(linear_model(3), tmp_path / "three.tflite")
    with pytest.raises(FerKerasError, match=r"three.tflite: gives 3 logits and does not say of which classes"):
        fer_keras.load(tmp_path / "three.tflite")
    with pytest.raises(FerKerasError, match=r"three.tflite: gives 3 logits, expected 2, of calm, tense"):
        fer_keras.load(tmp_path / "three.tflite", classes=["calm", "tense"])
    classes = ("calm", "tense", "asleep")
    named = fer_keras.load(tmp_path / "three.tflite", classes=classes)
    assert named.classes == classes and not named.classes_note
    (answer,) = named.predict(FACES[0])
    assert answer.label == classes[answer.class_id] and tuple(answer.to_dict()["probabilities"]) == classes


def test_fer2013_is_taken_with_a_note_where_no_file_names_the_classes(tmp_path, caplog):
    litert.save_float32(linear_model(7), tmp_path / "seven.tflite")
    assert fer_keras.load(tmp_path / "seven.tflite").classes == FER2013.classes
    assert caplog.messages == [
        f"{tmp_path / 'seven.tflite'} does not say its classes; FER2013's order is taken (--classes names others),"
        " and grey values 0..255"
    ]


def test_float32_comes_before_int8_and_keras_where_litert_is_not_installed(copy, monkeypatch):
    shutil.copyfile(copy / LITERT_FLOAT32.file, copy / LITERT_INT8.file)
    facts = facts_of(copy / LITERT_INT8.file)
    record.record_export(copy, copy / "model.keras", "litert_int8", facts)
    assert fer_keras.load(copy).file.name == LITERT_FLOAT32.file
    (copy / LITERT_FLOAT32.file).unlink()
    assert fer_keras.load(copy).file.name == LITERT_INT8.file
    monkeypatch.setattr("fer_keras.predict.find_spec", lambda name: name == "keras" or None)
    assert fer_keras.load(copy).runtime == "keras"
    monkeypatch.setattr("fer_keras.predict.find_spec", lambda name: None)
    with pytest.raises(
        FerKerasError, match=r"nothing that is installed runs this model: pip install ai-edge-litert or '"
    ):
        fer_keras.load(copy)


def test_only_the_models_own_exports_take_its_temperature(copy):
    litert.save_float32(linear_model(7, "softmax"), copy / "another.tflite")
    assert fer_keras.load(copy / LITERT_FLOAT32.file).calibrated
    assert not fer_keras.load(copy / "another.tflite").calibrated
    (copy / "calibration.json").write_text("{}")
    with pytest.raises(FerKerasError, match=r"calibration.json: expected the temperature of a model"):
        fer_keras.load(copy)


@pytest.mark.parametrize("temperature", ["0", "-1", "NaN", "Infinity", "1e300", "null", "true", '"hot"', "[1]"])
def test_a_temperature_that_is_none_is_refused(copy, temperature):
    path = copy / "calibration.json"
    path.write_text(re.sub(r'"temperature": [0-9.]+', f'"temperature": {temperature}', path.read_text()))
    with pytest.raises(
        FerKerasError, match=r"calibration.json: (temperature .*: expected a number from|expected the temp)"
    ):
        fer_keras.load(copy)


def test_an_exported_file_that_changed_is_refused(copy):
    file = copy / LITERT_FLOAT32.file
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    for path in (copy, file):
        with pytest.raises(
            FerKerasError, match=r"damaged or another model's, expected the file that exports.json names"
        ):
            fer_keras.load(path)


def test_exports_and_temperature_of_another_model_are_not_used(copy):
    load_model(copy).save(copy / "model.keras")  # another file: its date is inside
    with (copy / "model.keras").open("ab") as file:
        file.write(b"\0")
    loaded = fer_keras.load(copy)
    assert (loaded.runtime, loaded.calibrated, loaded.temperature) == ("keras", False, None)
    with pytest.raises(
        FerKerasError,
        match=r"no file of this model can be run here, expected one of \.tflite .* pip install ai-edge-litert",
    ):
        fer_keras.load(copy, "litert")


@pytest.mark.parametrize(
    ("trial", "seconds", "sentence"),
    [
        ("import os; os.abort()", 60, r"LiteRT crashes over it \(signal 6\)"),
        ("while True: pass", 0.5, "LiteRT takes more than"),
    ],
)
def test_a_file_that_ends_or_stops_its_process_is_refused(trial, seconds, sentence, saved, tmp_path, monkeypatch):
    file = shutil.copyfile(saved / LITERT_FLOAT32.file, tmp_path / "alone.tflite")
    monkeypatch.setattr(inference, "_TRIAL", trial)
    monkeypatch.setattr(inference, "_TRIAL_SECONDS", seconds)
    with pytest.raises(FerKerasError, match=rf"alone\.tflite: damaged, {sentence}"):
        fer_keras.load(file)
    assert fer_keras.load(saved).runtime == "litert"  # whose digest is known, and which is not tried before


@pytest.mark.parametrize("path", ["", None, 3, "a\0b", 5000 * "a", b"m"])
def test_what_is_no_path_of_a_model_is_refused(path, saved, monkeypatch):
    monkeypatch.chdir(saved)  # an empty path is not the folder where one is
    with pytest.raises(FerKerasError, match=r"there is no such model|expected the name or the path of a model"):
        fer_keras.load(path)


def test_models_that_are_here_and_in_the_checkout_are_listed(saved, monkeypatch):
    monkeypatch.chdir(saved.parents[1])
    names = fer_keras.list_models()
    assert {"m", fer_keras.DEFAULT_MODEL, fer_keras.TINY_MODEL, "reference-cnn"} <= {*names} and names == sorted(names)
    assert not {"frontier", "measurements", "teachers", "two-heads-16"} & {*names}, "what cannot be asked is not listed"


def test_without_a_name_the_default_model_is_loaded():
    assert fer_keras.load().file.resolve() == ROOT / "saved_models" / fer_keras.DEFAULT_MODEL / LITERT_FLOAT32.file


def test_onnx_runtime_gives_the_published_logits():
    classifier = fer_keras.load(runtime="onnx")
    published = json.loads((ROOT / "saved_models" / fer_keras.DEFAULT_MODEL / "sample.json").read_text())["logits"]
    assert classifier.runtime == "onnx" and classifier.calibrated
    np.testing.assert_allclose(classifier.logits(sample_faces()), published, atol=1e-4)
    assert fer_keras.load(classifier.file).temperature == classifier.temperature


def test_an_onnx_file_alone_names_its_classes(tmp_path):
    classes = ("calm", "tense", "asleep")
    model = linear_model(3)
    onnx.save_onnx(model, tmp_path / "m.onnx", ExportInputs("m", classes, FACES))
    classifier = fer_keras.load(tmp_path / "m.onnx")
    assert (classifier.classes, classifier.calibrated) == (classes, False)
    np.testing.assert_allclose(classifier.logits(FACES), predict_logits(model, FACES), atol=1e-4)
    named = onnx_package.load(tmp_path / "m.onnx")
    (entry,) = (entry for entry in named.metadata_props if entry.key == "classes")
    for value in ("5", "[1, 2, 3]", '"abc"'):
        entry.value = value
        onnx_package.save(named, tmp_path / "odd.onnx")
        with pytest.raises(FerKerasError, match=r"odd.onnx: expected the names of classes under 'classes'"):
            fer_keras.load(tmp_path / "odd.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(FerKerasError, match=r"bad.onnx: ONNX Runtime cannot run a model from this file"):
        fer_keras.load(tmp_path / "bad.onnx")


def test_a_file_for_one_face_at_a_time_answers_many(tmp_path):
    model = linear_model(7)
    litert.save_float32_single(model, tmp_path / "one.tflite", ExportInputs("m", FER2013.classes, FACES))
    np.testing.assert_allclose(
        fer_keras.load(tmp_path / "one.tflite").logits(FACES), predict_logits(model, FACES), atol=1e-4
    )


def test_a_file_that_a_runtime_reads_and_cannot_run_is_refused(tmp_path, monkeypatch):
    shutil.copyfile(ROOT / "saved_models" / fer_keras.TINY_MODEL / "model.onnx", tmp_path / "m.onnx")
    litert.save_float32(linear_model(7), tmp_path / "m.tflite")

    def fails(*_):
        raise RuntimeError("Input tensor 13\nlacks data")

    monkeypatch.setattr("ai_edge_litert.interpreter.Interpreter.invoke", fails)
    monkeypatch.setattr("onnxruntime.InferenceSession.run", fails)
    for name, runtime in (("m.tflite", "LiteRT"), ("m.onnx", "ONNX Runtime")):
        sentence = rf"{name}: {runtime} cannot run a model from this file \(Input tensor 13 lacks data\)"
        with pytest.raises(FerKerasError, match=sentence):
            fer_keras.load(tmp_path / name)
