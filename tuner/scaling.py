"""How a search grows with its workers: trials an hour with one and two, measured; with more, computed."""

import math
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from fer_keras.config import NO_DATA, StudentConfig
from fer_keras.errors import FerKerasError
from tuner import defaults
from tuner.ledger import ENDED_WELL, read_rows
from tuner.oracle import FrontierOracle
from tuner.settings import SEARCH, Search

COUNTS = (1, 2)
LARGER = (16, 256)

SMALL_SEARCH = shlex.split(
    "--families separable --budgets 25000 --trials 6 --epochs 2 --final-epochs 1 --seeds 1 --cached-views 2"
    " --control-budgets"
)
"""What `measure_workers` is meant for: the options of scripts/search.py for seven short trials of one size."""

_POLL_SECONDS = 0.05


def measure_workers(command: Sequence[str], rounds: int, counts: Sequence[int] = COUNTS) -> pd.DataFrame:
    """Run the same small search with each number of workers, in turn.

    The clock runs from the beginning of the first trial to the end of the last, so that starting processes, which a
    real search does once, does not count.

    Args:
        command: starts the search; `--name`, `--runs` and `--workers` are added.
        rounds: how often.
        counts: of workers.

    Returns:
        A row a search: `round`, `workers`, `trials`, `seconds`, `trials_per_hour`.

    Raises:
        FerKerasError: a search fails.
    """
    rows = []
    for number in range(1, rounds + 1):
        for workers in counts:
            with tempfile.TemporaryDirectory() as scratch:
                trials, seconds = _timed(command, Path(scratch), workers)
            rate = 3600 * trials / seconds
            print(f"round {number}/{rounds}: {workers} workers: {trials} trials, {rate:.0f} an hour", flush=True)
            rows.append({"round": number, "workers": workers, "trials": trials, "seconds": round(seconds, 2)})
    table = pd.DataFrame(rows)
    return table.assign(trials_per_hour=(3600 * table["trials"] / table["seconds"]).round(1))


def _timed(command: Sequence[str], runs: Path, workers: int) -> tuple[int, float]:
    words = [*command, "--name", "search", "--runs", str(runs), "--workers", str(workers)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)
    begun = None
    try:
        while process.poll() is None:
            if begun is None and any((runs / "search").glob("trial_*/row.json")):
                begun = time.time()
            time.sleep(_POLL_SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    rows = read_rows(runs / "search")
    if process.returncode or begun is None or not all(row["status"] in ENDED_WELL for row in rows):
        raise FerKerasError(f"the search with {workers} workers ended with status {process.returncode}")
    return len(rows), max(datetime.fromisoformat(row["ended"]).timestamp() for row in rows) - begun


def default_search() -> Search:
    """Return the search of the defaults, of no data."""
    return Search(Path("search"), StudentConfig(NO_DATA, ()))


def oracle_seconds(search: Search) -> pd.DataFrame:
    """Give out and take back every short trial of a search without training: what the chief has to do for each.

    Args:
        search: what is searched; its folder is not written to.

    Returns:
        A row a trial: `trial`, `seconds`.
    """
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        oracle = FrontierOracle(replace(search, folder=Path(scratch) / "search"))
        oracle._set_project_dir(scratch, "search")
        for number in range(len(search.cells) * search.trials):
            start = time.perf_counter()
            trial = oracle.create_trial("worker")
            if trial.status != "RUNNING" or trial.hyperparameters.get("stage") != SEARCH:
                break
            oracle.update_trial(trial.trial_id, {"val_accuracy": 0.5 + 1e-4 * (number * 37 % 101)})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
            rows.append({"trial": number, "seconds": time.perf_counter() - start})
    return pd.DataFrame(rows)


def scale(epoch_seconds: float, chief_seconds: float, counts: Sequence[int] = (1, 2, *LARGER)) -> pd.DataFrame:
    """Compute what the default search takes with more workers, each on a host of its own.

    Assumptions: a host trains as fast with N hosts as alone (nothing is shared but a folder and the chief's answers); a
    trial occupies the chief for `chief_seconds`, one at a time; the short trials run in waves of N, and after them the
    full schedules, none of which is split; no host fails.

    Args:
        epoch_seconds: of a candidate, the mean over families and budgets.
        chief_seconds: for each trial, see `oracle_seconds`.
        counts: of workers.

    Returns:
        A row a count: `workers`, `short_trials_per_hour`, `hours` of the whole search, `host_hours`, `speed_up`.
    """
    cells = len(defaults.FAMILIES) * len(defaults.BUDGETS)
    short = cells * defaults.TRIALS
    controls = len(defaults.FAMILIES) * len(defaults.CONTROL_BUDGETS)
    full = (cells + controls) * defaults.SEEDS
    rows = []
    for workers in counts:
        first, second = defaults.EPOCHS * epoch_seconds, defaults.FINAL_EPOCHS * epoch_seconds
        waves = math.ceil(short / workers) * first + math.ceil(full / workers) * second
        hours = max(waves, (short + full) * chief_seconds) / 3600
        rate = min(workers * 3600 / first, 3600 / chief_seconds)
        rows.append({"workers": workers, "short_trials_per_hour": round(rate, 1), "hours": round(hours, 2)})
    table = pd.DataFrame(rows)
    table["host_hours"] = (table["workers"] * table["hours"]).round(1)
    table["speed_up"] = (table["hours"].iloc[0] / table["hours"]).round(1)
    return table
