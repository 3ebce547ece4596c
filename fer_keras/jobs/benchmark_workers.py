"""How a search grows with its workers: trials an hour with one and two, measured; with more, computed."""

import heapq
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from fer_keras.config import NO_DATA, StudentConfig
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.tables import table
from tuner.ledger import ENDED_WELL, read_rows
from tuner.options import SearchOptions
from tuner.oracle import FrontierOracle
from tuner.settings import SEARCH, Search

COUNTS = (1, 2)
LARGER = (16, 256)

SMALL_SEARCH = shlex.split(
    "--families separable --budgets 25000 --trials 6 --epochs 2 --final-epochs 1 --seeds 1 --cached-views 2"
    " --control-budgets"
)
"""What `measure_workers` is meant for: the options of scripts/search.py for six short trials of one size."""

_POLL_SECONDS = 0.05


def measure_workers(command: Sequence[str], rounds: int) -> pd.DataFrame:
    """Run the same small search with one worker and with two, in turn.

    The clock runs from the beginning of the first short trial to the end of the last: starting processes, which a real
    search does once, does not count, nor the one full schedule, which is one worker's.

    Args:
        command: starts the search; `--name`, `--runs` and `--workers` are added.
        rounds: how often.

    Returns:
        A row a search: `round`, `workers`, `trials`, `seconds`, `trials_per_hour`.

    Raises:
        FerKerasError: a search fails.
    """
    rows = []
    for number in range(1, rounds + 1):
        for workers in COUNTS:
            with tempfile.TemporaryDirectory() as scratch:
                trials, seconds = _timed(command, Path(scratch), workers)
            rate = 3600 * trials / seconds
            print(f"round {number}/{rounds}: {workers} workers: {trials} trials, {rate:.0f} an hour", flush=True)
            rows.append({"round": number, "workers": workers, "trials": trials, "seconds": round(seconds, 2)})
    measured = pd.DataFrame(rows)
    return measured.assign(trials_per_hour=(3600 * measured["trials"] / measured["seconds"]).round(1))


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
    short = [row for row in rows if row["stage"] == SEARCH]
    return len(short), max(datetime.fromisoformat(row["ended"]).timestamp() for row in short) - begun


def measure_chief(ledger: pd.DataFrame, repeat: int) -> pd.DataFrame:
    """Measure what the chief of a search, or of one with `repeat` times as many short trials, does for each of a size.

    It gives out and takes back every short trial of a size without training.

    Args:
        ledger: of the search.
        repeat: how many times its short trials.

    Returns:
        A row a trial: `repeat`, `family`, `trial`, `seconds`.
    """
    short = ledger[ledger["stage"] == SEARCH]
    trials = repeat * int(short.groupby(["family", "budget"]).size().max())
    return pd.DataFrame(
        {"repeat": repeat, "family": family, "trial": number, "seconds": round(seconds, 4)}
        for family in short["family"].unique()
        for number, seconds in enumerate(_seconds_of_chief(family, trials))
    )


def _seconds_of_chief(family: str, trials: int) -> list[float]:
    """What each short trial takes of the chief, in a search of one family and budget, of no data."""
    seconds = []
    with tempfile.TemporaryDirectory() as scratch:
        options = SearchOptions((family,), (25_000,), trials, control_budgets=())
        search = Search(**vars(options), folder=Path(scratch) / "search", base=StudentConfig(NO_DATA, ()))
        oracle = FrontierOracle(search)
        oracle._set_project_dir(scratch, "search")
        for number in range(trials):
            start = time.perf_counter()
            trial = oracle.create_trial("worker")
            if trial.status != "RUNNING" or trial.hyperparameters.get("stage") != SEARCH:
                break
            oracle.update_trial(trial.trial_id, {"val_accuracy": 0.5 + 1e-4 * (number * 37 % 101)})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
            seconds.append(time.perf_counter() - start)
    return seconds


def efficiency(measured: pd.DataFrame) -> float:
    """Return what two workers of one machine get done, as a share of what two machines with a worker each would.

    Args:
        measured: from `measure_workers`; the medians of the rounds count.
    """
    rates = measured.groupby("workers")["trials_per_hour"].median()
    return float(rates[2] / (2 * rates[1]))


