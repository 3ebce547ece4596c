"""The search's memory for people: a row a trial, in a CSV that any program may read while the search runs.

Each trial's row is a file in its own folder, written by whoever runs the trial; the CSV is made from all of them
anew. So a kill at any moment loses no row and can double none.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from fer_keras.errors import FerKerasError
from fer_keras.files import locked, read_json, write_json, write_text
from tuner.frontier import LEDGER_COLUMNS, LEDGER_FILE

RUNNING, COMPLETED, STOPPED, FAILED = "running", "completed", "stopped", "failed"
"""A trial's status; a stopped one was ended early as hopeless, and counts with the accuracy it had."""

ENDED_WELL = (COMPLETED, STOPPED)

_ROW_FILE = "row.json"


def trial_lock(trial_folder: str | Path) -> Path:
    """Return the folder whose lock is held by whoever runs the trial in `trial_folder`."""
    return Path(trial_folder) / "lock"


def read_row(trial_folder: Path) -> dict[str, Any] | None:
    """Return the row of the trial in `trial_folder`, or None if there is none yet."""
    path = trial_folder / _ROW_FILE
    return read_json(path) if path.exists() else None


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of all trials of the search in `folder`, in the order in which they were begun."""
    return [read_json(path) for path in sorted(folder.glob(f"trial_*/{_ROW_FILE}"))]


def record(folder: Path, trial_folder: Path, row: dict[str, Any]) -> None:
    """Write a trial's row, then the ledger of all.

    Args:
        folder: of the search.
        trial_folder: of the trial, below it.
        row: by the names in `LEDGER_COLUMNS`; others are kept in the row's file only.
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
