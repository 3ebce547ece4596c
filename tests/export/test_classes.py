"""Every exported file says the classes of its model, and runs as before."""

import json

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf

import fer_keras
from fer_keras.data.synthetic import draw_faces
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export import litert
from fer_keras.export.flatbuffer import read
from fer_keras.files import write_json
from fer_keras.jobs.exporting import export_model
from fer_keras.models.load import load_model

CLASSES = ("calm", "tense", "asleep")
FACES = draw_faces(np.arange(7), seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    inputs = keras.Input((48, 48, 1))
    pooled = keras.layers.AveragePooling2D(6)(keras.layers.Rescaling(1 / 64, offset=-2.0)(inputs))
    keras.utils.set_random_seed(0)
    keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(pooled))).save(folder / "model.keras")
    write_json(folder / "config.json", {"config": {"data": {"classes": CLASSES}}})
    export_model(folder, say=lambda line: None)
    (folder / "config.json").unlink()
    return folder


@pytest.mark.parametrize("name", ["model_float32.tflite", "model_int8.tflite"])
def test_a_litert_file_alone_names_its_classes(folder, name):
    classifier = fer_keras.load(folder / name)
    assert classifier.classes == CLASSES and not classifier.classes_note
    expected = predict_logits(load_model(folder), FACES)
    assert [answer.label for answer in classifier.answers(FACES)] == [CLASSES[n] for n in expected.argmax(axis=1)]
    model = read((folder / name).read_bytes())
    buffer = next(entry.buffer for entry in model.metadata if entry.name == litert.METADATA.encode())
    assert json.loads(bytes(model.buffers[buffer].data)) == {"classes": list(CLASSES)}


def test_the_other_formats_name_them_too(folder):
    (entry,) = onnx.load(folder / "model.onnx").metadata_props
    assert (entry.key, json.loads(entry.value)) == ("classes", list(CLASSES))
    answers = tf.saved_model.load(folder / "1").signatures["serving_default"](images=tf.constant(FACES))
    assert [name.decode() for name in answers["classes"][0].numpy()] == list(CLASSES)
    formats = json.loads((folder / "exports.json").read_text())["formats"]
    assert all(facts["classes"] == list(CLASSES) for facts in formats.values())
