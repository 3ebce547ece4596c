"""A loss of networks with several heads."""

from collections.abc import Mapping, Sequence

import keras
from keras import KerasTensor


@keras.saving.register_keras_serializable(package="fer_keras")
class SumOverHeads(keras.losses.Loss):
    """The sum over the heads of another loss of this package, each on its own columns of targets and logits.

    Args:
        loss: takes what one head has.
        heads: the first column of each head and the one after its last, as of `LabelSet.heads`.
    """

    def __init__(self, loss: keras.losses.Loss, heads: Sequence[tuple[int, int]], **kwargs: object) -> None:
        super().__init__(**{"name": loss.name, **kwargs})
        self.loss = loss
        self.heads = [slice(*ends) for ends in heads]

    def call(self, y_true: KerasTensor | Mapping[str, KerasTensor], y_pred: KerasTensor) -> KerasTensor:
        """Return float32 [B]."""
        return sum(self.loss.call(_columns(y_true, head), y_pred[:, head]) for head in self.heads)

    def get_config(self) -> dict:
        """Return what the constructor takes."""
        heads = [(head.start, head.stop) for head in self.heads]
        return {**super().get_config(), "loss": keras.saving.serialize_keras_object(self.loss), "heads": heads}

    @classmethod
    def from_config(cls, config: dict) -> "SumOverHeads":
        """Build it again from `get_config`'s result."""
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})


def over_heads(loss: keras.losses.Loss, heads: Sequence[slice]) -> keras.losses.Loss:
    """Return `loss` as that of a network with these heads: the loss itself where there is one."""
    return loss if len(heads) < 2 else SumOverHeads(loss, [(head.start, head.stop) for head in heads])


def _columns(y_true: KerasTensor | Mapping[str, KerasTensor], head: slice) -> KerasTensor | dict[str, KerasTensor]:
    """The part of targets, and of teachers' logits beside them, that is one head's."""
    if not isinstance(y_true, Mapping):
        return y_true[:, head]
    return {**y_true, "targets": y_true["targets"][:, head], "teacher_logits": y_true["teacher_logits"][..., head]}
