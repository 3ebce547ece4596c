"""What decides whether TF Serving can serve an export, against a stand-in for it in a process of its own."""

import importlib.util
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
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2  # noqa: F401
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from fer_keras import cli
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.evaluation.metrics import softmax
from fer_keras.export.saved_model import encode_png
from fer_keras.labels import CLASSES
from fer_keras.serving import answers, classify, predict_request, rest_request

ROOT = Path(__file__).parents[2]
NAME = "reference-mobilenet"
FACES = draw_faces(np.arange(7), seed=11)
PNGS = [encode_png(face) for face in FACES]


@pytest.fixture(scope="module")
def server(exported, tmp_path_factory):
    """The stand-in at versions 1 and 2, of which 1 is broken, beside what else lies in a model's folder."""
    base = tmp_path_factory.mktemp("base")
    shutil.copytree(exported[0] / "1", base / "2")
    (base / "1").mkdir()
    (base / ".partial-7").mkdir()
    shutil.copyfile(exported[0] / "exports.json", base / "exports.json")
    command = [sys.executable, "-P", "-W", "ignore", Path(__file__).with_name("stand_in_server.py"), NAME, base]
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


def post(server, body):
    url = f"http://localhost:{server['rest']}/v1/models/{NAME}:predict"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode())) as answer:
        return json.load(answer)


def check(arrays, expected):
    np.testing.assert_allclose(arrays["probabilities"], expected, atol=1e-5)
    numbers = expected.argmax(axis=1)
    np.testing.assert_array_equal(arrays["class_id"], numbers)
    assert list(arrays["class_name"]) == [CLASSES[number] for number in numbers]
    assert np.array_equal(arrays["classes"], [CLASSES] * len(expected))


def test_it_loads_the_highest_version_without_our_code(server):
    assert server["version"] == 2 and server["ours"] == []


def test_signatures(server):
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
def test_messages_by_grpc(stub, expected, signature, inputs):
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
def test_json_by_rest(server, expected, signature, inputs):
    rows = post(server, rest_request(signature, inputs))["predictions"]
    assert len(rows) == 7, "a row a face: every output has as many"
    check({name: np.array([row[name] for row in rows]) for name in rows[0]}, expected)


@pytest.mark.parametrize(
    ("signature", "inputs", "sentence"),
    [
        ("bytes", [PNGS[0], b"no picture"], "Unknown image file format. One of JPEG"),
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
            post(server, rest_request(signature, inputs))
        assert refused.value.code == 400 and sentence in json.load(refused.value)["error"]


def test_the_client_and_its_mistakes(server, expected):
    address = f"localhost:{server['grpc']}"
    check(classify(address, NAME, PNGS), expected)
    with pytest.raises(
        FerKerasError, match=rf"{address}: the server did not answer: INVALID_ARGUMENT, .*Unknown image"
    ):
        classify(address, NAME, [b"no picture"])
    with pytest.raises(FerKerasError, match="NOT_FOUND, Servable not found"):
        classify(address, "other", PNGS)
    with pytest.raises(FerKerasError, match="localhost:1: the server did not answer: UNAVAILABLE"):
        classify("localhost:1", NAME, PNGS, timeout=5)


def test_the_command(server, expected, monkeypatch, capsys, tmp_path):
    spec = importlib.util.spec_from_file_location("client_script", ROOT / "scripts" / "client.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    (tmp_path / "face.png").write_bytes(PNGS[3])
    monkeypatch.chdir(tmp_path)
    words = [NAME, "face.png", "none.png", "--server", f"localhost:{server['grpc']}", "--json"]
    monkeypatch.setattr(sys, "argv", ["client.py", *words])
    with pytest.raises(SystemExit) as ended:
        cli.run(script.main)
    out, err = capsys.readouterr()
    (answer,) = json.loads(out)
    assert answer["image"] == "face.png" and answer["label"] == CLASSES[expected[3].argmax()]
    assert answer["probability"] == pytest.approx(expected[3].max(), abs=1e-5)
    assert err.startswith("error: none.png: cannot be read") and ended.value.code == 1


def copied_message(proto, name):
    """A message of TF Serving's that its package leaves out; `proto` is the text of a FileDescriptorProto."""
    pool = descriptor_pool.Default()
    pool.Add(text_format.Parse(proto, descriptor_pb2.FileDescriptorProto()))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()


def wrapped(names):
    fields = "".join(
        f'field {{ name: "{name}" number: {number} label: LABEL_OPTIONAL type: TYPE_MESSAGE '
        'type_name: ".google.protobuf.Int64Value" }'
        for number, name in enumerate(names, 1)
    )
    return (
        'name: "copied_batching.proto" package: "copied" syntax: "proto3" dependency: "google/protobuf/wrappers.proto" '
        f'message_type {{ name: "BatchingParameters" {fields} }}'
    )


MONITORING = """
name: "copied_monitoring.proto" package: "copied" syntax: "proto3"
message_type { name: "PrometheusConfig"
  field { name: "enable" number: 1 label: LABEL_OPTIONAL type: TYPE_BOOL }
  field { name: "path" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING } }
message_type { name: "MonitoringConfig"
  field { name: "prometheus_config" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE
    type_name: ".copied.PrometheusConfig" } }
"""


def test_configuration_files_are_what_the_server_parses():
    folder = ROOT / "serving"
    models = text_format.Parse((folder / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    assert models.model_config_list.config
    for config in models.model_config_list.config:
        assert config.base_path == f"/models/{config.name}"
        assert list((ROOT / "saved_models" / config.name).glob("[0-9]*/saved_model.pb")), (
            "a version is in the repository"
        )
    monitoring = copied_message(MONITORING, "copied.MonitoringConfig")
    assert text_format.Parse((folder / "monitoring.config").read_text(), monitoring).prometheus_config.enable
    names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    batching = copied_message(wrapped(names), "copied.BatchingParameters")
    parsed = text_format.Parse((folder / "batching_parameters.txt").read_text(), batching)
    assert [getattr(parsed, name).value for name in names] == [64, 2000, 100, 2]
