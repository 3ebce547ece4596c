"""A network that starts with another's weights, such as a shorter or faster one with those it was cut from."""

import keras

from fer_keras.errors import FerKerasError


def transfer_weights(model: keras.Model, source: keras.Model) -> int:
    """Give each layer of `model` the weights of the next layer of `source` that has the same shapes.

    A kernel goes together with the normalisation after it. Both networks are gone through in order, and no layer of
    `source` is returned to. So a stage of separable blocks or of convolutions that is shorter in `model` gets the
    first ones; shortcuts make the network without the others nearly the same function (Veit et al., 2016,
    arXiv 1605.06431). Of MobileNet's blocks the depthwise halves look alike, and a stage's last one may get another's.
    What finds none keeps its own weights: the logits' too, where the classes are of another number.

    Args:
        model: a functional model, changed in place.
        source: a functional model.

    Returns:
        How many parameters were transferred, those of moving statistics among them.

    Raises:
        FerKerasError: no layer found one.
    """
    free = _units(source)
    transferred = 0
    for unit in _units(model):
        place = next((i for i, other in enumerate(free) if _shapes(unit) == _shapes(other)), None)
        if place is not None:
            for layer, origin in zip(unit, free[place], strict=True):
                layer.set_weights(origin.get_weights())
                transferred += layer.count_params()
            del free[: place + 1]
    if not transferred:
        raise FerKerasError(
            f"{source.name}: expected a relative of {model.name}, found no layer with the shapes of one of its"
        )
    return transferred


def _units(model: keras.Model) -> list[list[keras.layers.Layer]]:
    """The layers with weights, each together with the normalisations after it."""
    units: list[list[keras.layers.Layer]] = []
    for layer in model.layers:
        if layer.weights and units and isinstance(layer, keras.layers.BatchNormalization):
            units[-1].append(layer)
        elif layer.weights:
            units.append([layer])
    return units


def _shapes(unit: list[keras.layers.Layer]) -> list[tuple[int, ...]]:
    return [weight.shape for layer in unit for weight in layer.weights]
