"""Fits the members of the teacher ensemble on labels."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from fer_keras.config import TeacherConfig, require
from fer_keras.data.dataset import FaceData, duplicate_groups
from fer_keras.data.votes import read_votes
from fer_keras.distill.heads import HeadsCrossEntropy
from fer_keras.distill.losses import LabelCrossEntropy
from fer_keras.models.registry import preset
from fer_keras.streams import label_view_seed
from fer_keras.training.loop import fit_run
from fer_keras.training.pipeline import label_dataset


def train_members(
    configs: Sequence[TeacherConfig], train: FaceData, val: FaceData, folder: Path, *, resume: bool
) -> list[Path]:
    """Fit a teacher for each of `configs`, in `folder`/member-1 and so on; see `train_teacher`.

    Returns:
        The path of each member's model.
    """
    return [
        train_teacher(config, train, val, folder / f"member-{number}", resume=resume)
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


def train_teacher(config: TeacherConfig, train: FaceData, val: FaceData, folder: Path, *, resume: bool) -> Path:
    """Fit a teacher on the labels of `train`, choosing by `val`, in the run folder `folder`; see `fit_run`.

    Returns:
        The path of the best model.
    """
    soft = {}
    if config.votes:
        keep = np.ones(len(train), bool)
        if config.fold >= 0:
            groups = duplicate_groups(train)
            number = np.random.default_rng(0).permutation(groups.max() + 1) % config.folds
            keep = number[groups] != config.fold
        train = train.take(np.flatnonzero(keep))
        one_hot = [np.eye(7, dtype=np.float32)[part.labels] for part in (train, val)]
        shares, _ = read_votes(Path(config.votes), train.ids)
        _, majority = read_votes(Path(config.votes), val.ids)
        soft = {"targets": np.hstack([one_hot[0], shares])}
        val_targets = np.hstack([one_hot[1], majority])
        print(f"{len(train):,} images, {int(shares.any(1).sum()):,} with votes", flush=True)
    batches = partial(
        label_dataset,
        train,
        config.views,
        batch_size=config.fit.batch_size,
        seed=config.fit.seed,
        mixup=config.mixup,
        weak_from=config.fit.epochs - config.weak_epochs,
        **soft,
    )
    return fit_run(
        config,
        train,
        val,
        batches,
        folder,
        loss=(HeadsCrossEntropy if soft else LabelCrossEntropy)(config.fit.label_smoothing),
        val_targets=val_targets if soft else None,
        trainer_of=lambda network: network,
        view_seed=label_view_seed(config.fit.seed),
        resume=resume,
    )
