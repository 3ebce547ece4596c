"""How a search grows with its workers: trials an hour with one and two, measured; with more, computed."""

import heapq
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from fer_keras.config import NO_DATA, StudentConfig
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.tables import table
from tuner.ledger import ENDED_WELL, read_rows
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


def measure_workers(command: Sequence[str], rounds: int, counts: Sequence[int] = COUNTS) -> pd.DataFrame:
    """Run the same small search with each number of workers, in turn.

    The clock runs from the beginning of the first short trial to the end of the last: starting processes, which a real
    search does once, does not count, nor the one full schedule, which is one worker's.

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


def measure_chief(ledger: pd.DataFrame, repeat: int) -> pd.DataFrame:
    """Measure what the chief of a search, or of one with `repeat` times as many short trials, does for each of a size.

    Args:
        ledger: of the search.
        repeat: how many times its short trials.

    Returns:
        A row a trial: `repeat`, `family`, `trial`, `seconds`, as from `oracle_seconds`.
    """
    short = ledger[ledger["stage"] == SEARCH]
    trials = repeat * int(short.groupby(["family", "budget"]).size().max())
    measured = [
        oracle_seconds(_search_of_one_size(family, trials)).round(4).assign(repeat=repeat, family=family)
        for family in short["family"].unique()
    ]
    return pd.concat(measured, ignore_index=True)[["repeat", "family", "trial", "seconds"]]


def _search_of_one_size(family: str, trials: int) -> Search:
    """Return a search of one family and budget, of no data, for `oracle_seconds`."""
    base = StudentConfig(NO_DATA, ())
    return Search(Path("search"), base, families=(family,), budgets=(25_000,), control_budgets=(), trials=trials)


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
    *,
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
    told = ledger[ledger["status"].isin(ENDED_WELL)].sort_values("trial")
    pace = (told["seconds"] / told["epochs"]).groupby([told[name] for name in ("family", "options", "stage")])
    ended = told.assign(seconds=pace.transform("min") * told["epochs"]).to_dict("records")
    short = [row for row in ended if row["stage"] == SEARCH]
    trials = [*(row for _ in range(repeat) for row in short), *(row for row in ended if row["stage"] != SEARCH)]
    trials = _with_chief(trials, chief_seconds)
    hours = {workers: _makespan(trials, workers, share) / 3600 for workers in {1, *counts}}
    scaled = pd.DataFrame([{"repeat": repeat, "workers": n, "trials": len(trials), "hours": hours[n]} for n in counts])
    scaled["trials_per_hour"] = (scaled["trials"] / scaled["hours"]).round(1)
    scaled["host_hours"] = (scaled["workers"] * scaled["hours"]).round(1)
    scaled["speed_up"] = (hours[1] / scaled["hours"]).round(1)
    return scaled.round({"hours": 2})


def _with_chief(trials: Sequence[dict[str, Any]], chief_seconds: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """Add what each trial takes of the chief, by how many short ones of its family and budget came before it."""
    before: Counter[tuple[str, int]] = Counter()
    told = []
    for row in trials:
        number, cell, seconds = 0, (row["family"], row["budget"]), chief_seconds[row["family"]]
        if row["stage"] == SEARCH:
            number = min(before[cell], len(seconds) - 1)
            before[cell] += 1
        told.append({**row, "chief": seconds[number]})
    return told


def _makespan(trials: Sequence[dict[str, Any]], workers: int, share: float) -> float:
    """Seconds until the last trial ends; the short ones come first in `trials`."""
    left, free, chief, latest = list(trials), [0.0] * workers, 0.0, 0.0
    ready: dict[tuple[str, int] | None, float] = defaultdict(float)  # None: of short trials, which wait for nothing

    def waits_for(row: dict[str, Any]) -> tuple[str, int] | None:
        return None if row["stage"] == SEARCH else (row["family"], row["budget"])

    while left:
        now = max(heapq.heappop(free), chief)
        number = next((number for number, row in enumerate(left) if ready[waits_for(row)] <= now), None)
        if number is None:
            heapq.heappush(free, min(ready[waits_for(row)] for row in left))
            continue
        row = left.pop(number)
        chief = now + row["chief"]
        end = chief + share * row["seconds"]
        if row["stage"] == SEARCH:
            cell = (row["family"], row["budget"])
            ready[cell] = max(ready[cell], end)
        heapq.heappush(free, end)
        latest = max(latest, end)
    return latest


def scale_with(ledger: pd.DataFrame, measured: pd.DataFrame, chief: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `scale` for each search in `chief`.

    Args:
        ledger: of the search.
        measured: from `measure_workers`.
        chief: of one search or more, from `measure_chief`.
    """
    share = efficiency(measured)
    scaled = [
        scale(ledger, share, of_search.groupby("family")["seconds"].agg(list).to_dict(), repeat=int(repeat))
        for repeat, of_search in chief.groupby("repeat")
    ]
    return pd.concat(scaled, ignore_index=True)


def scale_table(scaled: pd.DataFrame) -> str:
    """Return the rows of one or more `scale` in Markdown, one search after the other."""
    header = ["short trials", "hosts with a worker each", "trials", "hours", "trials an hour", "host-hours", "speed-up"]
    lines = [
        [
            "those that were run" if row["repeat"] == 1 else f"{row['repeat']} times as many",
            f"{row['workers']}",
            f"{row['trials']:,}",
            f"{row['hours']:.1f}",
            f"{row['trials_per_hour']:.1f}",
            f"{row['host_hours']:.0f}",
            f"{row['speed_up']:.1f}",
        ]
        for row in scaled.to_dict("records")
    ]
    return table(header, lines)
