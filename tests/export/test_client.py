"""A server that answers nonsense gets one sentence from the client, as do options that mean nothing."""

from concurrent import futures

import grpc
import numpy as np
import pytest
import tensorflow as tf
from command import run
from face_files import png
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from fer_keras.labels import FER2013

GOOD = {
    "probabilities": np.full((1, 7), 1 / 7, np.float32),
    "class_id": np.array([3]),
    "class_name": np.array([b"happy"]),
    "classes": np.array([[name.encode() for name in FER2013.classes]]),
}
NO_TEXT = np.array([b"\xff\xfe"])


class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    outputs, tensor = GOOD, None

    def Predict(self, request, context):  # noqa: N802
        response = predict_pb2.PredictResponse()
        for name, array in self.outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
        if self.tensor is not None:
            response.outputs["probabilities"].CopyFrom(self.tensor)
        return response


@pytest.fixture(scope="module")
def served():
    """What a server answers, to be changed, and its address."""
    servicer = Servicer()
    server = grpc.server(futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(servicer, server)
    address = f"localhost:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield servicer, address
    server.stop(None)


@pytest.fixture
def ask(served, tmp_path):
    (tmp_path / "face.png").write_bytes(png(np.zeros((48, 48), np.uint8)))

    def ask(outputs, tensor=None, *words):
        served[0].outputs, served[0].tensor = outputs, tensor
        return run("client.py", "m", "face.png", "--server", served[1], *words, cwd=tmp_path)

    return ask


def test_a_good_answer_is_printed(ask):
    assert ask(GOOD) == (0, "face.png  happy  0.142857\n", "")


@pytest.mark.parametrize(
    "changed",
    [
        {"probabilities": None},
        {"class_name": None},
        {"probabilities": np.zeros((0, 7), np.float32)},
        {"probabilities": np.zeros((1, 0), np.float32)},
        {"probabilities": np.zeros((2, 7), np.float32)},
        {"probabilities": np.float32(0.5)},
        {"probabilities": np.full((1, 7), np.nan, np.float32)},
        {"probabilities": np.full((1, 7), 1.5, np.float32)},
        {"probabilities": np.array([[b"a", b"b"]])},
        {"class_name": np.array([3])},
        {"class_name": NO_TEXT},
        {"class_name": np.array([[b"happy"]])},
    ],
)
def test_nonsense_is_one_sentence(ask, changed):
    outputs = {name: array for name, array in {**GOOD, **changed}.items() if array is not None}
    status, out, err = ask(outputs)
    assert (status, out) == (2, "")
    assert err == (
        "error: m: the server's model is no export of fer_keras, expected for each image probabilities, class_id,"
        " class_name, classes\n"
    )


def test_a_tensor_that_claims_another_shape_is_one_sentence(ask):
    tensor = tf.make_tensor_proto(GOOD["probabilities"])
    tensor.tensor_shape.dim[0].size = 2**40
    assert ask(GOOD, tensor)[2].startswith("error: m: the server's model is no export of fer_keras")


@pytest.mark.parametrize("seconds", ["inf", "nan", "0", "-1", "1e9"])
def test_a_timeout_that_is_none_is_refused(ask, seconds):
    status, _, err = ask(GOOD, None, "--timeout", seconds)
    assert status == 2 and "expected a number from 0.001 to 86400" in err


@pytest.mark.parametrize("words", [["m\udce9", "face.png"], ["m", "face.png", "--server", "\udce9:1"]])
def test_names_that_are_no_text_are_refused(words):
    status, _, err = run("client.py", *words)
    assert status == 2 and "expected a name of letters" in err


def test_an_empty_path_is_not_the_current_folder(served, tmp_path):
    assert run("client.py", "m", "", "--server", served[1], cwd=tmp_path).status == 2
