"""A SavedModel is published only if all that a server can be asked is answered as the Keras model does."""

import copy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.confidence import softmax
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export import parity, runtimes, saved_model
from fer_keras.export.serving import predict_request
from fer_keras.jobs.exporting import export_model
from fer_keras.labels import FER2013

FACES = draw_faces(np.arange(7), seed=11)


@pytest.fixture(scope="module")
def expected(keras_model):
    return softmax(predict_logits(keras_model, FACES))


@pytest.fixture(scope="module", autouse=True)
def keras_stays():
    """`runtimes` hides it from its own process, which is this one here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "keras", sys.modules["keras"])
        yield


@pytest.fixture(scope="module")
def served(exported):
    """What a sound export answers to all that it can be asked."""
    return runtimes.served(str(exported[0] / "1"), FACES)


def test_a_sound_export_passes(served, expected):
    assert [(request["signature"], request["warmup"], request["images"]) for request in served] == [
        ("serving_default", False, 7), ("bytes", False, 7), ("serving_default", True, 2), ("bytes", True, 2),
    ]  # fmt: skip
    parity.check_served(served, expected, Path("1"), FER2013.classes)


@pytest.mark.parametrize("signature", ["serving_default", "bytes"])
@pytest.mark.parametrize(
    ("output", "change", "sentence"),
    [
        ("class_id", lambda ids: [(value + 1) % 7 for value in ids], "gives class_id that are not those of its prob"),
        ("class_name", lambda names: names[::-1], "gives class_name that are not those of its probabilities"),
        ("classes", lambda rows: [row[::-1] for row in rows], "gives classes that are not those of its probabilities"),
        ("probabilities", lambda rows: rows[::-1], "is up to .* off the Keras model's probabilities, expected at most"),
        ("probabilities", lambda rows: rows[:3], r"gives probabilities \[3, 7\], expected finite ones \[7, 7\]"),
        ("probabilities", lambda rows: [[np.nan] * 7] * 7, r"gives probabilities \[7, 7\], expected finite ones"),
    ],
)
def test_a_wrong_output_is_refused(served, expected, signature, output, change, sentence):
    changed = copy.deepcopy(served)
    (request,) = (request for request in changed if request["signature"] == signature and not request["warmup"])
    request["outputs"][output] = change(request["outputs"][output])
    with pytest.raises(FerKerasError, match=f"^1: signature '{signature}' {sentence}.*so nothing was kept"):
        parity.check_served(changed, expected, Path("1"), FER2013.classes)


def test_wrong_warm_up_requests_are_refused(served, expected):
    with pytest.raises(FerKerasError, match=r"signatures \['serving_default'\], expected one of"):
        parity.check_served(served[:3], expected, Path("1"), FER2013.classes)
    changed = copy.deepcopy(served)
    del changed[3]["outputs"]["class_name"]
    with pytest.raises(FerKerasError, match=r"'bytes' of a warm-up request gives \['class_id', 'classes', 'prob"):
        parity.check_served(changed, expected, Path("1"), FER2013.classes)


def test_a_broken_bytes_signature_is_not_published(exported, tmp_path, monkeypatch):
    shutil.copyfile(exported[0] / "model.keras", tmp_path / "model.keras")
    decode = saved_model.decode_face_in_graph
    monkeypatch.setattr(saved_model, "decode_face_in_graph", lambda data: 255.0 - decode(data))
    with pytest.raises(FerKerasError, match=r"/1: signature 'bytes' is up to .* off the Keras model's probabilities"):
        export_model(tmp_path, ["saved_model"])
    assert [path.name for path in tmp_path.glob("[!.]*")] == ["model.keras"]


def test_a_signature_that_fails_is_named(exported, tmp_path):
    shutil.copytree(exported[0] / "1", tmp_path / "1")
    log = prediction_log_pb2.PredictionLog(predict_log={"request": predict_request("it", "bytes", [b"no picture"])})
    with tf.io.TFRecordWriter(str(tmp_path / "1" / runtimes.WARMUP_FILE)) as writer:
        writer.write(log.SerializeToString())
    with pytest.raises(RuntimeError, match=r"^signature 'bytes' fails: .*expected a PNG or JPEG, found"):
        runtimes.served(str(tmp_path / "1"), FACES)
