"""The divergence of standardised logits."""

from collections.abc import Mapping

from keras import KerasTensor, ops

from fer_keras.distill.losses.base import DistillationLoss, register_loss, softened_probabilities
from fer_keras.distill.losses.divergence import TINY, kl


@register_loss("standardised-kl")
class StandardisedKL(DistillationLoss):
    """T^2 KL(teacher || student) of logits brought to mean 0 and standard deviation 1 over the classes.

    The student need then match the order and the proportions of its teacher's logits, not their size, which a small
    network cannot reach. Of an ensemble each member's logits are standardised on their own.

    Reference: Sun et al., "Logit standardization in knowledge distillation", 2024, arXiv 2403.01427 (T = 2 there).
    """

    def call(self, y_true: Mapping[str, KerasTensor], y_pred: KerasTensor) -> KerasTensor:
        """Return float32 [B]."""
        teacher = softened_probabilities(_standardised(y_true["teacher_logits"]), self.temperature)
        student = ops.log_softmax(_standardised(y_pred) / self.temperature)
        return self.temperature**2 * kl(teacher, student)


def _standardised(logits: KerasTensor) -> KerasTensor:
    """Logits of any shape, in float32, to mean 0 and standard deviation 1 along the last axis."""
    logits = ops.cast(logits, "float32")
    deviation = ops.std(logits, -1, keepdims=True)
    return (logits - ops.mean(logits, -1, keepdims=True)) / (deviation + TINY)
