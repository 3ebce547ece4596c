"""A stand-in for TF Serving, which no package registry has: python -P stand_in_server.py NAME BASE_PATH MAX_BATCH_SIZE.

It does what decides whether a model can be served, in the way of the real one: it takes the highest numbered folder of
the base path, loads its MetaGraph by tag and signature (not by tf.saved_model.load), replays the warm-up requests,
feeds tensors without comparing shapes in Python, and answers PredictRequests by gRPC and JSON by HTTP. It is not TF
Serving: no batching but for the refusal of larger requests (TensorFlow's shared_batch_scheduler.h), no configuration
files, no second version, and its JSON rules are copied from the documentation
(https://www.tensorflow.org/tfx/serving/api_rest). Prints one JSON line when it is ready.
"""

import base64
import json
import sys
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.modules["keras"] = None  # a server has none

import grpc  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2, prediction_service_pb2_grpc  # noqa: E402


class Servable:
    """One version of a model, run by the graph's own session as the C++ server does."""

    def __init__(self, base_path, max_batch_size):
        self.max_batch_size = max_batch_size
        numbers = [int(path.name) for path in Path(base_path).iterdir() if path.is_dir() and path.name.isdecimal()]
        self.version = max(numbers)
        self.folder = Path(base_path) / str(self.version)
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.session = tf.compat.v1.Session()
            loaded = tf.compat.v1.saved_model.loader.load(self.session, ["serve"], str(self.folder))
        self.signatures = dict(loaded.signature_def)

    def run(self, signature_name, inputs):
        signature = self.signatures.get(signature_name or "serving_default")
        if signature is None:
            raise ValueError(f"Serving signature name: {signature_name!r} not found in signature def")
        if inputs.keys() != signature.inputs.keys():
            raise ValueError(f"inputs {sorted(inputs)} are not the signature's {sorted(signature.inputs)}")
        for name, array in inputs.items():
            expected = tf.as_dtype(signature.inputs[name].dtype)
            if tf.as_dtype(array.dtype if array.dtype != object else tf.string) != expected:
                raise ValueError(f"{name}: expected {expected.name}, found {array.dtype}")
            if len(array) > self.max_batch_size:
                raise ValueError(
                    f"Task size {len(array)} is larger than maximum input batch size {self.max_batch_size}"
                )
        names = sorted(signature.outputs)
        # session.run would compare shapes in Python, which the C++ server has not.
        feeds = {self._tensor(signature.inputs[name]): array for name, array in inputs.items()}
        fetches = [self._tensor(signature.outputs[name]) for name in names]
        return dict(zip(names, self.session._call_tf_sessionrun(None, feeds, fetches, [], None), strict=True))

    def _tensor(self, info):
        return self.graph.get_tensor_by_name(info.name)._as_tf_output()

    def predict(self, request):
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        response = predict_pb2.PredictResponse(model_spec=request.model_spec)
        response.model_spec.version.value = self.version
        for name, array in self.run(request.model_spec.signature_name, inputs).items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
        return response

    def warm_up(self):
        """Replay the warm-up requests; return each one's signature and the shape of its answer."""
        requests = []
        for record in tf.data.TFRecordDataset(str(self.folder / "assets.extra" / "tf_serving_warmup_requests")):
            log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
            request = log.predict_log.request
            shape = list(tf.make_ndarray(self.predict(request).outputs["probabilities"]).shape)
            requests.append([request.model_spec.name, request.model_spec.signature_name, shape])
        return requests


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, name, servable):
        self.name, self.servable = name, servable

    def Predict(self, request, context):  # noqa: N802
        if request.model_spec.name != self.name:
            context.abort(
                grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Latest({request.model_spec.name})"
            )
        try:
            return self.servable.predict(request)
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, getattr(error, "message", str(error)))


def rest(servable, body):
    """Answer the JSON of a `:predict` in its row form."""
    rows = body["instances"]
    (name,) = rows[0]
    values = [base64.b64decode(row[name]["b64"]) if isinstance(row[name], dict) else row[name] for row in rows]
    dtype = servable.signatures[body["signature_name"]].inputs[name].dtype
    array = np.array(values, object if tf.as_dtype(dtype) == tf.string else tf.as_dtype(dtype).as_numpy_dtype)
    outputs = servable.run(body["signature_name"], {name: array})
    if len({len(array) for array in outputs.values()}) > 1:
        raise ValueError("outputs have inconsistent batch sizes")
    texts = {
        name: np.char.decode(array.astype(bytes)) if array.dtype == object else array for name, array in outputs.items()
    }
    return {"predictions": [{name: array[row].tolist() for name, array in texts.items()} for row in range(len(rows))]}


def http_server(name, servable):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            try:
                if self.path != f"/v1/models/{name}:predict":
                    raise ValueError(f"{self.path}: Servable not found")
                status, answer = 200, rest(servable, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            except (ValueError, tf.errors.InvalidArgumentError) as error:
                status, answer = 400, {"error": getattr(error, "message", str(error))}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *args):
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def main():
    name, base_path, max_batch_size = sys.argv[1:]
    servable = Servable(base_path, int(max_batch_size))
    server = grpc.server(futures.ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(name, servable), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    web = http_server(name, servable)
    infos = {
        signature: {
            side: {
                key: [tf.as_dtype(info.dtype).name, [dim.size for dim in info.tensor_shape.dim]]
                for key, info in getattr(definition, side).items()
            }
            for side in ("inputs", "outputs")
        }
        for signature, definition in servable.signatures.items()
        if not signature.startswith("__")
    }
    facts = {"grpc": port, "rest": web.server_port, "version": servable.version, "signatures": infos}
    facts["warmup"] = servable.warm_up()
    facts["ours"] = sorted(
        {"fer_keras", "keras"} & {key.partition(".")[0] for key, module in sys.modules.items() if module}
    )
    print(json.dumps(facts), flush=True)
    web.serve_forever()


if __name__ == "__main__":
    main()
