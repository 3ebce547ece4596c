"""The losses of distillation, as Keras losses: a value an image, then the weighted mean over the batch.

What compares a student with its teachers takes {"targets": [B, C], "teacher_logits": [B, M, C]} and the student's
logits [B, C], so that a loss which needs to know the true class can. A target is a row of shares of the classes:
one-hot for a label, mixed or smoothed or shares of votes, zeros for an unlabelled image.

To add a loss: a file with a class under `register_loss`, and its import here.
"""

from fer_keras.distill.losses.base import (
    DISTILLATION_LOSSES,
    DistillationLoss,
    loss_options,
    make_loss,
    register_loss,
    softened_probabilities,
)
from fer_keras.distill.losses.decoupled_kl import DecoupledKL
from fer_keras.distill.losses.heads import SumOverHeads, over_heads
from fer_keras.distill.losses.label_cross_entropy import LabelCrossEntropy
from fer_keras.distill.losses.relation import RelationLoss
from fer_keras.distill.losses.softened_kl import SoftenedKL
from fer_keras.distill.losses.standardised_kl import StandardisedKL

__all__ = [
    "DISTILLATION_LOSSES",
    "DecoupledKL",
    "DistillationLoss",
    "LabelCrossEntropy",
    "RelationLoss",
    "SoftenedKL",
    "StandardisedKL",
    "SumOverHeads",
    "loss_options",
    "make_loss",
    "over_heads",
    "register_loss",
    "softened_probabilities",
]
