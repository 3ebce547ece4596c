"""What decides whether TF Serving can serve an export, against a stand-in for it in a process of its own."""

import base64
import io
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import grpc
import numpy as np
import pytest
from command import run
from PIL import Image
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from fer_keras.data.image import decode_face, encode_png
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.confidence import softmax
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export import serving
from fer_keras.export.serving import answers, classify, predict_request
from fer_keras.labels import FER2013

NAME = "reference-mobilenet"
FACES = draw_faces(np.arange(7), seed=11)
PNGS = [encode_png(face) for face in FACES]
FILES = [f"{number}.png" for number in range(len(PNGS))]


@pytest.fixture(scope="module")
def server(exported, tmp_path_factory):
    """The stand-in at versions 1 and 2, of which 1 is broken, beside what else lies in a model's folder."""
    base = tmp_path_factory.mktemp("base")
    shutil.copytree(exported[0] / "1", base / "2")
    (base / "1").mkdir()
    (base / ".partial-7").mkdir()
    shutil.copyfile(exported[0] / "exports.json", base / "exports.json")
    command = [sys.executable, "-P", "-W", "ignore", Path(__file__).with_name("stand_in_server.py"), NAME, base, "64"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        line = process.stdout.readline()
        assert line, "the stand-in did not start"
        yield json.loads(line)
        process.kill()


@pytest.fixture(scope="module")
def stub(server):
    with grpc.insecure_channel(f"localhost:{server['grpc']}") as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def expected(keras_model):
    return softmax(predict_logits(keras_model, FACES))


def post(server, signature, inputs):
    """Ask by REST, one instance an image: an array's pixels, or a file in base64."""
    if signature == "bytes":
        instances = [{"image_bytes": {"b64": base64.b64encode(file).decode()}} for file in inputs]
    else:
        instances = [{"images": image} for image in inputs.tolist()]
    body = {"signature_name": signature, "instances": instances}
    url = f"http://localhost:{server['rest']}/v1/models/{NAME}:predict"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode())) as answer:
        return json.load(answer)


def check(arrays, expected):
    np.testing.assert_allclose(arrays["probabilities"], expected, atol=1e-5)
    numbers = expected.argmax(axis=1)
    np.testing.assert_array_equal(arrays["class_id"], numbers)
    assert list(arrays["class_name"]) == [FER2013.classes[number] for number in numbers]
    assert np.array_equal(arrays["classes"], [FER2013.classes] * len(expected))


def test_it_loads_the_highest_version_without_our_code(server):
    assert server["version"] == 2 and server["ours"] == []


def test_both_signatures_say_what_they_take_and_give(server):
    outputs = {
        "probabilities": ["float32", [-1, 7]],
        "class_id": ["int64", [-1]],
        "class_name": ["string", [-1]],
        "classes": ["string", [-1, 7]],
    }
    assert server["signatures"] == {
        "serving_default": {"inputs": {"images": ["uint8", [-1, 48, 48, 1]]}, "outputs": outputs},
        "bytes": {"inputs": {"image_bytes": ["string", [-1]]}, "outputs": outputs},
    }


def test_warm_up_requests_are_of_both_signatures(server):
    assert server["warmup"] == [[NAME, "serving_default", [2, 7]], [NAME, "bytes", [2, 7]]]


@pytest.mark.parametrize(("signature", "inputs"), [("serving_default", FACES), ("bytes", PNGS)])
def test_a_server_answers_our_messages_by_grpc(stub, expected, signature, inputs):
    request = predict_request(NAME, signature, inputs)
    assert predict_pb2.PredictRequest.FromString(request.SerializeToString()) == request
    response = stub.Predict(request)
    assert response.model_spec.version.value == 2
    arrays = answers(response)
    assert {name: array.dtype.kind for name, array in arrays.items()} == {
        "probabilities": "f", "class_id": "i", "class_name": "U", "classes": "U",
    }  # fmt: skip
    check(arrays, expected)


@pytest.mark.parametrize(("signature", "inputs"), [("serving_default", FACES), ("bytes", PNGS)])
def test_a_server_answers_json_by_rest(server, expected, signature, inputs):
    rows = post(server, signature, inputs)["predictions"]
    assert len(rows) == 7, "a row a face: every output has as many"
    check({name: np.array([row[name] for row in rows]) for name in rows[0]}, expected)


@pytest.mark.parametrize(
    ("signature", "inputs", "sentence"),
    [
        ("bytes", [PNGS[0], b"no picture"], "expected a PNG or JPEG, found something else"),
        ("bytes", [PNGS[0][:200]], "Invalid PNG data"),
        ("bytes", [], "image_bytes: expected at least one image, found none"),
        ("serving_default", FACES[:0], "images: expected at least one image, found none"),
        ("serving_default", FACES[:, :24, :24], r"[7,24,24,1] is not compatible with expected shape [?,48,48,1]"),
        ("serving_default", FACES[0], r"[48,48,1] is not compatible with expected shape [?,48,48,1]"),
    ],
)
def test_what_cannot_be_answered_gets_a_clear_error(stub, server, signature, inputs, sentence):
    with pytest.raises(grpc.RpcError) as refused:
        stub.Predict(predict_request(NAME, signature, inputs))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert sentence in refused.value.details()
    if len(inputs):
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(server, signature, inputs)
        assert refused.value.code == 400 and sentence in json.load(refused.value)["error"]


