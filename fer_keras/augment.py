"""Stateless views of a face: the same (seed, view number, image) gives the same pixels, anywhere.

What is random is drawn and computed with NumPy, in float64 and with IEEE-exact operations only (no sin, cos,
exp or log, whose last bit differs between machines), one row an image; TensorFlow then applies the rows to a
batch, pixel by pixel and without a sum across pixels, so that neither the batch nor the threads matter.
"""

import numpy as np
import tensorflow as tf

from fer_keras.config import ViewConfig
from fer_keras.labels import IMAGE_SIZE

VERSION = 1
"""Part of every logit cache's key: raise it with any change of what a view looks like."""

_DRAWS = 12
_MID_GREY = 127.5


def view_parameters(config: ViewConfig, seed: int, view: int, index: np.ndarray) -> np.ndarray:
    """Draw the parameters of one view of some images.

    Row i of the Philox stream with key (seed, view) belongs to image i of the source (Salmon et al., 2011,
    "Parallel random numbers: as easy as 1, 2, 3"), so the other images asked for make no difference.

    Args:
        config: how far the views go.
        seed: of all views of a run, 0 <= seed < 2^64.
        view: the number of the view, 0 <= view < 2^64.
        index: int [N], `FaceData.index` of the images.

    Returns:
        float32 [N, 15]: eight coefficients of the projective transform from output to input pixels, gain and
        offset of the grey values, then the erased rectangle: top, left, bottom, right (exclusive) and its grey.
    """
    if len(index) == 0:
        return np.empty((0, 15), np.float32)
    rng = np.random.Generator(np.random.Philox(key=[seed, view]))
    draws = rng.random((int(np.max(index)) + 1, _DRAWS))[index]
    transform = _transforms(config, *draws[:, :5].T)
    contrast, brightness = 2.0 * draws[:, 5:7].T - 1.0
    gain = 1.0 + config.contrast * contrast
    offset = _MID_GREY * (1.0 - gain) + 255.0 * config.brightness * brightness
    box = _rectangles(config, *draws[:, 7:12].T)
    return np.column_stack([*transform, gain, offset, *box]).astype(np.float32)


def _transforms(config: ViewConfig, *draws: np.ndarray) -> list[np.ndarray]:
    """Return the eight coefficients a0..a7: input x = a0 x + a1 y + a2, y = a3 x + a4 y + a5 of output x, y."""
    flip, turn, zoom, shift_x, shift_y = draws
    mirror = np.where((flip < 0.5) & config.flip, -1.0, 1.0)
    # Half-angle tangent: sine and cosine by division alone. The largest tangent is a constant of the run,
    # rounded so that its own last bits cannot differ either.
    half_tangent = round(float(np.tan(np.radians(config.rotation) / 2.0)), 9) * (2.0 * turn - 1.0)
    cosine = (1.0 - half_tangent**2) / (1.0 + half_tangent**2)
    sine = 2.0 * half_tangent / (1.0 + half_tangent**2)
    low, high = 1.0 / (1.0 + config.zoom), 1.0 + config.zoom
    scale = low + (high - low) * zoom
    center = (IMAGE_SIZE - 1) / 2.0
    move_x, move_y = (config.shift * IMAGE_SIZE * (2.0 * draw - 1.0) for draw in (shift_x, shift_y))
    a, b = mirror * cosine * scale, -mirror * sine * scale
    c, d = sine * scale, cosine * scale
    zero = np.zeros_like(a)
    return [
        a, b, center - a * center - b * center + move_x,
        c, d, center - c * center - d * center + move_y,
        zero, zero,
    ]  # fmt: skip


def _rectangles(config: ViewConfig, *draws: np.ndarray) -> list[np.ndarray]:
    """Return top, left, bottom, right and grey of the erased rectangle (Zhong et al., arXiv 1708.04896)."""
    chance, height, width, position, grey = draws
    longest = config.erasing_side * IMAGE_SIZE
    erased = chance < config.erasing
    tall, wide = (np.where(erased, np.ceil(longest * (0.25 + 0.75 * side)), 0.0) for side in (height, width))
    # One draw gives both coordinates: its leading part the row, what is left of it the column.
    coarse = np.floor(position * 1024.0)
    top = np.floor((IMAGE_SIZE - tall + 1.0) * coarse / 1024.0)
    left = np.floor((IMAGE_SIZE - wide + 1.0) * (position * 1024.0 - coarse))
    return [top, left, top + tall, left + wide, np.floor(256.0 * grey)]


def apply_views(images: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
    """Make the views that `parameters` describe.

    Args:
        images: uint8 [N, 48, 48, 1].
        parameters: float32 [N, 15] from `view_parameters`.

    Returns:
        uint8 [N, 48, 48, 1].
    """
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
