"""What a run folder says of a run's past, and what it publishes."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from fer_keras.config import FitConfig
from fer_keras.files import HISTORY_FILE, MODEL_FILE, read_json, replacing, write_text

MONITOR = "val_accuracy"

PROGRESS_FILE = "progress.json"


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


def read_progress(run: Path) -> Progress:
    """Return the progress of a run's newest checkpoint; a fresh one where there is none."""
    last = newest(run)
    return Progress() if last is None else Progress(**read_json(last / PROGRESS_FILE))


def is_finished(folder: Path, config: FitConfig) -> bool:
    """Tell whether the run in `folder` has done all its epochs."""
    return read_progress(folder).epoch >= config.epochs


def publish(run: Path) -> None:
    """Copy the best model and the history of the newest checkpoint to where readers of a run look for them."""
    last = newest(run)
    if last is None:
        return
    with replacing(run / MODEL_FILE) as partial:
        shutil.copyfile(last / MODEL_FILE, partial)
    write_text(run / HISTORY_FILE, pd.DataFrame(read_progress(run).history).to_csv(index=False))


def drop_older(run: Path) -> None:
    """Remove all checkpoints of a run but the newest, those too that a kill has left."""
    for older in checkpoints(run)[:-1]:
        shutil.rmtree(older)


def newest(run: Path) -> Path | None:
    """Return the folder of a run's newest checkpoint, or None."""
    return next(reversed(checkpoints(run)), None)


def checkpoints(run: Path) -> list[Path]:
    """Return the folders of a run's checkpoints, the oldest first."""
    return sorted((run / "checkpoint").glob("epoch-*"))
