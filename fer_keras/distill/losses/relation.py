"""Correlations instead of divergences."""

from collections.abc import Mapping

from keras import KerasTensor, ops

from fer_keras.distill.losses.base import DistillationLoss, register_loss, softened_probabilities
from fer_keras.distill.losses.divergence import TINY


@register_loss("dist")
class RelationLoss(DistillationLoss):
    """DIST: 1 - Pearson's correlation of softened probabilities, over the classes and over the batch.

    T^2 (beta (1 - correlation over an image's classes) + gamma (1 - mean correlation, class by class, over the images
    of the batch)). The second term is one number for a batch; each image carries it.

    Reference: Huang et al., "Knowledge distillation from a stronger teacher", 2022, arXiv 2205.10536.

    Args:
        temperature: T. Defaults to 2.5.
        beta: weight over the classes. Defaults to 1.
        gamma: weight over the batch. Defaults to 1.
    """

    def __init__(self, temperature: float = 2.5, beta: float = 1.0, gamma: float = 1.0, **kwargs: object) -> None:
        super().__init__(temperature, **kwargs)
        self.beta = beta
        self.gamma = gamma

    def call(self, y_true: Mapping[str, KerasTensor], y_pred: KerasTensor) -> KerasTensor:
        """Return float32 [B]."""
        teacher = softened_probabilities(y_true["teacher_logits"], self.temperature)
        student = ops.softmax(ops.cast(y_pred, "float32") / self.temperature)
        over_classes = 1.0 - _correlation(teacher, student, axis=1)
        over_batch = 1.0 - ops.mean(_correlation(teacher, student, axis=0))
        return self.temperature**2 * (self.beta * over_classes + self.gamma * over_batch)

    def get_config(self) -> dict:
        """Return what the constructor takes."""
        return {**super().get_config(), "beta": self.beta, "gamma": self.gamma}


def _correlation(a: KerasTensor, b: KerasTensor, axis: int) -> KerasTensor:
    """Pearson's correlation of two [B, C] along `axis`; 0 where one of them is constant."""
    a, b = (x - ops.mean(x, axis, keepdims=True) for x in (a, b))
    spread = ops.sum(a * a, axis) * ops.sum(b * b, axis)
    return ops.sum(a * b, axis) / ops.sqrt(ops.maximum(spread, TINY**2))
