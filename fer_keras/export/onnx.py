"""ONNX, for ONNX Runtime and whatever else reads it."""

import json
from pathlib import Path

import keras
import tensorflow as tf

from fer_keras.errors import not_installed
from fer_keras.export.formats import ExportInputs
from fer_keras.export.litert import pixels_to_logits
from fer_keras.export.metadata import file_facts

OPSET = 15
"""The one that tf2onnx prefers; runtimes of years ago read it."""


def save_onnx(model: keras.Model, path: Path, inputs: ExportInputs) -> None:
    """Write a model as an ONNX file from uint8 `images` [batch, 48, 48, 1] to float32 `logits` [batch, C].

    Its `metadata_props` hold what `fer_keras.export.metadata.file_facts` gives: texts as they are, all else as JSON.
    Not by `model.export(format="onnx")`, which goes the same way but calls the output `Identity:0`.

    Args:
        model: maps grey values 0..255 [N, 48, 48, 1] to logits [N, C].
        path: the `.onnx` file.
        inputs: what the file shall say.

    Raises:
        FerKerasError: the package tf2onnx is not installed.
    """
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise not_installed(error) from error
    forward = pixels_to_logits(model, tf.uint8)
    made, _ = tf2onnx.convert.from_function(forward, forward.input_signature, opset=OPSET)
    for value in (*made.graph.input, *made.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    facts = file_facts(inputs).items()
    onnx.helper.set_model_props(made, {k: value if isinstance(value, str) else json.dumps(value) for k, value in facts})
    onnx.save(made, path)
