"""Fits the members of the teacher ensemble on labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from fer_keras.config import TeacherConfig, require
from fer_keras.data.dataset import FaceData
from fer_keras.distill.losses import LabelCrossEntropy, over_heads
from fer_keras.distill.objective import view_schedule
from fer_keras.models.registry import preset
from fer_keras.training.loop import TrainingSetup, fit_run
from fer_keras.training.pipeline import BatchOrder, training_dataset
from fer_keras.training.run import Run


def train_members(
    configs: Sequence[TeacherConfig], train: FaceData, val: FaceData, folder: Path, *, resume: bool
) -> list[Path]:
    """Fit a teacher for each of `configs`, in `folder`/member-1 and so on; see `train_teacher`.

    Returns:
        The path of each member's model.
    """
    return [
        train_teacher(Run(folder / f"member-{number}", config, resume=resume), train, val)
        for number, config in enumerate(configs, 1)
    ]


def member_configs(config: TeacherConfig, models: Sequence[str], members: int | None = None) -> list[TeacherConfig]:
    """Return `members` configurations with seeds counting up from `config`'s and `models` taken in turn.

    Without `members` there is one for each of `models`.

    Raises:
        FerKerasError: `members` is not at least 1, or there is no such preset.
    """
    for model in models:
        preset(model)
    members = len(models) if members is None else members
    require("members", members, 1, 100)
    return [
        replace(config, model=models[i % len(models)], fit=replace(config.fit, seed=config.fit.seed + i))
        for i in range(members)
    ]


def train_teacher(run: Run, train: FaceData, val: FaceData) -> Path:
    """Fit the teacher of a run on the labels of `train`, choosing by `val`; see `fit_run`.

    Returns:
        The path of the best model.
    """
    config = run.config
    schedule, order = view_schedule(config), BatchOrder(config.fit.batch_size, config.fit.seed)
    loss = over_heads(LabelCrossEntropy(config.fit.label_smoothing), config.data.label_set.heads)

    def batches(epochs: range) -> tf.data.Dataset:
        return training_dataset(train, schedule, epochs=epochs, order=order)

    return fit_run(run, train, val, TrainingSetup(batches, lambda network: (network, loss)))
