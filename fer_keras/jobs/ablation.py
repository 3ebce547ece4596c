"""What helps a student: one change of the recipe at a time, every arm with the same seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_keras.config import DataConfig, StudentConfig, ViewConfig, config_hash
from fer_keras.data.dataset import FaceData
from fer_keras.distill.teachers import Teacher, cached_logits, identify_teachers, views_asked_for
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.comparison import SPLITS, compare_arms
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.evaluation.report import read_history
from fer_keras.files import locked, read_arrays, replacing, write_text
from fer_keras.jobs.ablation_arms import Arm, arm_config, refuse_equal_arms, run_name
from fer_keras.models.load import load_model
from fer_keras.training.run import Run
from fer_keras.training.student import train_student

LEDGER_FILE, SUMMARY_FILE, FIGURE_FILE = "ablation.csv", "ablation_summary.csv", "ablation.png"
PREDICTIONS_FILE = "ablation_predictions.npz"
"""`<run>/<split>` -> uint8 [N], what each run of the ledger calls the images: comparisons are paired by image."""


@dataclass(frozen=True)
class Study:
    """What the arms share.

    Attributes:
        base: the recipe that they change.
        teachers: the members of each ensemble that an arm can learn from.
        data: the images, validation marked.
        data_config: which those are.
        cache_root: where logits are cached.
        folder: the study's folder, with a run in it for each arm and seed.
        out: where the ledger, the predictions and the summary are; what is in them is not trained again, whether its
            run is still in `folder` or not.
    """

    base: StudentConfig
    teachers: Mapping[str, Sequence[Teacher]]
    data: FaceData
    data_config: DataConfig
    cache_root: Path
    folder: Path
    out: Path


def run_study(study: Study, arms: Sequence[Arm], seeds: Sequence[int]) -> pd.DataFrame:
    """Train every arm with every seed that is not trained yet, and write the ledger after each.

    Seed by seed, so that a study that was stopped has whole rounds to compare.

    Args:
        study: what the arms share.
        arms: the recipes.
        seeds: of `FitConfig.seed`.

    Returns:
        The ledger, one row a run.

    Raises:
        FerKerasError: a run of that name was told something else, an arm's `against` is not among the arms or is told
            the same, there are no PublicTest images, or another process is at this study.
    """
    # Found before the first run is trained, not after.
    if not len(study.data.split("public_test")):
        raise FerKerasError(f"{study.data.source}: no PublicTest images, expected those that the arms are scored on")
    names = {arm.name for arm in arms}
    for arm in arms:
        if arm.against not in names:
            raise FerKerasError(f"arm {arm.name!r} is compared with {arm.against!r}, which is not among the arms")
    refuse_equal_arms(study.base, arms)
    with locked(study.out, wait=False):
        records = Records(study.out)
        rows: list[dict[str, Any]] = []
        for seed in seeds:
            for arm in arms:
                print(f"ablation: seed {seed}, arm {len(rows) % len(arms) + 1} of {len(arms)}: {arm.name}", flush=True)
                config = _config(study, arm, seed)
                row = records.row(arm.name, seed, _hash(config))
                if row is None:
                    row, guesses = _run(study, arm, config, _views(study, arms, _pictures(study, arm)))
                    records.add(row, guesses)
                rows.append(row)
    return pd.DataFrame(rows)


def recorded(study: Study, arms: Sequence[Arm], seeds: Sequence[int]) -> list[Arm]:
    """Return those of `arms` of which the ledger has every seed, and of what they are compared with too."""
    records = Records(study.out)
    there = {
        arm.name
        for arm in arms
        if all(records.row(arm.name, seed, _hash(_config(study, arm, seed))) is not None for seed in seeds)
    }
    return [arm for arm in arms if {arm.name, arm.against} <= there]


def summarise(study: Study, arms: Sequence[Arm], seeds: Sequence[int]) -> pd.DataFrame:
    """Return one row an arm: its mean scores and how far it is ahead of the arm it is compared with.

    Args:
        study: as it was run.
        arms: as they were run.
        seeds: as they were run.
    """
    records = Records(study.out)
    labels = {split: study.data.split(split).labels for split in SPLITS}
    hits = {
        arm.name: {
            split: np.stack([records.guesses(arm.name, seed, split) == labels[split] for seed in seeds])
            for split in SPLITS
        }
        for arm in arms
    }
    summary = compare_arms(hits, {arm.name: arm.against for arm in arms})
    summary.insert(1, "question", [arm.question for arm in arms])
    write_text(study.out / SUMMARY_FILE, summary.to_csv(index=False))
    return summary


def _config(study: Study, arm: Arm, seed: int) -> StudentConfig:
    changed = replace(study.base, **arm.changes)
    identities = identify_teachers(changed, study.teachers[arm.teachers], study.data.split("train"))
    return arm_config(study.base, arm, study.data_config, tuple(identity.teacher for identity in identities), seed)


def _hash(config: StudentConfig) -> str:
    """The hash of what a run is told, but for what the data are called."""
    return config_hash(replace(config, data=replace(config.data, source="")))


def _pictures(study: Study, arm: Arm) -> tuple[ViewConfig, float]:
    """What the pictures of an arm depend on, and so its cache: the views and the share of mixed ones."""
    config = replace(study.base, **arm.changes)
    return config.views, config.mixup


def _views(study: Study, arms: Sequence[Arm], pictures: tuple[ViewConfig, float]) -> int:
    """How many views the arms with these pictures ask for at most: each reads from the same cache."""
    configs = [replace(study.base, **arm.changes) for arm in arms if _pictures(study, arm) == pictures]
    return max(views_asked_for(config) for config in configs)


def _run(study: Study, arm: Arm, config: StudentConfig, views: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Train an arm, from a cache of `views` views that it shares; return its row and its guesses by split."""
    train, val, seed = study.data.split("train"), study.data.split("val"), config.fit.seed
    folder = study.folder / run_name(arm.name, seed)
    run = Run(folder, config, resume=True)
    if run.is_finished:  # the logits are not needed
        run.check_resumable()
        run.publish()  # a kill may have come between a checkpoint and its publication
    else:
        cache = cached_logits(config, study.teachers[arm.teachers], train, study.cache_root, views)
        train_student(run, train, val, cache.first(views_asked_for(config)))
    model = load_model(folder)
    guesses = {split: predict_logits(model, study.data.split(split).images).argmax(-1) for split in SPLITS}
    history = read_history(folder)
    row = {
        "arm": arm.name,
        "question": arm.question,
        "seed": seed,
        "teachers": len(config.teachers),
        **{name: getattr(config, name) for name in ("loss", "temperature", "alpha", "mixup")},
        "views": views_asked_for(config),
        "epochs": config.fit.epochs,
        "best_epoch": int(history["val_accuracy"].idxmax()) + 1,
        **{f"{split}_accuracy": float((guesses[split] == study.data.split(split).labels).mean()) for split in SPLITS},
        "train_accuracy": float(history["accuracy"].iloc[-1]),
        "seconds": float(history["seconds"].sum()),
        "config_sha256": _hash(config),
    }
    return row, guesses


