"""What a run is told, as frozen dataclasses that go to JSON and back."""

import dataclasses
import hashlib
import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from fer_keras.errors import FerKerasError


def require(option: str, value: float, low: float, high: float) -> None:
    """Check that the value of `option` lies in [low, high].

    Raises:
        FerKerasError: it does not.
    """
    if not low <= value <= high:
        raise FerKerasError(f"{option} {value}: expected a number from {low:g} to {high:g}")


@dataclass(frozen=True)
class ViewConfig:
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
    rotation: float = 15.0
    shift: float = 0.1
    zoom: float = 0.15
    brightness: float = 0.15
    contrast: float = 0.25
    erasing: float = 0.25
    erasing_side: float = 0.4

    def __post_init__(self) -> None:
        require("rotation", self.rotation, 0, 180)
        require("zoom", self.zoom, 0, 4)
        for name in ("shift", "brightness", "contrast", "erasing", "erasing_side"):
            require(name, getattr(self, name), 0, 1)


@dataclass(frozen=True)
class FitConfig:
    """How a model is fitted, teacher and student alike.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step.
        learning_rate: the peak of the schedule: linear warm-up, then a cosine down to 0
            (Loshchilov and Hutter, 2016, arXiv 1608.03983).
        warmup_epochs: epochs of warm-up.
        weight_decay: AdamW's decoupled decay, on kernels only (arXiv 1711.05101).
        ema_epochs: how many epochs the exponential moving average of the weights reaches back; 0 for none.
        label_smoothing: of the label cross-entropy.
        precision: `float32`, `mixed_bfloat16`, or `auto` for the latter where the processor computes in it.
            Full convolutions gain 1.3-1.4x from it; depthwise ones lose.
        seed: of the initial weights, the order of the images, the views and the dropout.
    """

    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 1e-3
    warmup_epochs: float = 1.0
    weight_decay: float = 0.02
    ema_epochs: float = 1.0
    label_smoothing: float = 0.0
    optimizer: Literal["adamw", "sgd"] = "adamw"
    precision: Literal["auto", "float32", "mixed_bfloat16"] = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        require("epochs", self.epochs, 1, 100_000)
        require("batch_size", self.batch_size, 1, 100_000)
        require("learning_rate", self.learning_rate, 1e-9, 100)
        require("warmup_epochs", self.warmup_epochs, 0, self.epochs)
        require("weight_decay", self.weight_decay, 0, 10)
        require("ema_epochs", self.ema_epochs, 0, 100_000)
        require("label_smoothing", self.label_smoothing, 0, 1)
        require("seed", self.seed, 0, 2**31 - 1)


@dataclass(frozen=True)
class DataConfig:
    """Which images a run saw.

    Attributes:
        source: where they came from, for people.
        fingerprint: of the training images without validation, `FaceData.fingerprint`.
        validation: share of the training images set aside.
        split_seed: of that choice.
    """

    source: str
    fingerprint: str
    validation: float = 0.1
    split_seed: int = 0


@dataclass(frozen=True)
class TeacherConfig:
    """One member of the teacher ensemble: a preset, or a family with options, fitted on labels.

    Attributes:
        data: the images.
        model: a preset.
        options: options of its family that take precedence over the preset's.
        mixup: share of the views that are mixed with another face's (arXiv 1710.09412).
        views: how far they go.
        fit: how it is fitted.
    """

    data: DataConfig
    model: str = "reference-cnn"
    votes: str = ""
    fold: int = -1
    folds: int = 4
    weak_epochs: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    mixup: float = 0.0
    views: ViewConfig = ViewConfig()
    fit: FitConfig = FitConfig(epochs=40, precision="auto")

    def __post_init__(self) -> None:
        require("mixup", self.mixup, 0, 1)