def scale(
    ledger: pd.DataFrame,
    share: float,
    chief_seconds: Mapping[str, Sequence[float]],
    repeat: int = 1,
    counts: Sequence[int] = (*COUNTS, *LARGER),
) -> pd.DataFrame:
    """Compute what a search that was run with two workers on one machine takes with other numbers, a host for each.

    Its trials are given out again in their order, each to the worker that is free first, and each of its epochs takes
    the seconds that one took, times `share`: the fewest over the trials of its network and stage, so that one that had
    to share the machine with something else does not count where there is another. Assumptions: hosts like that
    machine, none slowed by the others (they share a folder and the chief's answers, nothing else), for each network by
    the same `share`; a trial first occupies the chief, one trial at a time, for as long whatever the budget and however
    many other trials; a full schedule may begin when the short trials of its family and budget have ended, until when
    workers take others, and is not split; no host fails.

    Args:
        ledger: of the search; trials that ended well count.
        share: from `efficiency`: a worker that has a machine to itself takes so much less time.
        chief_seconds: family -> of its first short trial at a budget, the second and so on, the last of all further
            ones, see `measure_chief`; a full schedule takes as long as the first.
        repeat: how often to take each short trial, for a larger search.
        counts: of workers.

    Returns:
        A row a count: `repeat`, `workers`, `trials`, `hours`, `trials_per_hour`, `host_hours`, `speed_up` over one.
    """
    trials = _trials(ledger, chief_seconds, repeat)
    hours = {workers: _makespan(trials, workers, share) / 3600 for workers in {1, *counts}}
    scaled = pd.DataFrame([{"repeat": repeat, "workers": n, "trials": len(trials), "hours": hours[n]} for n in counts])
    scaled["trials_per_hour"] = (scaled["trials"] / scaled["hours"]).round(1)
    scaled["host_hours"] = (scaled["workers"] * scaled["hours"]).round(1)
    scaled["speed_up"] = (hours[1] / scaled["hours"]).round(1)
    return scaled.round({"hours": 2})


def _trials(ledger: pd.DataFrame, chief_seconds: Mapping[str, Sequence[float]], repeat: int) -> list[dict[str, Any]]:
    """The trials that are given out, the short ones first, with their `seconds` and those of the `chief` before."""
    ended = ledger[ledger["status"].isin(ENDED_WELL)].sort_values("trial")
    pace = (ended["seconds"] / ended["epochs"]).groupby([ended[name] for name in ("family", "options", "stage")])
    ended = ended.assign(seconds=pace.transform("min") * ended["epochs"], short=ended["stage"] == SEARCH)
    trials = pd.concat([*[ended[ended["short"]]] * repeat, ended[~ended["short"]]], ignore_index=True)
    before = trials.groupby(["family", "budget", "short"]).cumcount().where(trials["short"], 0)
    of_chief = trials["family"].map(chief_seconds)
    trials["chief"] = [seconds[min(n, len(seconds) - 1)] for n, seconds in zip(before, of_chief, strict=True)]
    return trials.to_dict("records")


def _makespan(trials: Sequence[dict[str, Any]], workers: int, share: float) -> float:
    """Seconds until the last trial ends; the short ones come first in `trials`."""
    left, free, chief = list(trials), [0.0] * workers, 0.0
    ready: Counter[tuple[str, int]] = Counter()  # family and budget -> when their last short trial ends

    def begins(row: dict[str, Any]) -> float:
        return 0.0 if row["short"] else ready[row["family"], row["budget"]]

    while left:
        now = max(heapq.heappop(free), chief)
        number = next((number for number, row in enumerate(left) if begins(row) <= now), None)
        if number is None:
            heapq.heappush(free, min(map(begins, left)))
            continue
        row = left.pop(number)
        chief = now + row["chief"]
        end = chief + share * row["seconds"]
        if row["short"]:
            cell = (row["family"], row["budget"])
            ready[cell] = max(ready[cell], end)
        heapq.heappush(free, end)
    return max(free)


def scale_with(ledger: pd.DataFrame, measured: pd.DataFrame, chief: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `scale` for each search in `chief`.

    Args:
        ledger: of the search.
        measured: from `measure_workers`.
        chief: of one search or more, from `measure_chief`.
    """
    share = efficiency(measured)
    scaled = [
        scale(ledger, share, of_search.groupby("family")["seconds"].agg(list).to_dict(), int(repeat))
        for repeat, of_search in chief.groupby("repeat")
    ]
    return pd.concat(scaled, ignore_index=True)


def scale_table(scaled: pd.DataFrame) -> str:
    """Return the rows of one or more `scale` in Markdown, one search after the other."""
    header = ("short trials", "hosts with a worker each", "trials", "hours", "trials an hour", "host-hours", "speed-up")
    formats = (
        "{workers:.0f}",
        "{trials:,.0f}",
        "{hours:.1f}",
        "{trials_per_hour:.1f}",
        "{host_hours:.0f}",
        "{speed_up:.1f}",
    )
    return table(
        header,
        [
            ["those that were run" if row["repeat"] == 1 else "{repeat:.0f} times as many".format_map(row)]
            + [cell.format_map(row) for cell in formats]
            for row in scaled.to_dict("records")
        ],
    )
