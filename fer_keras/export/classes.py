"""What the outputs of any model are called; found without Keras or TensorFlow."""

import logging
from collections.abc import Sequence
from pathlib import Path

from fer_keras.data.model_classes import read_label_set
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, LabelSet, label_set_in_order


def label_set_of_model(file: Path, outputs: int, classes: Sequence[str] | None = None) -> tuple[LabelSet, str]:
    """Return the classes of a model, and what is to be said of them: "" where its file names them.

    Args:
        file: the model's.
        outputs: how many logits it gives.
        classes: names that stand in for those of the file.

    Raises:
        FerKerasError: there are more or fewer names than outputs, no names and not FER2013's number of outputs, or the
            model has several heads.
    """
    label_set, note = label_set_in_order(classes) if classes else read_label_set(file), ""
    if label_set is None:
        if outputs != len(FER2013):
            raise FerKerasError(
                f"{file}: gives {outputs} logits and does not say of which classes; --classes names them"
            )
        label_set = FER2013
        taken = "FER2013's order is taken (--classes names others), and grey values 0..255"
        note = f"{file} does not say its classes; {taken}"
        logging.getLogger(__name__).warning(note)
    if len(label_set) != outputs:
        names = ", ".join(label_set.classes)
        raise FerKerasError(f"{file}: gives {outputs} logits, expected {len(label_set)}, of {names}")
    if len(label_set.heads) > 1:
        heads = " and ".join(map(label_set.head_name, label_set.heads))
        raise FerKerasError(f"{file}: has the heads {heads}, which can teach and be scored; expected a model with one")
    return label_set, note