@dataclass(frozen=True)
class StudentConfig:
    """A student distilled from cached logits.

    Attributes:
        data: the images.
        teachers: the `fingerprint` of each teacher, in order.
        model: a preset.
        options: options of its family that take precedence over the preset's.
        loss: between student and teachers: Hinton's `kl`, `decoupled-kl` (arXiv 2203.08679), `dist` (2205.10536) or
            `standardised-kl` (2403.01427).
        temperature: T, that both softmaxes are softened by.
        alpha: weight of the distillation term; 1 - alpha is that of the label term.
        cached_views: K; epoch e learns from view e mod K. As many as epochs make every view a fresh one.
        cache_precision: what the teachers compute the cached logits in, as `FitConfig.precision`.
        mixup: share of the views that are mixed with another face's, before the teachers see them (arXiv 1710.09412).
        view_seed: of the cached views.
        start_from: a saved model whose weights it starts with, layer by layer where they fit; see
            `fer_keras.models.inherit`. Without it, with random ones.
        views: how far they go.
        fit: how it is fitted.
    """

    data: DataConfig
    teachers: tuple[str, ...]
    model: str = "reference-mobilenet"
    options: dict[str, Any] = field(default_factory=dict)
    loss: Literal["kl", "decoupled-kl", "dist", "standardised-kl"] = "kl"
    temperature: float = 2.5
    alpha: float = 0.9
    cached_views: int = 16
    cache_precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto"
    mixup: float = 0.0
    view_seed: int = 1
    start_from: str = ""
    views: ViewConfig = ViewConfig()
    fit: FitConfig = FitConfig(epochs=70, batch_size=64, learning_rate=1e-2)

    def __post_init__(self) -> None:
        require("temperature", self.temperature, 1e-3, 1e3)
        require("alpha", self.alpha, 0, 1)
        require("mixup", self.mixup, 0, 1)
        require("cached_views", self.cached_views, 1, 100_000)
        require("view_seed", self.view_seed, 0, 2**31 - 1)


NO_DATA = DataConfig("", "")
"""Stands in a configuration until the data are read."""


def main_job_defaults(drawn: bool) -> tuple[TeacherConfig, StudentConfig]:
    """Return the main job's options: for drawn faces those of three minutes, else those of an hour or so."""
    if not drawn:
        return TeacherConfig(NO_DATA), StudentConfig(NO_DATA, ())
    teacher = TeacherConfig(NO_DATA, "small-cnn", fit=FitConfig(epochs=20, batch_size=64, learning_rate=3e-3))
    fit = FitConfig(epochs=16, batch_size=64, learning_rate=4e-3)
    return teacher, StudentConfig(NO_DATA, (), cached_views=8, fit=fit)


def to_dict(config: Any) -> dict[str, Any]:
    """Return a dataclass as nested dictionaries and lists, ready for JSON."""
    return _jsonable(dataclasses.asdict(config))


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value


def config_hash(config: Any) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of what a dataclass says, for ledgers.

    An empty text is left out, so that `start_from`, which came later, changes no hash from before it.
    """
    told = json.dumps({key: value for key, value in to_dict(config).items() if value != ""}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def with_defaults(written: dict[str, Any], config: Any) -> dict[str, Any]:
    """Return what `to_dict` wrote of an older version of a dataclass, its newer fields at their defaults.

    Args:
        written: nested dictionaries.
        config: an instance of the dataclass as it is now.
    """
    complete = dict(written)
    for part in dataclasses.fields(config):
        value = getattr(config, part.name)
        if dataclasses.is_dataclass(value):
            complete[part.name] = with_defaults(written.get(part.name, {}), value)
        elif part.name not in written and part.default is not dataclasses.MISSING:
            complete[part.name] = _jsonable(part.default)
    return complete


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """Return a line for each option in which two `to_dict` results differ, as `fit.epochs: 40, now 60`."""
    lines = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            lines += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            lines.append(f"{prefix}{key}: {before}, now {after}")
    return lines


@cache
def environment() -> dict[str, str]:
    """Return the versions and the commit that a run was made with; the commit is empty outside a checkout.

    They are those of the first call: a process has the code that it started with, whatever is committed meanwhile.
    """
    names = (os.environ.get("KERAS_BACKEND", "tensorflow"), "keras", "numpy")
    root = Path(__file__).parents[1]

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True).stdout.strip()

    try:  # the checkout must be ours, not one that the package happens to be installed in
        commit = git("describe", "--always", "--dirty") if Path(git("rev-parse", "--show-toplevel")) == root else ""
    except (OSError, subprocess.CalledProcessError):
        commit = ""
    return {"python": platform.python_version(), **{name: version(name) for name in names}, "commit": commit}
