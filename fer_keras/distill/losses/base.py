"""What the losses between a student and its teachers share, and their names."""

import inspect
from collections.abc import Callable, Mapping

import keras
from keras import KerasTensor, ops

from fer_keras.errors import FerKerasError

DISTILLATION_LOSSES: dict[str, type["DistillationLoss"]] = {}
"""Option of a run -> the loss it names."""


class DistillationLoss(keras.losses.Loss):
    """A loss between a student and its teachers; its further arguments are options of a run.

    `call` takes {"targets": [B, C], "teacher_logits": [B, M, C]} and the student's logits [B, C]. Where a loss names
    layers in `student_features`, "student_features" there is layer -> its output in training; what it names in
    `teacher_features` has to come with the batches, as "teacher_features".

    Args:
        temperature: T, that both softmaxes are softened by. Defaults to 2.5.
    """

    student_features: tuple[str, ...] = ()
    teacher_features: tuple[str, ...] = ()

    def __init__(self, temperature: float = 2.5, name: str | None = None, **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.temperature = temperature

    def get_config(self) -> dict:
        """Return what the constructor takes."""
        return {**super().get_config(), "temperature": self.temperature}


def register_loss(name: str) -> Callable[[type[DistillationLoss]], type[DistillationLoss]]:
    """Return a decorator by which a run may name a loss `name`, and by which Keras saves it."""

    def register(loss: type[DistillationLoss]) -> type[DistillationLoss]:
        DISTILLATION_LOSSES[name] = loss
        return keras.saving.register_keras_serializable(package="fer_keras")(loss)

    return register


def make_loss(name: str, temperature: float, options: Mapping[str, float] | None = None) -> DistillationLoss:
    """Return the loss `name`.

    Args:
        name: as it was registered.
        temperature: T.
        options: arguments of its own. Defaults to none.

    Raises:
        FerKerasError: there is no such loss, or it has no such option.
    """
    if name not in DISTILLATION_LOSSES:
        raise FerKerasError(f"loss {name!r}: expected one of {', '.join(DISTILLATION_LOSSES)}")
    loss, options = DISTILLATION_LOSSES[name], dict(options or {})
    allowed = loss_options(name)
    for option, value in options.items():
        if option not in allowed:
            expected = f"expected one of {', '.join(allowed)}" if allowed else "it has none"
            raise FerKerasError(f"loss {name!r}: unknown option {option!r}, {expected}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FerKerasError(f"loss {name!r}: option {option} is {value!r}, expected a number")
    return loss(temperature=temperature, **options)


def loss_options(name: str) -> dict[str, float]:
    """Return the options of the loss `name` with their defaults."""
    parameters = inspect.signature(DISTILLATION_LOSSES[name]).parameters.values()
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name not in ("temperature", "name")
    }


def softened_probabilities(teacher_logits: KerasTensor, temperature: float) -> KerasTensor:
    """Return the ensemble's soft targets: the mean of its members' softmax(logits / T).

    Args:
        teacher_logits: [B, M, C], any float dtype.
        temperature: T.

    Returns:
        float32 [B, C].
    """
    return ops.mean(ops.softmax(ops.cast(teacher_logits, "float32") / temperature), axis=1)
