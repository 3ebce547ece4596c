"""A student that learns from cached teacher logits."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from fer_keras.config import require
from fer_keras.distill.losses import LabelCrossEntropy, make_loss
from fer_keras.distill.objective import Objective
from fer_keras.distributed import on_every_host, replicas, scope, share_of_batch, strategy
from fer_keras.errors import FerKerasError


@keras.saving.register_keras_serializable(package="fer_keras")
class Distiller(keras.Model):
    """Trains `student` on an `Objective`: alpha * distillation loss + (1 - alpha) * label cross-entropy.

    Fit it on batches of (images, {"targets": [B, C], "teacher_logits": [B, M, C]}), with sample weights [B] or
    without; evaluate it on (images, targets [B, C]), where the loss is the cross-entropy alone. No teacher is
    inside: its logits come with the data, so every file saved from it holds the student only.

    Reference: Hinton, Vinyals and Dean, 2015, arXiv 1503.02531.

    Args:
        student: a model of logits [B, C].
        loss: the distillation loss, as it was registered. Defaults to "kl", Hinton's. Where it compares features of
            the student's layers, they are computed in the same pass.
        temperature: T, that both softmaxes are softened by. Defaults to 2.5.
        alpha: weight of the distillation term; with 1, unlabelled images (targets of zeros) count as much as
            labelled ones. Defaults to 0.9.
        label_smoothing: of the cross-entropy. Defaults to 0.
        loss_options: arguments of the distillation loss beside the temperature. Defaults to none.
        heads: the first column of each head and the one after its last. Defaults to one head of all columns.

    Raises:
        FerKerasError: there is no such loss, option or layer, `temperature` is not positive, or `alpha` is not within
            0..1.
    """

    def __init__(
        self,
        student: keras.Model,
        loss: str = "kl",
        temperature: float = 2.5,
        alpha: float = 0.9,
        label_smoothing: float = 0.0,
        loss_options: Mapping[str, float] | None = None,
        heads: Sequence[tuple[int, int | None]] = ((0, None),),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require("temperature", temperature, 0.001, 1000)
        require("alpha", alpha, 0, 1)
        distillation_loss = make_loss(loss, temperature, loss_options)
        self.student = student
        self._options = {
            "loss": loss,
            "temperature": temperature,
            "loss_options": dict(loss_options or {}),
            "heads": heads,
        }
        self.objective = Objective(
            LabelCrossEntropy(label_smoothing), distillation_loss, alpha, [slice(*ends) for ends in heads]
        )
        self._with_features = _features_function(student, distillation_loss.student_features)
        with scope():  # they count what every host sees
            self.trackers = [keras.metrics.Mean(name=name) for name in ("label_loss", "distillation_loss", "agreement")]
        self.build(student.input_shape)

    def build(self, input_shape: Any) -> None:
        """Mark the model built: its only weights are the student's, which has them already."""
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> Any:
        """Return the student's logits [B, C]; in training, where the loss asks for features, those too."""
        if training and self._with_features:
            return self._with_features(inputs)
        return self.student(inputs, training=training)

    def compute_loss(
        self,
        x: tf.Tensor | None = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: tf.Tensor | None = None,
        training: bool = True,
    ) -> tf.Tensor:
        """Return the scalar loss of a batch; with plain targets for `y` it is the cross-entropy."""
        logits, features = _split(y_pred)
        terms = self.objective.terms(y, logits, sample_weight, features)
        images = tf.shape(logits)[0]  # so that a short last batch counts as in Keras's own loss
        scale = replicas()  # Keras divides a loss by them
        for tracker in self.trackers:
            if tracker.name in terms:
                by = 1 if tracker.name == "agreement" else scale
                tracker.update_state(terms[tracker.name] * by if by > 1 else terms[tracker.name], images)
        return terms["loss"] * share_of_batch(images) if scale > 1 and "agreement" in terms else terms["loss"]

    def compute_metrics(
        self, x: tf.Tensor, y: Any, y_pred: Any, sample_weight: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Return the metrics of a batch, which compare targets [B, C] with logits [B, C]."""
        targets = y["targets"] if isinstance(y, Mapping) else y
        return super().compute_metrics(x, targets, _split(y_pred)[0], sample_weight)

    def make_train_function(self, force: bool = False) -> Any:
        """Make what `fit` calls a step; see `fer_keras.distributed` for several hosts."""
        if strategy() is None:
            return super().make_train_function(force)
        if force or self.train_function is None:
            self.train_function = on_every_host(self.train_step)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        """Make what `evaluate` calls a step."""
        if strategy() is None:
            return super().make_test_function(force)
        if force or self.test_function is None:
            self.test_function = on_every_host(self.test_step)
        return self.test_function

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {
            **super().get_config(),
            "student": keras.saving.serialize_keras_object(self.student),
            **self._options,
            "alpha": self.objective.alpha,
            "label_smoothing": self.objective.label_loss.label_smoothing,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> "Distiller":
        """Build it again from `get_config`'s result."""
        student = keras.saving.deserialize_keras_object(config["student"], custom_objects)
        return cls(**{**config, "student": student})


def _features_function(student: keras.Model, layers: Sequence[str]) -> Callable[[tf.Tensor], dict[str, Any]] | None:
    """Return images -> {"logits", "student_features": layer -> output}, in training; None where no layer is asked for.

    A function, not a model: what Keras finds in an attribute it saves too.
    """
    if not layers:
        return None
    names = [layer.name for layer in student.layers]
    for layer in layers:
        if layer not in names:
            raise FerKerasError(f"layer {layer!r}: the student {student.name} has none of this name, only {names}")
    outputs = [student.output, *(student.get_layer(layer).output for layer in layers)]
    whole = keras.Model(student.input, outputs)

    def forward(images: tf.Tensor) -> dict[str, Any]:
        logits, *features = whole(images, training=True)
        return {"logits": logits, "student_features": dict(zip(layers, features, strict=True))}

    return forward


def _split(y_pred: Any) -> tuple[tf.Tensor, Mapping[str, tf.Tensor] | None]:
    """Logits and features of what `call` returned."""
    return (y_pred["logits"], y_pred["student_features"]) if isinstance(y_pred, Mapping) else (y_pred, None)
