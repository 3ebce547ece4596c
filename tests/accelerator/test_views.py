"""JAX makes the views that TensorFlow makes."""

import numpy as np
import tensorflow as tf

from fer_keras.accelerator.views import apply_views, mix
from fer_keras.config import ViewConfig
from fer_keras.data import augment, mixup
from fer_keras.data.random_streams import view_parameters


def test_views_are_those_of_tensorflow(rng):
    images = rng.integers(0, 256, (200, 48, 48, 1)).astype(np.uint8)
    config = ViewConfig(rotation=40, shift=0.4, zoom=0.5, brightness=0.5, contrast=0.9, erasing=0.8)
    drawn = view_parameters(config, 5, 2, np.arange(200))
    expected = augment.apply_views(tf.constant(images), tf.constant(drawn)).numpy()
    views = np.asarray(apply_views(images, drawn))
    assert views.shape == expected.shape and views.dtype == np.float32
    # Another order of additions may round a grey value that lies between two.
    assert np.abs(views - expected).max() <= 1
    assert (views != expected).mean() < 1e-3


def test_mixed_views_are_those_of_tensorflow(rng):
    images, others = rng.integers(0, 256, (2, 50, 48, 48, 1)).astype(np.uint8)
    share = (rng.integers(128, 257, 50) / 256).astype(np.float32)
    expected = mixup.mix(tf.constant(images), tf.constant(others), tf.constant(share)).numpy()
    mixed = mix(images.astype(np.float32), others.astype(np.float32), share)
    np.testing.assert_array_equal(np.asarray(mixed), expected)
