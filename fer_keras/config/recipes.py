"""What a run is told, as frozen dataclasses that go to JSON and back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fer_keras.config.schema import Bounded, bounded, differences, later, require
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, LabelSet, label_set_in_order


@dataclass(frozen=True)
class ViewConfig(Bounded):
    """How far a view of a face may be from the face.

    Attributes:
        flip: mirror half of the views left to right.
        rotation: largest rotation, in degrees, either way.
        shift: largest shift, as a share of the image's side, either way in x and y.
        zoom: largest magnification or reduction, as a share; 0.1 gives factors 1/1.1 to 1.1.
        brightness: largest amount added, as a share of the full range 0..255, either way.
        contrast: largest change of contrast around mid-grey, as a share, either way.
        erasing: probability that a rectangle is painted over.
        erasing_side: longest side of that rectangle, as a share of the image's side.
    """

    flip: bool = True
    rotation: float = bounded(15.0, 0, 180)
    shift: float = bounded(0.1, 0, 1)
    zoom: float = bounded(0.15, 0, 4)
    brightness: float = bounded(0.15, 0, 1)
    contrast: float = bounded(0.25, 0, 1)
    erasing: float = bounded(0.25, 0, 1)
    erasing_side: float = bounded(0.4, 0, 1)


WEAK_VIEWS = ViewConfig(rotation=5.0, shift=0.04, zoom=0.05, brightness=0.05, contrast=0.1, erasing=0.0)
"""Close to the faces themselves: what the last epochs of a teacher may see."""


@dataclass(frozen=True)
class FitConfig(Bounded):
    """How a model is fitted, teacher and student alike.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step.
        learning_rate: the peak of the schedule: linear warm-up, then a cosine down to 0
            (Loshchilov and Hutter, 2016, arXiv 1608.03983).
        warmup_epochs: epochs of warm-up.
        optimizer: `adamw`, or `sgd` with Nesterov momentum 0.9.
        weight_decay: decoupled from the gradient, on kernels only (arXiv 1711.05101).
        ema_epochs: how many epochs the exponential moving average of the weights reaches back; 0 for none.
        label_smoothing: of the label cross-entropy.
        precision: `float32`, `mixed_bfloat16`, or `auto` for the latter where the processor computes in it.
            Full convolutions gain 1.3-1.4x from it; depthwise ones lose.
        seed: of the initial weights, the order of the images, the views and the dropout.
    """

    epochs: int = bounded(60, 1, 99_999)
    batch_size: int = bounded(128, 1, 100_000)
    learning_rate: float = bounded(1e-3, 1e-9, 100)
    warmup_epochs: float = bounded(1.0, 0, 99_999)
    optimizer: Literal["adamw", "sgd"] = later("adamw")
    weight_decay: float = bounded(0.02, 0, 10)
    ema_epochs: float = bounded(1.0, 0, 100_000)
    label_smoothing: float = bounded(0.0, 0, 1)
    precision: Literal["auto", "float32", "mixed_bfloat16"] = "float32"
    seed: int = bounded(0, 0, 2**31 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        require("warmup_epochs", self.warmup_epochs, 0, self.epochs)


@dataclass(frozen=True)
class DataConfig(Bounded):
    """Which images a run saw.

    Attributes:
        source: where they came from, for people.
        fingerprint: of the training images without validation, `FaceData.fingerprint`.
        validation: share of the training images set aside.
        split_seed: of that choice.
        classes: their names, in order.
        targets: what is learned: the data's `labels`; `votes`, the shares of FER+'s votes; `majority`, the class that
            most of them name; or `labels+votes`, by a network with a head for each.
        votes: where they come from: `ferplus`, the table in the package, or a file or folder of FER+'s.
        folds: into how many parts the training images are divided for teachers that leave one out.
        left_out: the part that this network does not learn from, 1 to `folds`; 0 for none.
    """

    source: str
    fingerprint: str
    validation: float = bounded(0.1, 0, 1)
    split_seed: int = bounded(0, 0, 2**31 - 1)
    classes: tuple[str, ...] = later(FER2013.classes, found=True)
    targets: Literal["labels", "votes", "majority", "labels+votes"] = later("labels")
    votes: str = later("ferplus")
    folds: int = later(1, 1, 100)
    left_out: int = later(0, 0, 100)

    def __post_init__(self) -> None:
        super().__post_init__()
        label_set_in_order(self.classes)
        require("left_out", self.left_out, 0, self.folds if self.folds > 1 else 0)

    @property
    def label_set(self) -> LabelSet:
        """The classes, as a set that finds their known spellings."""
        return label_set_in_order(self.classes)


@dataclass(frozen=True)
class TeacherConfig(Bounded):
    """One member of the teacher ensemble: a preset, or a family with options, fitted on labels.

    Attributes:
        data: the images.
        model: a preset.
        options: options of its family that take precedence over the preset's.
        mixup: share of the views that are mixed with another face's (arXiv 1710.09412).
        weak_epochs: the last so many epochs see `WEAK_VIEWS`, none of them mixed.
        views: how far they go.
        fit: how it is fitted.
    """

    data: DataConfig
    model: str = "reference-cnn"
    options: dict[str, Any] = field(default_factory=dict)
    mixup: float = bounded(0.0, 0, 1)
    weak_epochs: int = later(0, 0, 99_999)
    views: ViewConfig = ViewConfig()
    fit: FitConfig = FitConfig(epochs=40, precision="auto")


@dataclass(frozen=True)
class StudentConfig(Bounded):
    """A student distilled from cached logits.

    Attributes:
        data: the images.
        teachers: the `fingerprint` of each teacher, in order.
        model: a preset.
        options: options of its family that take precedence over the preset's.
        loss: between student and teachers: Hinton's `kl`, `decoupled-kl` (arXiv 2203.08679), `dist` (2205.10536) or
            `standardised-kl` (2403.01427).
        loss_options: arguments of that loss beside the temperature, such as beta=8.
        temperature: T, that both softmaxes are softened by.
        alpha: weight of the distillation term; 1 - alpha is that of the label term.
        teacher_names: what their folders are called, in the same order; their fingerprints say what they are.
        cached_views: K; epoch e learns from view e mod K. As many as epochs make every view a fresh one.
        cache_precision: what the teachers compute the cached logits in, as `FitConfig.precision`.
        cache_mirrored: whether a cached logit is the mean over the view and its mirror image.
        cross_fitted: whether an image is taught only by those teachers that left it out; see `DataConfig.left_out`.
        mixup: share of the views that are mixed with another face's, before the teachers see them (arXiv 1710.09412).
        view_seed: of the cached views.
        init_from: a saved model whose weights it starts with, layer by layer where they fit; see
            `fer_keras.models.transfer`. Without it, with random ones.
        views: how far they go.
        fit: how it is fitted.
    """

    data: DataConfig
    teachers: tuple[str, ...]
    model: str = "reference-mobilenet"
    options: dict[str, Any] = field(default_factory=dict)
    loss: str = "kl"
    loss_options: dict[str, float] = field(default_factory=dict, metadata={"later": {}})
    temperature: float = bounded(2.5, 0.001, 1000)
    alpha: float = bounded(0.9, 0, 1)
    teacher_names: tuple[str, ...] = later((), found=True)
    cached_views: int = bounded(16, 1, 100_000)
    cache_precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto"
    cache_mirrored: bool = later(False)
    cross_fitted: bool = later(False)
    mixup: float = bounded(0.0, 0, 1)
    view_seed: int = bounded(1, 0, 2**31 - 1)
    init_from: str = later("")
    views: ViewConfig = ViewConfig()
    fit: FitConfig = FitConfig(epochs=70, batch_size=64, learning_rate=1e-2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.teacher_names and len(self.teacher_names) != len(self.teachers):
            counts = f"{len(self.teacher_names)} names of {len(self.teachers)} teachers"
            raise FerKerasError(f"teacher_names: expected one for each of teachers, found {counts}")


NO_DATA = DataConfig("", "")
"""Stands in a configuration until the data are read."""


def main_job_defaults(drawn: bool) -> tuple[TeacherConfig, StudentConfig]:
    """Return the main job's options: for drawn faces those of three minutes, else those of an hour or so."""
    if not drawn:
        return TeacherConfig(NO_DATA), StudentConfig(NO_DATA, ())
    teacher = TeacherConfig(NO_DATA, "small-cnn", fit=FitConfig(epochs=20, batch_size=64, learning_rate=3e-3))
    fit = FitConfig(epochs=16, batch_size=64, learning_rate=4e-3)
    return teacher, StudentConfig(NO_DATA, (), cached_views=8, fit=fit)


def without_names(config: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe's `to_dict` without what its data and teachers are called: fingerprints say what they are."""
    config = {key: value for key, value in config.items() if key != "teacher_names"}
    return {**config, "data": {**config["data"], "source": None}} if "data" in config else config


def require_same(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Check that what is in a folder has the options that it is to go on with.

    Raises:
        FerKerasError: an option differs.
    """
    if changed := differences(before, now):
        raise FerKerasError(
            f"{folder}: cannot go on with other options ({'; '.join(changed)}); give the same ones, or another --name"
        )
