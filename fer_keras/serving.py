"""TF Serving's messages: what a client sends for faces, and what comes back.

Reference: https://www.tensorflow.org/tfx/serving/api_rest and the package tensorflow-serving-api.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from fer_keras.errors import FerKerasError

PIXELS_SIGNATURE = "serving_default"
BYTES_SIGNATURE = "bytes"

PIXELS_INPUT = "images"
BYTES_INPUT = "image_bytes"
"""Ends in `_bytes`: so the REST interface knows that it holds bytes, not text."""


def predict_request(model: str, signature: str, inputs: np.ndarray | Sequence[bytes]) -> Any:
    """Return a `PredictRequest`.

    Args:
        model: the model's name on the server.
        signature: `serving_default` or `bytes`.
        inputs: for `serving_default` uint8 [N, 48, 48, 1], for `bytes` N encoded images.

    Raises:
        FerKerasError: the package tensorflow-serving-api is not installed.
    """
    apis, tf = _apis(), _tensorflow()
    name, dtype = (BYTES_INPUT, tf.string) if signature == BYTES_SIGNATURE else (PIXELS_INPUT, tf.uint8)
    request = apis.predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(inputs, dtype))
    return request


def answers(response: Any) -> dict[str, np.ndarray]:
    """Return output name -> array of a `PredictResponse`; texts are str."""
    tf = _tensorflow()
    arrays = {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
    return {name: array.astype(np.str_) if array.dtype == object else array for name, array in arrays.items()}


def rest_request(signature: str, inputs: np.ndarray | Sequence[bytes]) -> dict[str, Any]:
    """Return the JSON value to POST to `/v1/models/<name>:predict`, one instance an image.

    Args:
        signature: `serving_default` or `bytes`.
        inputs: as of `predict_request`.
    """
    if signature == BYTES_SIGNATURE:
        instances = [{BYTES_INPUT: {"b64": base64.b64encode(data).decode()}} for data in inputs]
    else:
        instances = [{PIXELS_INPUT: image} for image in np.asarray(inputs).tolist()]
    return {"signature_name": signature, "instances": instances}


def classify(server: str, model: str, images: Sequence[bytes], *, timeout: float = 10.0) -> dict[str, np.ndarray]:
    """Send encoded images to a TF Serving by gRPC and return what it answers.

    Args:
        server: `host:port` of its gRPC port, 8500 unless it was told otherwise.
        model: the model's name there.
        images: N PNG or JPEG files.
        timeout: seconds to wait.

    Returns:
        `probabilities` float32 [N, 7], `class_id` int64 [N], `class_name` str [N], `classes` str [N, 7].

    Raises:
        FerKerasError: the package tensorflow-serving-api is not installed, or the server cannot be reached or refuses
            the request.
    """
    apis = _apis()
    import grpc

    with grpc.insecure_channel(server) as channel:
        stub = apis.prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            return answers(stub.Predict(predict_request(model, BYTES_SIGNATURE, images), timeout=timeout))
        except grpc.RpcError as error:
            reason = " ".join(str(error.details()).split())
            raise FerKerasError(f"{server}: the server did not answer: {error.code().name}, {reason}") from error


def _apis() -> Any:
    try:
        import tensorflow_serving.apis.predict_pb2
        import tensorflow_serving.apis.prediction_service_pb2_grpc
    except ImportError as error:
        raise FerKerasError(
            "the package tensorflow-serving-api is missing, expected it for TF Serving's messages:"
            " pip install '.[serving]'"
        ) from error
    return tensorflow_serving.apis


def _tensorflow() -> Any:
    import tensorflow as tf

    return tf
