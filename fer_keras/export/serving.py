"""TF Serving's messages: what a client sends for faces, and what comes back.

Reference: https://www.tensorflow.org/tfx/serving/api_rest and the package tensorflow-serving-api.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from fer_keras.errors import FerKerasError, not_installed

PIXELS_SIGNATURE = "serving_default"
BYTES_SIGNATURE = "bytes"

PIXELS_INPUT = "images"
BYTES_INPUT = "image_bytes"
"""Ends in `_bytes`: so the REST interface knows that it holds bytes, not text."""

_OUTPUTS = {"probabilities": ("f", 2), "class_id": ("i", 1), "class_name": ("U", 1), "classes": ("U", 2)}
"""The kind of numbers and the axes of what an exported model gives; the first axis is the images'."""

MOST_IMAGES = 64
"""In one request of ours: a server that batches refuses more than the `max_batch_size` of its batching parameters."""

MOST_BYTES = 2**23
"""In one request, before its last image."""


def predict_request(model: str, signature: str, inputs: np.ndarray | Sequence[bytes]) -> Any:
    """Return a `PredictRequest`.

    Args:
        model: the model's name on the server.
        signature: `serving_default` or `bytes`.
        inputs: for `serving_default` uint8 [N, 48, 48, 1], for `bytes` N encoded images.

    Raises:
        FerKerasError: the package tensorflow-serving-api is not installed.
    """
    apis = _apis()
    import tensorflow as tf

    name, dtype = (BYTES_INPUT, tf.string) if signature == BYTES_SIGNATURE else (PIXELS_INPUT, tf.uint8)
    request = apis.predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(inputs, dtype))
    return request


def answers(response: Any) -> dict[str, np.ndarray]:
    """Return output name -> array of a `PredictResponse`; texts are str."""
    import tensorflow as tf

    arrays = {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
    return {name: array.astype(np.str_) if array.dtype == object else array for name, array in arrays.items()}


def classify(
    server: str, model: str, pictures: Iterable[tuple[str, bytes]], *, timeout: float = 10.0
) -> Iterator[tuple[str, dict[str, np.ndarray] | FerKerasError]]:
    """Send encoded images to a TF Serving by gRPC and yield what it answers, request by request.

    A request holds at most `MOST_IMAGES` images, and no further one once it has `MOST_BYTES`. One that the server calls
    invalid is asked again image by image: so a bad image takes no others with it, nor does one of another client that
    the server had put into the same batch.

    Args:
        server: `host:port` of its gRPC port, 8500 unless it was told otherwise.
        model: the model's name there.
        pictures: what messages call each image, and its PNG or JPEG file.
        timeout: seconds to wait for each request; infinity for no end.

    Yields:
        The name of each image, and `probabilities` float32 [C], `class_id` int64 [], `class_name` str [] and `classes`
        str [C]; or the error that tells why the server refuses it.

    Raises:
        FerKerasError: the package tensorflow-serving-api is not installed, or the server cannot be reached, does not
            answer in time, does not serve the model or answers what no export of ours does.
    """
    apis = _apis()
    import grpc

    with grpc.insecure_channel(server) as channel:
        patience = None if timeout == math.inf else timeout
        predict = partial(apis.prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict, timeout=patience)
        try:
            for chunk in _chunks(pictures):
                names, images = zip(*chunk, strict=True)
                yield from zip(names, _asked(predict, model, names, images), strict=True)
        except grpc.RpcError as error:
            raise FerKerasError(f"{server}: the server did not answer: {_reason(error)}") from error


def _chunks(pictures: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    chunk: list[tuple[str, bytes]] = []
    for picture in pictures:
        chunk.append(picture)
        if len(chunk) == MOST_IMAGES or sum(len(file) for _, file in chunk) >= MOST_BYTES:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _asked(
    predict: Callable[[Any], Any], model: str, names: Sequence[str], images: Sequence[bytes]
) -> list[dict[str, np.ndarray] | FerKerasError]:
    """Ask for images in one request or, if the server calls that invalid, in one for each."""
    import grpc

    try:
        response = predict(predict_request(model, BYTES_SIGNATURE, images))
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.INVALID_ARGUMENT:
            raise
        if len(images) > 1:
            pairs = zip(names, images, strict=True)
            return [row for name, image in pairs for row in _asked(predict, model, [name], [image])]
        return [FerKerasError(f"{names[0]}: the server refuses it, expected a whole PNG or JPEG: {_reason(error)}")]
    return _rows(response, len(images), model)


def _rows(response: Any, images: int, model: str) -> list[dict[str, np.ndarray]]:
    """The answer to each image.

    Raises:
        FerKerasError: it is not what an export of ours gives.
    """
    try:
        outputs = answers(response)
    except Exception:  # whatever comes of tensors that claim to be what they are not
        outputs = {}
    for name, (kind, axes) in _OUTPUTS.items():
        array = outputs.get(name, np.empty(()))
        fits = array.dtype.kind == kind and array.ndim == axes and len(array) == images and array.size
        if not fits or (kind == "f" and not ((array >= 0) & (array <= 1)).all()):
            raise FerKerasError(
                f"{model}: the server's model is no export of fer_keras, expected for each image {', '.join(_OUTPUTS)}"
            )
    return [{name: outputs[name][row] for name in _OUTPUTS} for row in range(images)]


def _reason(error: Any) -> str:
    return f"{error.code().name}, {' '.join(str(error.details()).split())}"


def _apis() -> Any:
    try:
        import tensorflow_serving.apis.predict_pb2
        import tensorflow_serving.apis.prediction_service_pb2_grpc
    except ImportError as error:
        raise not_installed(error) from error
    return tensorflow_serving.apis
