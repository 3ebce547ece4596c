"""Teachers as one model, and their averaged prediction."""

import hashlib
import json
from collections.abc import Sequence

import keras
import numpy as np
from scipy.special import log_softmax, logsumexp

from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE


def build_ensemble(members: Sequence[keras.Model]) -> keras.Model:
    """Return one model of all members' logits: [N, 48, 48, 1] -> [N, M, C].

    Raises:
        FerKerasError: there is no member.
    """
    if not members:
        raise FerKerasError("an ensemble needs at least one teacher")
    inputs = keras.Input(IMAGE_SHAPE, name="images")
    outputs = []
    for number, member in enumerate(members, 1):
        # The same architecture twice has the same name twice, which a functional model refuses.
        named = keras.models.clone_model(member)
        named.name = f"member_{number}"
        named.set_weights(member.get_weights())
        outputs.append(keras.layers.Reshape((1, -1), name=f"row_{number}")(named(inputs)))
    merged = keras.layers.Concatenate(axis=1, name="members")(outputs) if len(outputs) > 1 else outputs[0]
    return keras.Model(inputs, merged, name="ensemble")


def ensemble_logits(member_logits: np.ndarray) -> np.ndarray:
    """Return float64 [N, C]: the log of the mean of the members' softmax, from their logits [N, M, C].

    Its softmax is the ensemble's prediction at temperature 1, so it can be scored like any model's logits.
    """
    log_probabilities = log_softmax(np.asarray(member_logits, np.float64), axis=-1)
    return logsumexp(log_probabilities, axis=1) - np.log(log_probabilities.shape[1])


def teacher_fingerprint(model: keras.Model) -> str:
    """Return the SHA-256 (hexadecimal) of a model's architecture and weights."""
    digest = hashlib.sha256(json.dumps(model.get_config(), sort_keys=True, default=str).encode())
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
