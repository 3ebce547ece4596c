"""The state of a run on disk: whole after every epoch, so that a killed run goes on bit for bit."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from fer_keras.files import read_json, replacing, write_json, write_text

_WEIGHTS = "state.weights.h5"
_PROGRESS = "progress.json"


@dataclass
class Progress:
    """What a run has to know of its past beside its weights.

    Attributes:
        epoch: the number of whole epochs done.
        best_epoch: the epoch (from 0) whose model is kept; -1 for none yet.
        best: the value of the monitored metric then.
        history: a row of logs for each epoch done.
    """

    epoch: int = 0
    best_epoch: int = -1
    best: float = float("-inf")
    history: list[dict[str, float]] = field(default_factory=list)


def restore(model: keras.Model, folder: Path) -> Progress:
    """Bring a compiled model to the state of the newest checkpoint in `folder`.

    Weights, optimizer slots and the step count (so the learning rate) come back; the order of the data, the
    views and the dropout need no state, since they are functions of (seed, epoch).

    Returns:
        The progress of the run; a fresh one where there is no checkpoint.
    """
    newest = _newest(folder)
    if newest is None:
        return Progress()
    model.optimizer.build(model.trainable_variables)
    model.load_weights(newest / _WEIGHTS)
    return read_progress(folder)


def read_progress(folder: Path) -> Progress:
    """Return the progress of the newest checkpoint in `folder`; a fresh one where there is none."""
    newest = _newest(folder)
    return Progress() if newest is None else Progress(**read_json(newest / _PROGRESS))


def _newest(folder: Path) -> Path | None:
    return max(folder.glob("epoch-*"), default=None)


class Checkpoint(keras.callbacks.Callback):
    """Saves the state of the run after every epoch, then the history as `metrics.csv`.

    A checkpoint appears by one rename, after the best model of that epoch is on disk, so whenever the process
    is killed, the newest one is whole and agrees with the model kept.
    """

    def __init__(self, folder: Path, progress: Progress, csv: Path) -> None:
        super().__init__()
        self.folder = folder
        self.progress = progress
        self.csv = csv

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the state at the end of `epoch` and drop the one before."""
        self.progress.epoch = epoch + 1
        with replacing(self.folder / f"epoch-{epoch + 1:05d}") as partial:
            partial.mkdir()
            self.model.save_weights(partial / _WEIGHTS)
            write_json(partial / _PROGRESS, vars(self.progress))
        for old in sorted(self.folder.glob("epoch-*"))[:-1]:
            shutil.rmtree(old)
        write_text(self.csv, pd.DataFrame(self.progress.history).to_csv(index=False))
