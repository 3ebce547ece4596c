"""What a run minimises and which view it sees when: one definition, for Keras's `fit` and for the parallel trainer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keras import KerasTensor, ops

from fer_keras.config import WEAK_VIEWS, StudentConfig, TeacherConfig, ViewConfig
from fer_keras.data.random_streams import label_view_seed
from fer_keras.distill.losses import DistillationLoss, LabelCrossEntropy, make_loss, over_heads, softened_probabilities
from fer_keras.distill.teachers import views_asked_for
from fer_keras.errors import FerKerasError


@dataclass(frozen=True)
class Objective:
    """alpha * distillation loss + (1 - alpha) * label cross-entropy of a batch, in Keras's operations.

    Reference: Hinton, Vinyals and Dean, 2015, arXiv 1503.02531.

    Attributes:
        label_loss: the cross-entropy.
        distillation_loss: between student and teachers; None for a network that learns from labels alone.
        alpha: weight of the distillation term.
        heads: the columns of each head, whose losses are added up.
    """

    label_loss: LabelCrossEntropy
    distillation_loss: DistillationLoss | None = None
    alpha: float = 0.0
    heads: Sequence[slice] = (slice(None),)

    def cross_entropy(
        self, targets: KerasTensor, logits: KerasTensor, sample_weight: KerasTensor | None = None
    ) -> KerasTensor:
        """Return the scalar cross-entropy of logits [B, C] with targets [B, C]."""
        return over_heads(self.label_loss, self.heads)(targets, logits, sample_weight)

    def terms(
        self,
        y: KerasTensor | Mapping[str, KerasTensor],
        logits: KerasTensor,
        sample_weight: KerasTensor | None = None,
        student_features: Mapping[str, KerasTensor] | None = None,
    ) -> dict[str, KerasTensor]:
        """Return the scalars of a batch, `loss` among them.

        Args:
            y: {"targets": [B, C], "teacher_logits": [B, M, C]}, or plain targets [B, C], of which the loss is the
                cross-entropy alone.
            logits: the network's, [B, C].
            sample_weight: [B]. Defaults to ones.
            student_features: layer -> its output, where the distillation loss asks for some. Defaults to none.

        Returns:
            `loss`; of a student also `label_loss`, and with its teachers' logits `distillation_loss` and `agreement`,
            the share of the images of which the ensemble and the student find the same class likeliest.
        """
        distilled = isinstance(y, Mapping)
        label_loss = self.cross_entropy(y["targets"] if distilled else y, logits, sample_weight)
        if self.distillation_loss is None:
            return {"loss": label_loss}
        if not distilled:
            return {"loss": label_loss, "label_loss": label_loss}
        if student_features:
            y = {**y, "student_features": student_features}
        if self.distillation_loss.teacher_features and "teacher_features" not in y:
            raise FerKerasError(
                f"{self.distillation_loss.name}: compares features of teachers, which these batches lack: a cache has"
                " logits alone"
            )
        distillation_loss = over_heads(self.distillation_loss, self.heads)(y, logits, sample_weight)
        return {
            "loss": self.alpha * distillation_loss + (1.0 - self.alpha) * label_loss,
            "label_loss": label_loss,
            "distillation_loss": distillation_loss,
            "agreement": sum(_agreement(y["teacher_logits"][..., h], logits[:, h]) for h in self.heads)
            / len(self.heads),
        }


def _agreement(teacher_logits: KerasTensor, logits: KerasTensor) -> KerasTensor:
    """The share of the images of which the ensemble and the student find the same class likeliest."""
    ensemble = softened_probabilities(teacher_logits, 1.0)
    return ops.mean(ops.cast(ops.equal(ops.argmax(ensemble, -1), ops.argmax(logits, -1)), "float32"))


def objective_of(config: TeacherConfig | StudentConfig) -> Objective:
    """Return what a run minimises.

    Raises:
        FerKerasError: there is no such loss, or it has no such option.
    """
    label_loss, heads = LabelCrossEntropy(config.fit.label_smoothing), config.data.label_set.heads
    if not isinstance(config, StudentConfig):
        return Objective(label_loss, heads=heads)
    distillation_loss = make_loss(config.loss, config.temperature, config.loss_options)
    return Objective(label_loss, distillation_loss, config.alpha, heads)


@dataclass(frozen=True)
class ViewSchedule:
    """Which view an epoch sees, and how far it is from the faces.

    Attributes:
        seed: of the views.
        cached: K, how many of them there are; None where every epoch sees a fresh one.
        views: how far they go.
        mixup: share of them that are mixed with another face's.
        weak_from: the first epoch of those that see `WEAK_VIEWS`, none of them mixed; None where none does.
    """

    seed: int
    cached: int | None = None
    views: ViewConfig = field(default_factory=ViewConfig)
    mixup: float = 0.0
    weak_from: int | None = None

    def view(self, epoch: int) -> int:
        """Return the number of the view of an epoch."""
        return epoch if self.cached is None else epoch % self.cached

    def strength(self, epoch: int) -> tuple[ViewConfig, float]:
        """Return how far the views of an epoch go, and the share of them that are mixed."""
        weak = self.weak_from is not None and epoch >= self.weak_from
        return (WEAK_VIEWS, 0.0) if weak else (self.views, self.mixup)


def view_schedule(config: TeacherConfig | StudentConfig) -> ViewSchedule:
    """Return which view each epoch of a run sees."""
    if isinstance(config, StudentConfig):
        return ViewSchedule(config.view_seed, views_asked_for(config), config.views, config.mixup)
    weak_from = config.fit.epochs - config.weak_epochs if config.weak_epochs else None
    return ViewSchedule(label_view_seed(config.fit.seed), None, config.views, config.mixup, weak_from)
