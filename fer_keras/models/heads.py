"""One head of a network that has several, as a network of its own."""

import keras

from fer_keras.errors import FerKerasError
from fer_keras.labels import LabelSet


def take_head(model: keras.Model, label_set: LabelSet, wanted: LabelSet) -> keras.Model:
    """Return the network of one label set's logits.

    Args:
        model: a functional model of logits [N, C] whose last layer is dense.
        label_set: of its C outputs.
        wanted: the classes to be left, in their order.

    Returns:
        The model itself where these are its classes; else a copy, weights included, of the head that has them.

    Raises:
        FerKerasError: no head has them, or the last layer is not dense.
    """
    if label_set.classes == wanted.classes:
        return model
    head = next((head for head in label_set.heads if label_set.head(head).classes == wanted.classes), None)
    if head is None:
        raise FerKerasError(
            f"a model of {', '.join(label_set.classes)}, expected one of the classes {', '.join(wanted.classes)}"
        )
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense):
        raise FerKerasError(f"layer {last.name}: expected a dense layer, whose columns are the heads' classes")
    body = keras.models.clone_model(model)
    body.set_weights(model.get_weights())
    logits = keras.layers.Dense.from_config({**last.get_config(), "units": len(wanted)})
    cut = keras.Model(body.input, logits(body.layers[-1].input), name=model.name)
    kernel, *bias = last.get_weights()
    logits.set_weights([kernel[:, head], *(values[head] for values in bias)])
    return cut
