"""ONNX, for ONNX Runtime and whatever else reads it."""

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE

OPSET = 15
"""The one that tf2onnx prefers; runtimes of years ago read it."""


def save_onnx(model: keras.Model, path: Path) -> None:
    """Write a model as an ONNX file from uint8 `images` [N, 48, 48, 1] to float32 `logits` [N, C].

    Not by `model.export(format="onnx")`, which goes the same way but calls the output `Identity:0`.

    Args:
        model: maps grey values 0..255 [N, 48, 48, 1] to logits [N, C].
        path: the `.onnx` file.

    Raises:
        FerKerasError: the package tf2onnx is not installed.
    """
    try:
        import tf2onnx
    except ImportError as error:
        raise FerKerasError(
            "--format onnx: the package tf2onnx is missing, expected it: pip install 'fer_keras[export]'"
        ) from error
    signature = [tf.TensorSpec([None, *IMAGE_SHAPE], tf.uint8, "images")]

    @tf.function(input_signature=signature)
    def forward(images: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = model(tf.cast(images, tf.float32), training=False)
        return {"logits": tf.cast(logits, tf.float32)}

    tf2onnx.convert.from_function(forward, signature, opset=OPSET, output_path=str(path))


def name_classes(path: Path, classes: Sequence[str]) -> None:
    """Put the names of the classes into an ONNX file's `metadata_props`, as a JSON list by the name `classes`."""
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"classes": json.dumps(list(classes))})
    path.write_bytes(model.SerializeToString())
