"""Hinton's divergence."""

from collections.abc import Mapping

from keras import KerasTensor, ops

from fer_keras.distill.losses.base import DistillationLoss, register_loss, softened_probabilities
from fer_keras.distill.losses.divergence import kl


@register_loss("kl")
class SoftenedKL(DistillationLoss):
    """T^2 KL(teacher || student) between softened class probabilities.

    The teacher's are the mean over its M members of softmax(teacher / T), the student's softmax(student / T).
    The factor T^2 keeps the gradient's size as T changes.

    Reference: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015, arXiv 1503.02531.
    """

    def call(self, y_true: Mapping[str, KerasTensor], y_pred: KerasTensor) -> KerasTensor:
        """Return float32 [B]."""
        teacher = softened_probabilities(y_true["teacher_logits"], self.temperature)
        student = ops.log_softmax(ops.cast(y_pred, "float32") / self.temperature)
        return self.temperature**2 * kl(teacher, student)
