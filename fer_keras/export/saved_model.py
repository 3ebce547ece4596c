"""SavedModel for TF Serving: pixels or encoded images in, probabilities and names out, nothing of ours needed.

Reference: TF Serving's SavedModel warm-up, https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fer_keras.data.image import MAX_IMAGE_PIXELS, WHITE_BITS, encode_png
from fer_keras.errors import FerKerasError, not_installed
from fer_keras.export.formats import ExportInputs
from fer_keras.export.runtimes import WARMUP_FILE
from fer_keras.export.serving import BYTES_INPUT, BYTES_SIGNATURE, PIXELS_INPUT, PIXELS_SIGNATURE, predict_request
from fer_keras.labels import IMAGE_SHAPE, IMAGE_SIZE

# ITU-R 601 in Pillow's 16-bit fixed point, so that both ways to grey give the same pixels.
_LUMA = (19595, 38470, 7471)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = 24
"""Bytes up to the end of a PNG's width and height."""


def save_for_serving(model: keras.Model, folder: Path, inputs: ExportInputs) -> None:
    """Write a model to `folder` as a SavedModel with two signatures, and warm-up requests for both.

    `serving_default` takes uint8 `images` [N, 48, 48, 1]; `bytes` takes `image_bytes`, string [N], each a PNG or
    JPEG of any size, made grey and scaled to 48x48 in the graph. Both give `probabilities` float32 [N, C], `class_id`
    int64 [N], `class_name` string [N] and `classes` string [N, C]; the last repeats the names in each row, since
    TF Serving's REST interface wants every output to have a row for each image.

    Args:
        model: maps grey values 0..255 [N, 48, 48, 1] to logits [N, C].
        folder: where to; must not exist.
        inputs: the model's name, its C classes, and the faces of the warm-up requests: drawn, not anyone's.

    Raises:
        FerKerasError: the package tensorflow-serving-api is not installed.
    """
    module = tf.Module()
    # The variables alone, not the model: Keras's tracking would store each of them twice.
    module.weights_of_model = [variable.value for variable in model.variables]
    pixels, encoded = _endpoints(model, inputs.classes)
    # Without the module holding them, their variables would count as untracked.
    module.pixels, module.encoded = pixels, encoded
    tf.saved_model.save(module, folder, signatures={PIXELS_SIGNATURE: pixels, BYTES_SIGNATURE: encoded})
    _write_warmup(folder / WARMUP_FILE, inputs.warmup_faces, inputs.name)


