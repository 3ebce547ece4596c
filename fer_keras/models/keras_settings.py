"""Keras as our networks need it, whatever the user's keras.json says, which would make others of the same names."""

import keras

from fer_keras.errors import FerKerasError


def pin() -> None:
    """Set what networks are built with; called before one is built or loaded.

    Raises:
        FerKerasError: Keras computes with neither TensorFlow nor JAX.
    """
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    if keras.config.backend() not in ("tensorflow", "jax"):
        raise FerKerasError(f"Keras computes with {keras.config.backend()}, expected KERAS_BACKEND=tensorflow, or jax")
