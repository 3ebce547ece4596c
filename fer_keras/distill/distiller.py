"""A student that learns from cached teacher logits."""

from typing import Any

import keras
import tensorflow as tf

from fer_keras.config import require
from fer_keras.distill.losses import DISTILLATION_LOSSES, LabelCrossEntropy, softened_probabilities
from fer_keras.distributed import on_every_host, replicas, scope, share_of_batch, strategy
from fer_keras.errors import FerKerasError


@keras.saving.register_keras_serializable(package="fer_keras")
class Distiller(keras.Model):
    """Trains `student` on alpha * distillation loss + (1 - alpha) * label cross-entropy.

    Fit it on batches of (images, {"targets": [B, C], "teacher_logits": [B, M, C]}), with sample weights [B] or
    without; evaluate it on (images, targets [B, C]), where the loss is the cross-entropy alone. No teacher is
    inside: its logits come with the data, so every file saved from it holds the student only.

    Reference: Hinton, Vinyals and Dean, 2015, arXiv 1503.02531.

    Args:
        student: a model of logits [B, C].
        loss: the distillation loss, one of `DISTILLATION_LOSSES`. Defaults to "kl", Hinton's.
        temperature: T, that both softmaxes are softened by. Defaults to 2.5.
        alpha: weight of the distillation term; with 1, unlabelled images (targets of zeros) count as much as
            labelled ones. Defaults to 0.9.
        label_smoothing: of the cross-entropy. Defaults to 0.

    Raises:
        FerKerasError: there is no such loss, `temperature` is not positive, or `alpha` is not within 0..1.
    """

    def __init__(
        self,
        student: keras.Model,
        loss: str = "kl",
        temperature: float = 2.5,
        alpha: float = 0.9,
        label_smoothing: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require("temperature", temperature, 1e-3, 1e3)
        require("alpha", alpha, 0.0, 1.0)
        if loss not in DISTILLATION_LOSSES:
            raise FerKerasError(f"loss {loss!r}: expected one of {', '.join(DISTILLATION_LOSSES)}")
        self.student = student
        self.loss_name = loss
        self.alpha = alpha
        self.label_loss = LabelCrossEntropy(label_smoothing)
        self.distillation_loss = DISTILLATION_LOSSES[loss](temperature)
        with scope():  # they count what every host sees
            self.trackers = [keras.metrics.Mean(name=name) for name in ("label_loss", "distillation_loss", "agreement")]
        self.build(student.input_shape)

    def build(self, input_shape: Any) -> None:
        """Mark the model built: its only weights are the student's, which has them already."""
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Return the student's logits [B, C]."""
        return self.student(inputs, training=training)

    def compute_loss(
        self,
        x: tf.Tensor | None = None,
        y: Any = None,
        y_pred: tf.Tensor | None = None,
        sample_weight: tf.Tensor | None = None,
        training: bool = True,
    ) -> tf.Tensor:
        """Return the scalar loss of a batch; with plain targets for `y` it is the cross-entropy."""
        label_tracker, distillation_tracker, agreement_tracker = self.trackers
        distilled = isinstance(y, dict)
        label_loss = self.label_loss(y["targets"] if distilled else y, y_pred, sample_weight)
        images = tf.shape(y_pred)[0]  # so that a short last batch counts as in Keras's own loss
        scale = replicas()  # Keras divides a loss by them
        label_tracker.update_state(label_loss * scale if scale > 1 else label_loss, images)
        if not distilled:
            return label_loss
        distillation_loss = self.distillation_loss(y, y_pred, sample_weight)
        distillation_tracker.update_state(distillation_loss * scale if scale > 1 else distillation_loss, images)
        opinion = softened_probabilities(y["teacher_logits"], 1.0)
        agreement_tracker.update_state(tf.argmax(opinion, -1) == tf.argmax(y_pred, -1))
        loss = self.alpha * distillation_loss + (1.0 - self.alpha) * label_loss
        return loss * share_of_batch(images) if scale > 1 else loss

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
            "loss": self.loss_name,
            "temperature": self.distillation_loss.temperature,
            "alpha": self.alpha,
            "label_smoothing": self.label_loss.label_smoothing,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> "Distiller":
        """Build it again from `get_config`'s result."""
        student = keras.saving.deserialize_keras_object(config["student"], custom_objects)
        return cls(**{**config, "student": student})
