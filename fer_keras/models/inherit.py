"""A network that starts with another's weights, such as a shorter or faster one with those it was cut from."""

import keras

from fer_keras.errors import FerKerasError


def inherit_weights(model: keras.Model, ancestor: keras.Model) -> int:
    """Give each layer of `model` the weights of the next layer of `ancestor` that has the same shapes.

    Both are gone through in order, and no layer of `ancestor` is returned to. So where stages of `model` have fewer
    blocks, it gets the first ones of each stage; shortcuts make the network without the others nearly the same function
    (Veit et al., 2016, arXiv 1605.06431). Layers that find none keep their own weights.

    Args:
        model: a functional model, changed in place.
        ancestor: a functional model.

    Returns:
        How many parameters were inherited, those of moving statistics among them.

    Raises:
        FerKerasError: no layer found one.
    """
    free = [layer for layer in ancestor.layers if layer.weights]
    inherited = 0
    for layer in model.layers:
        shapes = [weight.shape for weight in layer.weights]
        place = next((i for i, other in enumerate(free) if shapes == [weight.shape for weight in other.weights]), None)
        if shapes and place is not None:
            layer.set_weights(free[place].get_weights())
            inherited += layer.count_params()
            del free[: place + 1]
    if not inherited:
        raise FerKerasError(
            f"{ancestor.name}: expected a relative of {model.name}, found no layer with the shapes of one of its"
        )
    return inherited
