"""LiteRT (once TensorFlow Lite): float32 files, and ones in whole numbers for phones and microcontrollers.

Reference: Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
inference", 2017, arXiv 1712.05877.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize

from fer_keras.export.decompose import decompose_hard_silu
from fer_keras.export.equalise import equalised
from fer_keras.export.flatbuffer import single, smaller
from fer_keras.export.formats import ExportInputs
from fer_keras.export.metadata import describe_litert
from fer_keras.export.ranges import with_smallest_error

CALIBRATION_FACES = 2048
"""How many faces decide the ranges of the activations. With a quarter of them it depends on which: the error of the
flagship's logits differed by a third between two samples."""


def save_float32(model: keras.Model, path: Path, inputs: ExportInputs | None = None) -> None:
    """Write `float32_file` of a model to a `.tflite` file, which says what `inputs` say of it."""
    path.write_bytes(describe_litert(float32_file(model), inputs) if inputs else float32_file(model))


def save_float32_single(model: keras.Model, path: Path, inputs: ExportInputs) -> None:
    """Write what `save_float32` does, for one face at a time: browsers and microcontrollers refuse any other batch."""
    path.write_bytes(describe_litert(single(float32_file(model)), inputs))


def save_int8(model: keras.Model, path: Path, inputs: ExportInputs) -> None:
    """Write `int8_file` of a model and of the calibration faces, as `save_float32` does."""
    path.write_bytes(describe_litert(int8_file(model, inputs), inputs))


def save_int8_single(model: keras.Model, path: Path, inputs: ExportInputs) -> None:
    """Write what `save_int8` does, for one face at a time."""
    path.write_bytes(describe_litert(single(int8_file(model, inputs)), inputs))


def float32_file(model: keras.Model) -> bytes:
    """Return a model as a LiteRT file from uint8 `images` [N, 48, 48, 1] to float32 `logits` [N, C].

    Args:
        model: maps grey values 0..255 [N, 48, 48, 1] to logits [N, C].
    """
    return smaller(convert(model, tf.uint8))


def int8_file(model: keras.Model, inputs: ExportInputs) -> bytes:
    """Return a model as a LiteRT file that computes in 8-bit integers, from uint8 `images` to float32 `logits`.

    The pixels go in as they are (scale 1, zero point 0); only the last step turns the integers into floats.

    Args:
        model: as of `float32_file`.
        inputs: its `calibration_faces` decide the range of each activation: training images, since what is chosen by
            test images cannot be scored on them.
    """
    faces = inputs.calibration_faces

    def representatives() -> Iterator[list[np.ndarray]]:
        for number, face in enumerate(faces):
            image = face[np.newaxis].astype(np.float32)
            if number == 0:  # the range of pixels is the full one whatever the faces, so that they go in as they are
                image[0, 0, :2, 0] = 0.0, 255.0
            yield [image]

    # In two steps, as TensorFlow's own `tf.lite.experimental.QuantizationDebugger` does: the converter has no option
    # for other ranges than from the smallest value to the largest.
    subject = decompose_hard_silu(equalised(model, faces))
    calibrated = with_smallest_error(convert(subject, tf.float32, representatives), faces)
    return smaller(mlir_quantize(calibrated, input_data_type=tf.uint8, output_data_type=tf.float32))


def convert(
    model: keras.Model, dtype: tf.DType, representatives: Callable[[], Iterator[list[np.ndarray]]] | None = None
) -> bytes:
    """Return a model as a float32 LiteRT file from `images` to `logits`.

    Args:
        model: maps images [N, H, W, C] to [N, K].
        dtype: of `images`.
        representatives: gives inputs; the smallest and largest value that each activation has of them is written into
            the file, which is to be quantised then.
    """
    module = tf.Module()
    module.weights_of_model = [variable.value for variable in model.variables]
    module.forward = pixels_to_logits(model, dtype)
    with tempfile.TemporaryDirectory() as scratch:
        # Not from the function itself: that converter leaves variables unfrozen without a word.
        tf.saved_model.save(module, scratch, signatures=module.forward)
        converter = tf.lite.TFLiteConverter.from_saved_model(scratch)
        if representatives:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representatives
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter._experimental_calibrate_only = True
        return converter.convert()


def pixels_to_logits(model: keras.Model, dtype: tf.DType) -> Callable:
    """Return a TensorFlow function from `images` [N, H, W, C] of a type to float32 `logits` [N, K]."""

    @tf.function(input_signature=[tf.TensorSpec([None, *model.input_shape[1:]], dtype, "images")])
    def forward(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"logits": tf.cast(model(tf.cast(images, tf.float32), training=False), tf.float32)}

    return forward
