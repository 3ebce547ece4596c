"""The recipes that an ablation compares, and what they share."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fer_keras.config import NO_DATA, DataConfig, StudentConfig, config_hash
from fer_keras.data.dataset import FaceData
from fer_keras.distill.teachers import Teacher, views_asked_for
from fer_keras.errors import FerKerasError

BASELINE = "baseline"
ENSEMBLE, SINGLE, ASSISTANT = "ensemble", "single", "assistant"
"""Whom an arm can learn from: large teachers, the first of them, a small model that has learnt from them."""
FRESH = 100_000
"""As `cached_views`: more than epochs, so that every epoch sees a fresh one."""


@dataclass(frozen=True)
class Arm:
    """One recipe.

    Attributes:
        name: of its runs and of its row in the figure.
        question: the group in the figure.
        changes: fields of `StudentConfig` in which it differs from the base.
        teachers: which of `Study.teachers` it learns from.
        against: the arm that it is compared with.
    """

    name: str
    question: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    teachers: str = ENSEMBLE
    against: str = BASELINE


ARMS: tuple[Arm, ...] = (
    Arm(BASELINE, "baseline"),
    Arm("labels only", "distillation", {"alpha": 0.0}),
    Arm("one teacher", "teachers", teachers=SINGLE),
    Arm("assistant", "teachers", teachers=ASSISTANT),
    Arm("1 view", "cached views", {"cached_views": 1}),
    Arm("8 views", "cached views", {"cached_views": 8}),
    Arm("32 views", "cached views", {"cached_views": 32}),
    Arm("T = 1", "temperature", {"temperature": 1.0}),
    Arm("T = 4", "temperature", {"temperature": 4.0}),
    Arm("alpha = 0.5", "alpha", {"alpha": 0.5}),
    Arm("alpha = 1", "alpha", {"alpha": 1.0}),
    Arm("decoupled KL", "loss", {"loss": "decoupled-kl"}),
    Arm("DIST", "loss", {"loss": "dist"}),
    Arm("standardised KL", "loss", {"loss": "standardised-kl"}),
    Arm("mixup, 8 views", "mixup", {"cached_views": 8, "mixup": 0.5}, against="8 views"),
)
"""The base has every large teacher, Hinton's KL, T = 2.5, alpha = 0.9 and a fresh view every epoch.

The assistant in between is that of Mirzadeh et al., "Improved Knowledge Distillation via Teacher Assistant", 2020,
arXiv 1902.03393.
"""


def base_config(epochs: int) -> StudentConfig:
    """Return the recipe that the arms change: the tiny student, a short schedule.

    With ReLU, which trains a quarter faster.
    """
    options = {"activation": "relu"}
    base = StudentConfig(NO_DATA, (), model="separable-25k", options=options, cached_views=FRESH)
    return replace(base, fit=replace(base.fit, epochs=epochs))


def run_name(arm: str, seed: int) -> str:
    """Return the name of a run's folder: letters, digits, points and hyphens only."""
    return "-".join([*re.findall(r"[\w.]+", arm), f"seed{seed}"])


@dataclass(frozen=True)
class Study:
    """What the arms share.

    Attributes:
        base: the recipe that they change.
        teachers: the members of each ensemble that an arm can learn from.
        data: the images, validation marked.
        data_config: which those are.
        cache_root: where logits are cached; None for the usual place.
        folder: the study's folder, with a run in it for each arm and seed.
        out: where the ledger, the predictions and the summary are; what is in them is not trained again, whether its
            run is still in `folder` or not.
    """

    base: StudentConfig
    teachers: Mapping[str, Sequence[Teacher]]
    data: FaceData
    data_config: DataConfig
    cache_root: Path | None
    folder: Path
    out: Path

    def config(self, arm: Arm, seed: int) -> StudentConfig:
        """Return the recipe of an arm's run with one seed."""
        fingerprints = tuple(teacher.fingerprint for teacher in self.teachers[arm.teachers])
        changes = {**arm.changes, "data": self.data_config, "teachers": fingerprints}
        return replace(self.base, **changes, fit=replace(self.base.fit, seed=seed))

    def run_folder(self, arm: Arm, seed: int) -> Path:
        """Return the folder of an arm's run."""
        return self.folder / run_name(arm.name, seed)

    def check(self, arms: Sequence[Arm]) -> None:
        """Refuse what can be found wrong before the first run is trained.

        Raises:
            FerKerasError: there are no PublicTest images, the targets are of two heads, an arm's `against` is not among
                `arms`, or two arms differ in name only: a short schedule sees no more views than it has epochs.
        """
        if len(self.data.label_set.heads) > 1:
            raise FerKerasError(f"--targets {self.data_config.targets}: arms are compared by one answer an image")
        if not len(self.data.split("public_test")):
            raise FerKerasError(f"{self.data.source}: no PublicTest images, expected those that the arms are scored on")
        names: dict[tuple[str, str], str] = {}
        for arm in arms:
            if arm.against not in {other.name for other in arms}:
                raise FerKerasError(f"arm {arm.name!r} is compared with {arm.against!r}, which is not among the arms")
            config = replace(self.base, **arm.changes)
            recipe = (config_hash(replace(config, cached_views=views_asked_for(config))), arm.teachers)
            if recipe in names:
                raise FerKerasError(
                    f"arms {names[recipe]!r} and {arm.name!r} are the same in {config.fit.epochs} epochs, expected more"
                    " epochs or one of them only"
                )
            names[recipe] = arm.name
