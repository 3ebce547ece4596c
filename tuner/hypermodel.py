"""One trial: the student that hyperparameters stand for, distilled from the shared cache of logits."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from fer_keras.config import StudentConfig, config_hash, to_dict
from fer_keras.data.dataset import FaceData
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.evaluation.results import read_history
from fer_keras.files import MODEL_FILE, locked, replacing
from fer_keras.models import from_preset
from fer_keras.models.budget import multiply_adds, parameters
from fer_keras.models.compact import save_compact
from fer_keras.models.load import load_model
from fer_keras.training.pipeline import TeacherLogits
from fer_keras.training.progress import MONITOR
from fer_keras.training.run import Run
from fer_keras.training.student import train_student
from tuner.frontier import HITS_FILE
from tuner.hparams import show_trial
from tuner.ledger import COMPLETED, ENDED_WELL, FAILED, RUNNING, STOPPED, read_row, read_rows, record, trial_lock
from tuner.median_stopping import MedianStopping, is_far_behind
from tuner.plan import candidate
from tuner.settings import SEARCH, Candidate, Search
from tuner.workers import reviver

_DEATHS = 3


@dataclass(frozen=True)
class Material:
    """What students learn from.

    Attributes:
        data: the images, validation marked.
        logits_for: the run's configuration -> the cached logits of its teachers.
    """

    data: FaceData
    logits_for: Callable[[StudentConfig], TeacherLogits]


class StudentHyperModel(keras_tuner.HyperModel):
    """Builds the student of a trial and distils it.

    Args:
        search: what is searched.
        material: what students learn from; None for a chief, which trains nothing.
    """

    def __init__(self, search: Search, material: Material | None) -> None:
        super().__init__()
        self.search = search
        self.material = material

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Return the functional student, untrained; it is inside its budget by construction."""
        config = candidate(hp, self.search).config(self.search)
        return from_preset(config.model, num_classes=len(config.data.classes), **config.options)

    def fit(self, hp: keras_tuner.HyperParameters, *, trial_folder: Path, **_: Any) -> dict[str, float]:
        """Build and distil the student of a trial and return {"val_accuracy": best validation accuracy}.

        What the trial comes to stands in its row of the ledger, whether it ends well or fails. A trial that ended well
        is not run again, and one that was killed goes on from its last whole epoch.

        Args:
            hp: the trial's hyperparameters.
            trial_folder: the trial's own folder.

        Raises:
            keras_tuner.errors.FailedTrialError: the trial failed.
        """
        with locked(trial_lock(trial_folder), wait=True):
            row = read_row(trial_folder) or {}
            if row.get("status") not in ENDED_WELL:
                row = self._recorded(hp, trial_folder, row)
        if row["status"] == FAILED:
            raise keras_tuner.errors.FailedTrialError(row["error"])
        return {MONITOR: row[MONITOR]}

    def _recorded(self, hp: keras_tuner.HyperParameters, trial_folder: Path, earlier: dict[str, Any]) -> dict[str, Any]:
        trial = candidate(hp, self.search)
        folder = trial_folder / f"{trial.family}-{trial.budget}-{trial.stage}-seed{trial.seed}"
        row = {
            "trial": trial_folder.name.removeprefix("trial_"),
            "stage": trial.stage,
            "family": trial.family,
            "budget": trial.budget,
            "seed": self.search.base.fit.seed + trial.seed,
            "hyperparameters": trial.values,
        }
        try:
            run = Run(folder, trial.config(self.search), resume=True)
            row |= _begun(run, self.build(hp), earlier)
            record(self.search.folder, trial_folder, row)
            if row["attempts"] > _DEATHS:
                raise FerKerasError(f"its worker died {_DEATHS} times in epoch {row['begun_at'] + 1}")
            row |= {**self._trained(trial, run), "ended": _now()}
        except KeyboardInterrupt:  # also SIGTERM, see fer_keras.endings; not the trial's fault
            if "attempts" in row:
                record(self.search.folder, trial_folder, row | {"attempts": row["attempts"] - 1})
            raise
        except Exception as error:  # whatever goes wrong in one trial, too little memory too, the search goes on
            first, *_ = str(error).strip().splitlines() or [""]
            row |= {"status": FAILED, "error": f"{type(error).__name__}: {first}", "ended": _now()}
        record(self.search.folder, trial_folder, row)
        if row["status"] in ENDED_WELL:
            show_trial(trial_folder, row)
            if trial.stage == SEARCH:
                # Optimizer states of hundreds of short trials; the row says that they ended.
                shutil.rmtree(folder / "checkpoint", ignore_errors=True)
        return row

    def _trained(self, trial: Candidate, run: Run) -> dict[str, Any]:
        curves = _curves(self.search.folder, trial) if trial.stage == SEARCH else []
        config = run.config
        done = [logs[MONITOR] for logs in run.progress.history]
        if is_far_behind(done, curves, config.fit.epochs):
            run.publish()  # killed between the decision and the row
        else:
            stopping = MedianStopping(done, curves, config.fit.epochs)
            train, val = self.material.data.split("train"), self.material.data.split("val")
            train_student(run, train, val, self.material.logits_for(config), callbacks=[stopping])
        history = read_history(run.folder)
        return {
            "status": STOPPED if len(history) < config.fit.epochs else COMPLETED,
            "error": "",
            "epochs": len(history),
            MONITOR: float(history[MONITOR].max()),
            "train_accuracy": float(history["accuracy"].iloc[-1]),
            "seconds": float(history["seconds"].sum()),
            "curve": history[MONITOR].tolist(),
            **({} if trial.stage == SEARCH else self._reported(run.folder)),
        }

    def _reported(self, folder: Path) -> dict[str, float]:
        """Store a model of the full schedule small; return its PublicTest accuracy and note what it calls right."""
        model, data = load_model(folder / MODEL_FILE), self.material.data
        save_compact(model, folder / MODEL_FILE, data.label_set)  # of so few weights most of a stock file is padding
        splits = {name: data.split(name).labelled() for name in ("val", "public_test")}
        hits = {
            name: predict_logits(model, split.images).argmax(-1) == split.labels
            for name, split in splits.items()
            if len(split)
        }
        with replacing(folder / HITS_FILE) as partial:
            np.savez_compressed(partial, **hits)
        return {"public_test_accuracy": float(hits["public_test"].mean())} if "public_test" in hits else {}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _begun(run: Run, model: keras.Model, earlier: dict[str, Any]) -> dict[str, Any]:
    """What the row of a trial says of its network and of this start."""
    config, epoch = run.config, run.progress.epoch
    now = (RUNNING, epoch, reviver())
    again = tuple(earlier.get(name) for name in ("status", "begun_at", "reviver")) == now
    options = to_dict(config)["options"]
    return {
        "widths": " ".join(map(str, [*options["widths"], *options.get("dense_widths", ())])),
        "options": json.dumps(options),
        "parameters": parameters(model),
        "multiply_adds": multiply_adds(model),
        "alpha": config.alpha,
        "epochs": epoch,
        "status": RUNNING,
        "config_hash": config_hash(config),
        "model": str(run.model_file.relative_to(run.folder.parents[1])),
        "attempts": earlier["attempts"] + 1 if again else 1,
        "begun_at": epoch,
        "reviver": now[2],
    }


def _curves(folder: Path, trial: Candidate) -> list[list[float]]:
    """Validation accuracy by epoch of the short trials of the same family and budget that went all the way."""
    cell = (SEARCH, trial.family, trial.budget, COMPLETED)
    rows = read_rows(folder)
    return [row["curve"] for row in rows if (row["stage"], row["family"], row["budget"], row["status"]) == cell]
