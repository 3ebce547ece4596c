"""A model as a plain function of pixels."""

from collections.abc import Callable

import keras
import tensorflow as tf

from fer_keras.labels import IMAGE_SHAPE


def forward_function(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a function from images [N, 48, 48, 1], float32 0..255, to the model's outputs in float32.

    It is traced here, once for any N. `model.predict` would compile with XLA and start tf.data's autotuning: both are
    slower on a CPU.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, *IMAGE_SHAPE], tf.float32)])
    def forward(images: tf.Tensor) -> tf.Tensor:
        return tf.cast(model(images, training=False), tf.float32)

    return forward.get_concrete_function()