def _endpoints(model: keras.Model, classes: Sequence[str]) -> tuple[Callable, Callable]:
    # Of its own, so that the network is in the file once and not in each signature.
    @tf.function(input_signature=[tf.TensorSpec([None, *IMAGE_SHAPE], tf.float32)])
    def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = tf.nn.softmax(tf.cast(model(images, training=False), tf.float32))
        names, class_id = tf.constant(list(classes)), tf.argmax(probabilities, axis=1)
        return {
            "probabilities": probabilities,
            "class_id": class_id,
            "class_name": tf.gather(names, class_id),
            "classes": tf.tile(names[tf.newaxis], [tf.shape(probabilities)[0], 1]),
        }

    @tf.function(input_signature=[tf.TensorSpec([None, *IMAGE_SHAPE], tf.uint8, PIXELS_INPUT)])
    def pixels(images: tf.Tensor) -> dict[str, tf.Tensor]:
        # A server feeds what it is sent without comparing shapes, and global pooling would take any size.
        images = tf.ensure_shape(_require_images(images, PIXELS_INPUT), [None, *IMAGE_SHAPE])
        return answer(tf.cast(images, tf.float32))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, BYTES_INPUT)])
    def encoded(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = tf.TensorSpec(IMAGE_SHAPE, tf.float32)
        image_bytes = _require_images(image_bytes, BYTES_INPUT)
        # One after the other: decoded pictures take a hundred times the memory of their files.
        faces = tf.map_fn(decode_face_in_graph, image_bytes, parallel_iterations=1, fn_output_signature=spec)
        return answer(faces)

    return pixels, encoded


def _require_images(batch: tf.Tensor, name: str) -> tf.Tensor:
    """`batch`, asserted not to be empty: some convolution kernels fail obscurely there."""
    check = tf.debugging.Assert(tf.size(batch) > 0, [f"{name}: expected at least one image, found none"])
    with tf.control_dependencies([check]):
        return tf.identity(batch)


def decode_face_in_graph(image_bytes: tf.Tensor) -> tf.Tensor:
    """Return float32 [48, 48, 1], whole grey values 0..255, for one encoded image, string [].

    It does in TensorFlow's operations what `fer_keras.data.image.decode_face` does with Pillow: luma, then antialiased
    bilinear scaling that does not keep the sides' ratio. But no operation reads EXIF's orientation, so pixels are taken
    as stored.

    What is no PNG or JPEG, is damaged, or has more than `MAX_IMAGE_PIXELS` fails with INVALID_ARGUMENT.
    """
    is_jpeg = tf.io.is_jpeg(image_bytes)
    # Read from the header: a file of 64 kB can hold 500 million pixels.
    size = tf.cond(is_jpeg, lambda: tf.image.extract_jpeg_shape(image_bytes)[:2], lambda: _png_size(image_bytes))
    pixels = tf.reduce_prod(tf.cast(size, tf.int64))
    problem = f"a picture has more than {MAX_IMAGE_PIXELS:,} pixels"
    with tf.control_dependencies([tf.debugging.Assert(pixels <= MAX_IMAGE_PIXELS, [problem])]):
        image_bytes = tf.identity(image_bytes)
    colours = tf.cond(
        is_jpeg,
        # By default the fast transform, which is up to six grey values off the accurate one that Pillow takes.
        lambda: tf.io.decode_jpeg(image_bytes, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: _png_colours(image_bytes),
    )
    colours.set_shape([None, None, 3])
    weighed = tf.reduce_sum(tf.cast(colours, tf.int32) * tf.constant(_LUMA), axis=-1, keepdims=True)
    grey = tf.cast(tf.bitwise.right_shift(weighed + 0x8000, 16), tf.float32)
    scaled = tf.image.resize(grey, [IMAGE_SIZE, IMAGE_SIZE], "bilinear", antialias=True)
    return tf.clip_by_value(tf.round(scaled), 0.0, 255.0)


def _png_colours(image_bytes: tf.Tensor) -> tf.Tensor:
    """The pixels of a PNG, uint8 [H, W, 3]; the white of 16 bits is that of the fewest bits that hold the largest."""

    def scaled() -> tf.Tensor:
        values = tf.cast(tf.io.decode_png(image_bytes, channels=3, dtype=tf.uint16), tf.int32)
        whites = tf.constant([2**bits - 1 for bits in WHITE_BITS])
        white = whites[tf.reduce_sum(tf.cast(tf.reduce_max(values) > whites, tf.int32))]
        return tf.cast((values * 255 + white // 2) // white, tf.uint8)

    padded = image_bytes + tf.constant(bytes(_PNG_HEADER + 1))  # what is no PNG may be shorter
    sixteen = tf.strings.substr(padded, _PNG_HEADER, 1) == tf.constant(b"\x10")
    return tf.cond(sixteen, scaled, lambda: tf.io.decode_png(image_bytes, channels=3))


def _png_size(image_bytes: tf.Tensor) -> tf.Tensor:
    """Height and width, int32 [2], as a PNG's header tells them (ISO/IEC 15948, 5.3 and 11.2.2)."""
    header = tf.strings.substr(image_bytes + tf.constant(bytes(_PNG_HEADER)), 0, _PNG_HEADER)
    is_png = tf.strings.substr(header, 0, len(_PNG_SIGNATURE)) == tf.constant(_PNG_SIGNATURE)
    with tf.control_dependencies([tf.debugging.Assert(is_png, ["expected a PNG or JPEG, found something else"])]):
        sides = tf.strings.substr(header, _PNG_HEADER - 8, 8)
    return tf.reverse(tf.io.decode_raw(sides, tf.int32, little_endian=False), [0])


def free_version(folder: Path, version: int | None = None) -> int:
    """Return a version that is not in `folder` yet: `version`, or the number after the highest, from 1.

    Raises:
        FerKerasError: `version` is no positive number, or is there.
    """
    if version is None:
        return 1 + max((int(path.name) for path in folder.glob("[0-9]*") if path.name.isdecimal()), default=0)
    if version < 1:
        raise FerKerasError(f"--version {version}: expected a whole number from 1")
    if (folder / str(version)).exists():
        raise FerKerasError(
            f"{folder / str(version)}: this version is there already and is never overwritten, expected a new number"
        )
    return version


def _write_warmup(path: Path, images: np.ndarray, name: str) -> None:
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError as error:
        raise not_installed(error) from error

    requests = [
        predict_request(name, PIXELS_SIGNATURE, images),
        predict_request(name, BYTES_SIGNATURE, [encode_png(image) for image in images]),
    ]
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
