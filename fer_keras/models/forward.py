"""A model as a plain function of pixels."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from fer_keras.labels import IMAGE_SHAPE
from fer_keras.probabilities import as_logits, gives_probabilities, logits_of


def logits_function(model: keras.Model, substitute: keras.Model | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from images [N, 48, 48, 1], 0..255, to float32 logits [N, C].

    A model that ends in softmax is taken at its logarithm, which is the same prediction.

    Args:
        model: maps grey values 0..255 [N, 48, 48, 1] to logits or probabilities [N, C].
        substitute: computes in its place, in another precision perhaps; default: itself.
    """
    outputs_of = outputs_function(model)
    if substitute is None:
        return as_logits(outputs_of)
    others = outputs_function(substitute)
    return (lambda images: logits_of(others(images))) if gives_probabilities(outputs_of) else others


def outputs_function(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return `forward_function` of a model between arrays, the images of any dtype."""
    forward = forward_function(model)
    return lambda images: forward(tf.constant(images, tf.float32)).numpy()


def forward_function(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a function from images [N, 48, 48, 1], float32 0..255, to the model's outputs in float32.

    It is traced here, once for any N. `model.predict` would start tf.data's autotuning, which is slower on few cores.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, *IMAGE_SHAPE], tf.float32)])
    def forward(images: tf.Tensor) -> tf.Tensor:
        return tf.cast(model(images, training=False), tf.float32)

    return forward.get_concrete_function()
