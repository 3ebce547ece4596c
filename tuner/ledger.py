"""The search's memory for people: a row a trial, in a CSV that any program may read while the search runs.

Each trial's row is a file in its own folder, written by whoever runs the trial; the CSV is made from all of them
anew. So a kill at any moment loses no row and can double none.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from fer_keras.config import from_dict
from fer_keras.errors import FerKerasError
from fer_keras.files import locked, read_json, write_json, write_text
from tuner.frontier import LEDGER_COLUMNS, LEDGER_FILE

RUNNING, COMPLETED, STOPPED, FAILED = "running", "completed", "stopped", "failed"
"""A trial's status; a stopped one was ended early by the median rule, and counts with the accuracy it had."""

ENDED_WELL = (COMPLETED, STOPPED)

_ROW_FILE = "row.json"


@dataclass(frozen=True)
class Row:
    """What a trial's row holds, to check files by; what is not known yet is left out.

    Attributes:
        trial: its number.
        stage: a short trial (`search`), the full schedule (`final`) or that without distillation (`control`).
        family: of its network.
        budget: the most trainable parameters.
        seed: of its run.
        status: of the trial.
        hyperparameters: the family's.
        widths: of all layers.
        options: all that the family's builder is told, as JSON.
        parameters: trainable ones.
        multiply_adds: of one image.
        milliseconds: of one image; measured later.
        alpha: weight of the distillation term.
        epochs: done.
        val_accuracy: a share, as all accuracies are.
        public_test_accuracy: of the full schedule.
        train_accuracy: of the last epoch's augmented views.
        seconds: of training.
        curve: validation accuracy by epoch.
        config_hash: of the run's configuration.
        model: a path below the ledger's folder.
        error: why it failed.
        ended: when, in UTC.
        attempts: starts in a row at the same epoch.
        begun_at: that epoch.
        reviver: who starts the process again when it dies; see `tuner.workers.reviver`.
    """

    trial: str
    stage: Literal["search", "final", "control"]
    family: str
    budget: int
    seed: int
    status: Literal["running", "completed", "stopped", "failed"]
    hyperparameters: dict[str, Any]
    widths: str = ""
    options: str = ""
    parameters: int = 0
    multiply_adds: int = 0
    milliseconds: float = 0.0
    alpha: float = 0.0
    epochs: int = 0
    val_accuracy: float = 0.0
    public_test_accuracy: float = 0.0
    train_accuracy: float = 0.0
    seconds: float = 0.0
    curve: tuple[float, ...] = ()
    config_hash: str = ""
    model: str = ""
    error: str = ""
    ended: str = ""
    attempts: int = 1
    begun_at: int = 0
    reviver: str = ""


def trial_lock(trial_folder: str | Path) -> Path:
    """Return the folder whose lock is held by whoever runs the trial in `trial_folder`."""
    return Path(trial_folder) / "lock"


def read_row(trial_folder: Path) -> dict[str, Any] | None:
    """Return the row of the trial in `trial_folder`, some of the fields of `Row`, or None if there is none yet.

    Raises:
        FerKerasError: its file is damaged.
    """
    path = trial_folder / _ROW_FILE
    if not path.exists():
        return None
    row = read_json(path)
    from_dict(Row, row, path)
    return row


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of all trials of the search in `folder`, in the order in which they were begun."""
    return [read_row(path.parent) for path in sorted(folder.glob(f"trial_*/{_ROW_FILE}"))]


def record(folder: Path, trial_folder: Path, row: dict[str, Any]) -> None:
    """Write a trial's row, some of the fields of `Row`, then the ledger of all.

    Args:
        folder: of the search.
        trial_folder: of the trial, below it.
        row: to write.
    """
    write_json(trial_folder / _ROW_FILE, row)
    write_ledger(folder)


def write_ledger(folder: Path) -> Path:
    """Make the ledger of the search in `folder` from its trials' rows; return its path."""
    with locked(folder / "locks" / "ledger", wait=True):
        table = pd.DataFrame(read_rows(folder), columns=list(LEDGER_COLUMNS))
        write_text(folder / LEDGER_FILE, table.to_csv(index=False))
    return folder / LEDGER_FILE


def last_failure(folder: Path) -> FerKerasError:
    """Return, to be raised, the sentence that ends a search after too many failures in a row."""
    failed = [row for row in read_rows(folder) if row["status"] == FAILED]
    latest = max(failed, key=lambda row: row["ended"])
    return FerKerasError(
        f"{folder / LEDGER_FILE}: too many trials failed in a row, the last, {latest['trial']}, with:"
        f" {latest['error']}; the same command tries them again"
    )
