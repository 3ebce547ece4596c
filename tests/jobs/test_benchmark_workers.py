"""Trials an hour as the clock says, and what follows for more workers by arithmetic."""

import sys

import numpy as np
import pandas as pd
import pytest
from command import command

from fer_keras.errors import FerKerasError
from fer_keras.jobs import benchmark_workers

FAKE_SEARCH = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path

words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
folder = Path(words["--runs"]) / words["--name"]
for number in range(4 * int(words["--workers"])):
    trial = folder / f"trial_{number}"
    trial.mkdir(parents=True)
    status = "completed" if words["--fails"] == "no" else "failed"
    row = {"trial": str(number), "stage": "search", "status": status, "ended": datetime.now(UTC).isoformat()}
    row |= {"family": "cnn", "budget": 5000, "seed": 0, "hyperparameters": {}}
    (trial / "row.json").write_text(json.dumps(row))
    time.sleep(0.1)
sys.exit(int(words["--status"]))
"""


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "fake_search.py"
    path.write_text(FAKE_SEARCH)
    return lambda fails="no", status="0": [sys.executable, str(path), "--fails", fails, "--status", status]


def test_each_number_of_workers_has_its_turn(fake):
    table = benchmark_workers.measure_workers(fake(), rounds=2)
    assert table[["round", "workers", "trials"]].values.tolist() == [[1, 1, 4], [1, 2, 8], [2, 1, 4], [2, 2, 8]]
    assert (table["seconds"] > 0.1).all()
    np.testing.assert_allclose(table["trials_per_hour"], 3600 * table["trials"] / table["seconds"], atol=0.06)


@pytest.mark.parametrize("wrong", [{"fails": "yes"}, {"status": "3"}])
def test_a_search_that_fails_gives_no_number(fake, wrong):
    with pytest.raises(FerKerasError, match="the search with 1 workers ended with status"):
        benchmark_workers.measure_workers(fake(**wrong), rounds=1)


def test_two_workers_on_one_machine_beside_one_on_each_of_two():
    rates = {"workers": [1, 2, 1, 2, 1, 2], "trials_per_hour": [100, 150, 90, 140, 300, 10]}
    assert benchmark_workers.efficiency(pd.DataFrame(rates)) == pytest.approx(140 / 200)


FREE = {"cnn": [0.0], "separable": [0.0]}
"""A chief that takes no time."""


def ledger_of(*trials):
    """Rows of (stage, family, seconds) and perhaps the network's options, and one that failed."""
    rows = [
        {"trial": f"{number:04d}", "stage": stage, "family": family, "budget": 5_000, "seconds": seconds, "epochs": 2,
         "options": options[0] if options else "{}"}
        for number, (stage, family, seconds, *options) in enumerate(trials)
    ]  # fmt: skip
    failed = {**rows[0], "trial": "9999", "seconds": 1e6, "status": "failed"}
    return pd.DataFrame([*({**row, "status": "completed"} for row in rows), failed])


def test_more_workers_by_hand():
    ledger = ledger_of(
        ("search", "cnn", 7200), ("search", "separable", 3600), ("search", "cnn", 7200), ("search", "separable", 3600),
        ("final", "cnn", 14400), ("final", "separable", 7200),
    )  # fmt: skip
    table = benchmark_workers.scale(ledger, 0.5, FREE, counts=(1, 2, 16)).set_index("workers")
    # One: 1 + .5 + 1 + .5 + 2 + 1 hours. Two: 1 + .5 + 2 beside .5 + 1 + 1. Sixteen: the longest short one, then 2.
    assert table["hours"].tolist() == [6.0, 3.5, 3.0]
    assert table["trials_per_hour"].tolist() == [1.0, 1.7, 2.0] and table["speed_up"].tolist() == [1.0, 1.7, 2.0]
    assert table["host_hours"].tolist() == [6.0, 7.0, 48.0]
    larger = benchmark_workers.scale(ledger, 0.5, FREE, repeat=10, counts=(1, 16)).set_index("workers")
    assert larger["trials"].tolist() == [42, 42] and larger.loc[1, "hours"] == 33.0
    disturbed = ledger_of(*(("search", "cnn", seconds) for seconds in (3600, 36_000, 3600)))
    assert benchmark_workers.scale(disturbed, 1.0, FREE, counts=(1,))["hours"].tolist() == [3.0]
    networks = ledger_of(("search", "cnn", 3600, "small"), ("search", "cnn", 36_000, "large"))
    assert benchmark_workers.scale(networks, 1.0, FREE, counts=(1,))["hours"].tolist() == [11.0]
    slow = benchmark_workers.scale(ledger, 0.5, {"cnn": [3600.0], "separable": [3600.0]}, counts=(256,))
    assert slow["hours"].tolist() == [7.0], "the chief, who is asked six times, is what limits: 6, and the last trial"


