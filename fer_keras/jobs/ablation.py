"""What helps a student: one change of the recipe at a time, every arm with the same seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_keras.config import StudentConfig, config_hash
from fer_keras.distill.logit_cache import default_root
from fer_keras.distill.teachers import cached_logits, views_asked_for
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.comparison import SPLITS, compare_arms
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.evaluation.results import read_history
from fer_keras.files import locked, read_arrays, replacing, write_text
from fer_keras.jobs.ablation_arms import Arm, Study, run_name
from fer_keras.models.load import load_model
from fer_keras.training.run import Run
from fer_keras.training.student import train_student

LEDGER_FILE, SUMMARY_FILE, FIGURE_FILE = "ablation.csv", "ablation_summary.csv", "ablation.png"
PREDICTIONS_FILE = "ablation_predictions.npz"
"""`<run>/<split>` -> uint8 [N], what each run of the ledger calls the images: comparisons are paired by image."""


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
        FerKerasError: as `Study.check`, a run of that name has another recipe, or another process is at this study.
    """
    study.check(arms)
    with locked(study.out, wait=False):
        records = Records(study.out)
        rows: list[dict[str, Any]] = []
        for seed in seeds:
            for number, arm in enumerate(arms, 1):
                print(f"ablation: seed {seed}, arm {number} of {len(arms)}: {arm.name}", flush=True)
                config = study.config(arm, seed)
                if records.row(arm, config) is None:
                    records.add(*_run(study, arm, config, _cached_views(study, arms, arm)))
                rows.append(records.row(arm, config))
    return pd.DataFrame(rows)


def summarise(study: Study, arms: Sequence[Arm], seeds: Sequence[int]) -> pd.DataFrame:
    """Write and return one row an arm: its mean scores and how far it is ahead of the arm it is compared with.

    Arms of which the ledger lacks a seed are left out, and those that are compared with them.

    Args:
        study: as it was run.
        arms: the recipes.
        seeds: as they were run.
    """
    records = Records(study.out)
    whole = {a.name for a in arms if all(records.row(a, study.config(a, seed)) for seed in seeds)}
    arms = [arm for arm in arms if {arm.name, arm.against} <= whole]
    labels = {split: study.data.split(split).labels for split in SPLITS}
    hits = {
        arm.name: {
            split: np.stack([records.guesses(arm, seed, split) == labels[split] for seed in seeds]) for split in SPLITS
        }
        for arm in arms
    }
    summary = compare_arms(hits, {arm.name: arm.against for arm in arms})
    summary.insert(1, "question", [arm.question for arm in arms])
    write_text(study.out / SUMMARY_FILE, summary.to_csv(index=False))
    return summary


def _cached_views(study: Study, arms: Sequence[Arm], arm: Arm) -> int:
    """How many views the cache of an arm has: it shares it with all arms of the same views and the same mixing."""
    recipes = {other.name: replace(study.base, **other.changes) for other in arms}
    own = recipes[arm.name]
    return max(views_asked_for(r) for r in recipes.values() if (r.views, r.mixup) == (own.views, own.mixup))


def _hash(config: StudentConfig) -> str:
    """The hash of a run's recipe, but for what the data are called."""
    return config_hash(replace(config, data=replace(config.data, source="")))


def _run(study: Study, arm: Arm, config: StudentConfig, views: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Train an arm, from a cache of `views` views that it shares; return its row and its guesses by split."""
    train, val, seed = study.data.split("train"), study.data.split("val"), config.fit.seed
    folder = study.run_folder(arm, seed)
    run = Run(folder, config, resume=True)
    if run.is_finished:  # the logits are not needed
        run.check_resumable()
        run.publish()  # a kill may have come between a checkpoint and its publication
    else:
        root = study.cache_root or default_root()
        cache = cached_logits(config, study.teachers[arm.teachers], train, root, views)
        train_student(run, train, val, cache.first(views_asked_for(config)))
    model, history = load_model(folder), read_history(folder)
    guesses = {split: predict_logits(model, study.data.split(split).images).argmax(-1) for split in SPLITS}
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
        self._rows = {(row["arm"], row["seed"]): row for row in _read_ledger(self._ledger)}
        self._guesses = {}
        if self._predictions.exists():
            self._guesses = read_arrays(self._predictions, "the predictions of an ablation")

    def row(self, arm: Arm, config: StudentConfig) -> dict[str, Any] | None:
        """Return the row of a run, or None where there is none, or only one of another recipe than `config`."""
        row = self._rows.get((arm.name, config.fit.seed))
        same_recipe = row and row["config_sha256"] == _hash(config)
        return row if same_recipe and f"{run_name(arm.name, row['seed'])}/{SPLITS[0]}" in self._guesses else None

    def guesses(self, arm: Arm, seed: int, split: str) -> np.ndarray:
        """Return uint8 [N], what a run that has a row calls the images of a split."""
        return self._guesses[f"{run_name(arm.name, seed)}/{split}"]

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
        self._rows[key] = dict(row)
        write_text(self._ledger, pd.DataFrame(self._rows.values()).to_csv(index=False))


def _read_ledger(path: Path) -> list[dict[str, Any]]:
    try:
        # As text, for some hashes have digits only.
        table = (
            pd.read_csv(path, dtype={"config_sha256": str}) if path.exists() else pd.DataFrame(columns=["arm", "seed"])
        )
        return table.astype({"arm": str, "seed": int}).to_dict("records")
    except (ValueError, KeyError) as error:
        raise FerKerasError(f"{path}: expected the table of an ablation ({error})") from error
