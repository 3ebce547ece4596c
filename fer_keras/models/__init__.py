"""The families of classifiers, their presets and their budgets."""

import keras

from fer_keras.errors import FerKerasError
from fer_keras.models.registry import FAMILIES, PRESETS, build, from_preset

__all__ = ["FAMILIES", "PRESETS", "build", "from_preset"]

# A user's keras.json may say otherwise, and would make other networks of the same names.
keras.config.set_image_data_format("channels_last")
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
if keras.config.backend() not in ("tensorflow", "jax"):
    raise FerKerasError(f"Keras computes with {keras.config.backend()}, expected KERAS_BACKEND=tensorflow, or jax")
