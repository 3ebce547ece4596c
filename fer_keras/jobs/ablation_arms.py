"""The recipes that an ablation compares."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fer_keras.config import NO_DATA, DataConfig, StudentConfig, config_hash
from fer_keras.distill.teachers import views_asked_for
from fer_keras.errors import FerKerasError

BASELINE = "baseline"
ENSEMBLE, ONE, ASSISTANT = "ensemble", "one", "assistant"
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
    Arm("one teacher", "teachers", teachers=ONE),
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


def arm_config(base: StudentConfig, arm: Arm, data: DataConfig, teachers: tuple[str, ...], seed: int) -> StudentConfig:
    """Return what the run of an arm is told.

    Args:
        base: the recipe that it changes.
        arm: the recipe.
        data: the images.
        teachers: the fingerprints of those it learns from.
        seed: of `FitConfig.seed`.
    """
    return replace(base, **arm.changes, data=data, teachers=teachers, fit=replace(base.fit, seed=seed))


def refuse_equal_arms(base: StudentConfig, arms: Sequence[Arm]) -> None:
    """Refuse arms that differ in name only: a short schedule sees no more views than it has epochs.

    Args:
        base: the recipe that they change.
        arms: the recipes.

    Raises:
        FerKerasError: two are told the same.
    """
    told: dict[tuple[str, str], str] = {}
    for arm in arms:
        config = replace(base, **arm.changes)
        same = (config_hash(replace(config, cached_views=views_asked_for(config))), arm.teachers)
        if same in told:
            raise FerKerasError(
                f"arms {told[same]!r} and {arm.name!r} are the same in {config.fit.epochs} epochs, expected more epochs"
                " or one of them only"
            )
        told[same] = arm.name


def run_name(arm: str, seed: int) -> str:
    """Return the name of a run's folder: letters, digits, points and hyphens only."""
    return "-".join([*re.findall(r"[\w.]+", arm), f"seed{seed}"])
