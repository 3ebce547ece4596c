"""Hinton's divergence in its two parts."""

from collections.abc import Mapping

from keras import KerasTensor, ops

from fer_keras.distill.losses.base import DistillationLoss, register_loss, softened_probabilities
from fer_keras.distill.losses.divergence import TINY, kl


@register_loss("decoupled-kl")
class DecoupledKL(DistillationLoss):
    """Hinton's divergence in its two parts, each with a weight of its own.

    T^2 (KL of "the true class or another" + beta KL among the other classes). Hinton's loss gives the second part the
    weight 1 - p(true class) of the teacher, so it counts least where the teacher is surest. The true class of an
    unlabelled image is the one that the teachers find likeliest.

    Reference: Zhao et al., "Decoupled knowledge distillation", 2022, arXiv 2203.08679.

    Args:
        temperature: T. Defaults to 2.5.
        beta: weight of the second part; the paper has 8 for the 100 classes of CIFAR and 0.5 for ImageNet.
            Defaults to 2.
    """

    def __init__(self, temperature: float = 2.5, beta: float = 2.0, **kwargs: object) -> None:
        super().__init__(temperature, **kwargs)
        self.beta = beta

    def call(self, y_true: Mapping[str, KerasTensor], y_pred: KerasTensor) -> KerasTensor:
        """Return float32 [B]."""
        teacher = softened_probabilities(y_true["teacher_logits"], self.temperature)
        student = ops.softmax(ops.cast(y_pred, "float32") / self.temperature)
        targets = ops.cast(y_true["targets"], "float32")
        labelled = ops.sum(targets, -1, keepdims=True) > 0
        target = ops.one_hot(ops.argmax(ops.where(labelled, targets, teacher), -1), teacher.shape[-1])
        (of_teacher, among_teacher), (of_student, among_student) = (_decoupled(p, target) for p in (teacher, student))
        binary = kl(of_teacher, ops.log(of_student))
        others = kl(among_teacher, ops.log(among_student))
        return self.temperature**2 * (binary + self.beta * others)

    def get_config(self) -> dict:
        """Return what the constructor takes."""
        return {**super().get_config(), "beta": self.beta}


def _decoupled(probabilities: KerasTensor, target: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
    """Return the probabilities [B, 2] of the target class and of the others, and [B, C] of each among the others.

    Both are clipped away from 0, so that their logarithms are finite.
    """
    others = probabilities * (1.0 - target)
    rest = ops.sum(others, -1, keepdims=True)  # not 1 - p, which rounds to 0 for a sure teacher
    binary = ops.concatenate([ops.sum(probabilities * target, -1, keepdims=True), rest], -1)
    return ops.maximum(binary, TINY), ops.maximum(others / ops.maximum(rest, TINY), TINY)