def test_the_chief_takes_longer_for_the_later_trials_of_a_size():
    ledger = ledger_of(
        ("search", "cnn", 0), ("search", "cnn", 0), ("search", "separable", 0), ("search", "cnn", 0),
        ("final", "cnn", 0),
    )  # fmt: skip
    # 1 + 2 + 2 hours for the CNN, 3 for the separable network and 1 for the full schedule.
    busy = {"cnn": [3600.0, 7200.0], "separable": [10_800.0]}
    assert benchmark_workers.scale(ledger, 1.0, busy, counts=(256,))["hours"].tolist() == [9.0]


def test_the_chief_is_measured_for_each_family_and_search():
    ledger = ledger_of(*(("search", family, 3600) for family in ("cnn", "cnn", "separable", "separable")))
    chief = pd.concat([benchmark_workers.measure_chief(ledger.head(4), repeat) for repeat in (1, 2)], ignore_index=True)
    assert chief.groupby(["repeat", "family"])["trial"].agg(list).to_dict() == {
        (1, "cnn"): [0, 1], (1, "separable"): [0, 1], (2, "cnn"): [0, 1, 2, 3], (2, "separable"): [0, 1, 2, 3],
    }  # fmt: skip
    assert (chief["seconds"] > 0).any()
    rates = pd.DataFrame({"workers": [1, 2], "trials_per_hour": [100, 150]})
    scaled = benchmark_workers.scale_with(ledger.head(4), rates, chief.assign(seconds=0.0))
    assert scaled.loc[scaled["workers"] == 1, ["repeat", "hours"]].values.tolist() == [[1, 3.0], [2, 6.0]]
    busy = chief.assign(seconds=np.where((chief["family"] == "cnn") & (chief["repeat"] == 2), 36_000.0, 0.0))
    scaled = benchmark_workers.scale_with(ledger.head(4), rates, busy)
    assert scaled.loc[scaled["workers"] == 256, ["repeat", "hours"]].values.tolist() == [[1, 0.75], [2, 40.75]]


def test_workers_do_not_wait_for_a_full_schedule_that_is_not_ready():
    hours = [("search", "cnn", 4), ("search", "separable", 1), ("final", "cnn", 1), ("final", "separable", 4)]
    ledger = ledger_of(*((stage, family, 3600 * length) for stage, family, length in hours))
    # The second worker is at its own full schedule until 5, the first begins the other one at 4.
    assert benchmark_workers.scale(ledger, 1.0, FREE, counts=(2,))["hours"].tolist() == [5.0]


def test_the_table_names_each_search():
    ledger = ledger_of(("search", "cnn", 7200), ("search", "separable", 3600), ("final", "cnn", 3600))
    scaled = [benchmark_workers.scale(ledger, 0.5, FREE, repeat=repeat, counts=(1, 2)) for repeat in (1, 1_000)]
    lines = benchmark_workers.scale_table(pd.concat(scaled, ignore_index=True)).strip().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells == [
        ["those that were run", "1", "3", "2.0", "1.5", "2", "1.0"],
        ["those that were run", "2", "3", "1.5", "2.0", "3", "1.3"],
        ["1000 times as many", "1", "2,001", "1500.5", "1.3", "1500", "1.0"],
        ["1000 times as many", "2", "2,001", "750.5", "2.7", "1501", "2.0"],
    ]


def test_the_small_search_is_one_that_the_script_takes():
    parser = command("search").parser()
    args = parser.parse_args(["--teacher", "t", *benchmark_workers.SMALL_SEARCH, "--name", "search", "--workers", "2"])
    assert (args.families, args.budgets, args.trials, args.epochs) == (["separable"], [25_000], 6, 2)
    assert (args.final_epochs, args.seeds, args.cached_views, args.control_budgets) == (1, 1, 2, [])
