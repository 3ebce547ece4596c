"""Stateless views of a face: the same (seed, view number, image) gives the same pixels, anywhere.

`fer_keras.data.random_streams` draws what is random, one row an image; TensorFlow then applies the rows to a batch,
pixel by pixel and without a sum across pixels, so that neither the batch nor the threads matter.
"""

import numpy as np
import tensorflow as tf

from fer_keras.config import ViewConfig
from fer_keras.data.random_streams import view_parameters
from fer_keras.labels import IMAGE_SIZE

VERSION = 1
"""Part of every logit cache's key: raise it with any change of what a view looks like."""


def apply_views(images: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
    """Make the views, uint8 [N, 48, 48, 1] as the images are, that `view_parameters`, float32 [N, 15], describe."""
    x = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=parameters[:, :8],
        output_shape=[IMAGE_SIZE, IMAGE_SIZE],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    gain, offset, top, left, bottom, right, grey = tf.unstack(parameters[:, 8:, None, None, None], axis=1)
    x = x * gain + offset
    row = tf.range(IMAGE_SIZE, dtype=tf.float32)[:, None, None]
    column = tf.range(IMAGE_SIZE, dtype=tf.float32)[None, :, None]
    erased = (row >= top) & (row < bottom) & (column >= left) & (column < right)
    x = tf.where(erased, grey, x)
    return tf.cast(tf.round(tf.clip_by_value(x, 0.0, 255.0)), tf.uint8)


def make_views(config: ViewConfig, seed: int, view: int, images: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Make one view of some images: uint8 [N, 48, 48, 1], with their `FaceData.index` [N], to the same shape.

    On the processor, as in a student's pipeline: a GPU may round one grey value otherwise.
    """
    with tf.device("CPU"):
        return apply_views(tf.constant(images), tf.constant(view_parameters(config, seed, view, index))).numpy()


def sheet_of_views(config: ViewConfig, seed: int, images: np.ndarray, index: np.ndarray, views: int = 8) -> np.ndarray:
    """Return uint8 [N, 1 + views, 48, 48, 1]: each face as it is, then in its first views."""
    made = [make_views(config, seed, view, images, index) for view in range(views)]
    return np.stack([images, *made], axis=1)