def test_a_request_above_the_servers_batch_size_is_refused(stub):
    with pytest.raises(grpc.RpcError, match="Task size 65 is larger than maximum input batch size 64"):
        stub.Predict(predict_request(NAME, "bytes", [PNGS[0]] * 65))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_colour_pictures_of_other_sizes_are_decoded_by_what_is_served(stub, keras_model, kind):
    file = io.BytesIO()
    Image.fromarray(FACES[3, ..., 0]).resize((200, 160)).convert("RGB").save(file, kind)
    face, _ = decode_face(file.getvalue(), "it", resize=True)
    expected = softmax(predict_logits(keras_model, face[np.newaxis, ..., np.newaxis]))
    outputs = answers(stub.Predict(predict_request(NAME, "bytes", [file.getvalue()])))
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=0.02)


def test_pictures_that_would_fill_the_memory_are_refused(stub):
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + 2 * (23_000).to_bytes(4) + bytes(20)
    with pytest.raises(grpc.RpcError, match="a picture has more than 16,777,216 pixels") as refused:
        stub.Predict(predict_request(NAME, "bytes", [header]))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_the_client_yields_an_answer_for_each_picture(server, expected):
    names, rows = zip(*classify(f"localhost:{server['grpc']}", NAME, zip(FILES, PNGS, strict=True)), strict=True)
    assert list(names) == FILES
    assert [row["class_name"].shape for row in rows] == [()] * 7
    check({name: np.array([row[name] for row in rows]) for name in rows[0]}, expected)


@pytest.fixture
def sizes(monkeypatch):
    """How many images each request of the client has."""
    sent = []

    def request(model, signature, inputs):
        sent.append(len(inputs))
        return predict_request(model, signature, inputs)

    monkeypatch.setattr(serving, "predict_request", request)
    return sent


def test_the_client_asks_for_no_more_than_the_server_takes(server, expected, sizes):
    pictures = [(str(number), PNGS[number % 7]) for number in range(70)]
    rows = dict(classify(f"localhost:{server['grpc']}", NAME, pictures))
    assert sizes == [64, 6]
    assert [row["class_id"] for row in rows.values()] == [expected[number % 7].argmax() for number in range(70)]


def test_large_pictures_go_a_few_at_a_time_and_are_read_when_it_is_their_turn(server, sizes, monkeypatch):
    monkeypatch.setattr(serving, "MOST_BYTES", 1 + len(PNGS[0]))
    read = []
    pictures = ((name, read.append(name) or PNGS[0]) for name in "abcde")
    answered = classify(f"localhost:{server['grpc']}", NAME, pictures)
    assert next(answered)[0] == "a" and read == ["a", "b"]
    assert [name for name, _ in answered] == ["b", "c", "d", "e"] and sizes == [2, 2, 1]


def test_a_bad_picture_takes_no_other_with_it(server, expected, sizes):
    address = f"localhost:{server['grpc']}"
    pictures = [("a.png", PNGS[3]), ("bad.png", b"no picture"), ("c.png", PNGS[5])]
    rows = [row for _, row in classify(address, NAME, pictures)]
    assert sizes == [3, 1, 1, 1]
    assert [rows[at]["class_id"] for at in (0, 2)] == [expected[3].argmax(), expected[5].argmax()]
    assert isinstance(rows[1], FerKerasError) and "expected a PNG or JPEG, found" in str(rows[1])
    assert str(rows[1]).startswith("bad.png: the server refuses it, expected a whole PNG or JPEG: INVALID_ARGUMENT, ")


def test_a_server_that_does_not_answer(server, sizes):
    with pytest.raises(FerKerasError, match=r"localhost:.*: the server did not answer: NOT_FOUND, Servable not found"):
        list(classify(f"localhost:{server['grpc']}", "other", zip(FILES, PNGS, strict=True)))
    assert sizes == [7], "and is not asked again for each"
    with pytest.raises(FerKerasError, match="localhost:1: the server did not answer: UNAVAILABLE"):
        list(classify("localhost:1", NAME, zip(FILES, PNGS, strict=True), timeout=5))


def test_the_command_prints_an_answer_for_each_picture(server, expected, tmp_path):
    (tmp_path / "face.png").write_bytes(PNGS[3])
    (tmp_path / "bad.png").write_bytes(PNGS[3][:200])
    words = [NAME, "bad.png", "face.png", "none.png", "--server", f"localhost:{server['grpc']}", "--json"]
    status, out, err = run("client.py", *words, cwd=tmp_path)
    (answer,) = json.loads(out)
    assert answer["image"] == "face.png" and answer["label"] == FER2013.classes[expected[3].argmax()]
    assert answer["probability"] == pytest.approx(expected[3].max(), abs=1e-5)
    assert [line[:45] for line in err.splitlines()] == [
        "error: none.png: cannot be read (No such file", "error: bad.png: the server refuses it, expect",
    ] and status == 1  # fmt: skip
