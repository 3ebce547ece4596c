"""The losses of distillation, as Keras losses: a value an image, then the weighted mean over the batch.

What compares a student with its teachers takes {"targets": [B, C], "teacher_logits": [B, M, C]} and the student's
logits [B, C], so that a loss which needs to know the true class can. A target is a row of shares of the classes:
one-hot for a label, mixed or smoothed or shares of votes, zeros for an unlabelled image.
"""

from collections.abc import Mapping

import keras
from keras import KerasTensor, ops


@keras.saving.register_keras_serializable(package="fer_keras")
class LabelCrossEntropy(keras.losses.Loss):
    """Cross-entropy of logits [B, C] with soft targets [B, C]; an unlabelled image, a row of zeros, costs nothing.

    Of mixed images it is so the mix of both labels' cross-entropies by their shares (mixup, arXiv 1710.09412).

    Args:
        label_smoothing: share of the target spread over all classes (arXiv 1512.00567). Defaults to 0.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "label_cross_entropy", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        """Return float32 [B]."""
        targets = ops.cast(y_true, "float32")
        labelled = ops.sum(targets, -1, keepdims=True)
        targets = targets * (1.0 - self.label_smoothing) + labelled * self.label_smoothing / targets.shape[-1]
        return -ops.sum(targets * ops.log_softmax(ops.cast(y_pred, "float32")), -1)

    def get_config(self) -> dict:
        """Return what the constructor takes."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def softened_probabilities(teacher_logits: KerasTensor, temperature: float) -> KerasTensor:
    """Return the ensemble's opinion: the mean of its members' softmax(logits / T).

    Args:
        teacher_logits: [B, M, C], any float dtype.
        temperature: T.

    Returns:
        float32 [B, C].
    """
    return ops.mean(ops.softmax(ops.cast(teacher_logits, "float32") / temperature), axis=1)


class DistillationLoss(keras.losses.Loss):
    """What the losses between a student and its teachers share.

    Args:
        temperature: T, that both softmaxes are softened by. Defaults to 2.5.
    """

    def __init__(self, temperature: float = 2.5, name: str | None = None, **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.temperature = temperature

    def get_config(self) -> dict:
        """Return what the constructor takes."""
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable(package="fer_keras")
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
        return self.temperature**2 * _kl(teacher, student)


@keras.saving.register_keras_serializable(package="fer_keras")
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
        return self.temperature**2 * _kl(teacher, student)


@keras.saving.register_keras_serializable(package="fer_keras")
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
        binary = _kl(of_teacher, ops.log(of_student))
        others = _kl(among_teacher, ops.log(among_student))
        return self.temperature**2 * (binary + self.beta * others)

    def get_config(self) -> dict:
        """Return what the constructor takes."""
        return {**super().get_config(), "beta": self.beta}


@keras.saving.register_keras_serializable(package="fer_keras")
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


DISTILLATION_LOSSES: dict[str, type[DistillationLoss]] = {
    "kl": SoftenedKL,
    "decoupled-kl": DecoupledKL,
    "dist": RelationLoss,
    "standardised-kl": StandardisedKL,
}
"""Option of a run -> the loss it names."""


def _kl(p: KerasTensor, log_q: KerasTensor) -> KerasTensor:
    """KL(p || q) along the last axis; a class that p finds impossible costs nothing."""
    impossible = ops.equal(p, 0.0)  # not p > 0: what is no number must not pass for nothing
    log_p = ops.log(ops.where(impossible, 1.0, p))
    return ops.sum(ops.where(impossible, 0.0, p * (log_p - ops.where(impossible, 0.0, log_q))), -1)


def _standardised(logits: KerasTensor) -> KerasTensor:
    """Logits of any shape, in float32, to mean 0 and standard deviation 1 along the last axis."""
    logits = ops.cast(logits, "float32")
    deviation = ops.std(logits, -1, keepdims=True)
    return (logits - ops.mean(logits, -1, keepdims=True)) / (deviation + _TINY)


def _decoupled(probabilities: KerasTensor, target: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
    """Return the probabilities [B, 2] of the target class and of the others, and [B, C] of each among the others.

    Both are clipped away from 0, so that their logarithms are finite.
    """
    others = probabilities * (1.0 - target)
    rest = ops.sum(others, -1, keepdims=True)  # not 1 - p, which rounds to 0 for a sure teacher
    binary = ops.concatenate([ops.sum(probabilities * target, -1, keepdims=True), rest], -1)
    return ops.maximum(binary, _TINY), ops.maximum(others / ops.maximum(rest, _TINY), _TINY)


def _correlation(a: KerasTensor, b: KerasTensor, axis: int) -> KerasTensor:
    """Pearson's correlation of two [B, C] along `axis`; 0 where one of them is constant."""
    a, b = (x - ops.mean(x, axis, keepdims=True) for x in (a, b))
    spread = ops.sum(a * a, axis) * ops.sum(b * b, axis)
    return ops.sum(a * b, axis) / ops.sqrt(ops.maximum(spread, _TINY**2))


_TINY = 1e-8