class Records:
    """The ledger of a study and its predictions, as they are in a folder.

    Args:
        folder: where they are, or will be.

    Raises:
        FerKerasError: a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._ledger, self._predictions = folder / LEDGER_FILE, folder / PREDICTIONS_FILE
        self._rows = _read_ledger(self._ledger) if self._ledger.exists() else []
        self._guesses = {}
        if self._predictions.exists():
            self._guesses = read_arrays(self._predictions, "the predictions of an ablation")

    def row(self, arm: str, seed: int, told: str) -> dict[str, Any] | None:
        """Return the row of a run, or None where there is none, or one that was told something else than `told`."""
        for row in self._rows:
            if (row["arm"], row["seed"], row["config_sha256"]) == (arm, seed, told):
                return row if f"{run_name(arm, seed)}/{SPLITS[0]}" in self._guesses else None
        return None

    def guesses(self, arm: str, seed: int, split: str) -> np.ndarray:
        """Return uint8 [N], what a run that has a row calls the images of a split."""
        return self._guesses[f"{run_name(arm, seed)}/{split}"]

    def add(self, row: Mapping[str, Any], guesses: Mapping[str, np.ndarray]) -> None:
        """Write a run, in the place of an earlier one of that arm and seed.

        Args:
            row: `arm`, `seed`, `config_sha256` and more.
            guesses: split -> int [N], what it calls the images.
        """
        key = (row["arm"], row["seed"])
        self._guesses |= {f"{run_name(*key)}/{split}": guess.astype(np.uint8) for split, guess in guesses.items()}
        with replacing(self._predictions) as partial:
            np.savez_compressed(partial, **self._guesses)
        self._rows = [*(other for other in self._rows if (other["arm"], other["seed"]) != key), dict(row)]
        write_text(self._ledger, pd.DataFrame(self._rows).to_csv(index=False))


def _read_ledger(path: Path) -> list[dict[str, Any]]:
    try:
        # As text, for some hashes have digits only.
        table = pd.read_csv(path, dtype={"config_sha256": str})
        return table.astype({"arm": str, "seed": int}).to_dict("records")
    except (ValueError, KeyError) as error:
        raise FerKerasError(f"{path}: expected the table of an ablation ({error})") from error
