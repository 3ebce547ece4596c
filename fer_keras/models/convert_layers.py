"""The same network with other layers in the place of some: for a processor, or for shipping."""

from collections.abc import Mapping

import keras


def convert_layers(
    model: keras.Model,
    replacements: Mapping[type, type],
    precision: str = "float32",
    bn_momentum: float | None = None,
) -> keras.Model:
    """Return a copy of `model`, weights included, with other layers.

    Args:
        model: a functional model whose last layer gives the logits.
        replacements: class of layer -> the class to use instead, with the same weights and configuration.
        precision: of all but the logits, which stay float32. Defaults to "float32".
        bn_momentum: of every batch normalisation's moving statistics; None keeps each layer's own.
    """
    last = model.layers[-1].name

    def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        config["dtype"] = "float32" if layer.name == last else precision
        if bn_momentum is not None and isinstance(layer, keras.layers.BatchNormalization):
            config["momentum"] = bn_momentum
        return replacements.get(type(layer), type(layer)).from_config(config)

    copy = keras.models.clone_model(model, clone_function=convert)
    copy.set_weights(model.get_weights())
    return copy
