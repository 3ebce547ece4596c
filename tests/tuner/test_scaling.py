"""Trials an hour as the clock says, and what follows for more workers by arithmetic."""

import sys

import numpy as np
import pytest
from command import script
from small_search import search_in

from fer_keras.errors import FerKerasError
from tuner import scaling

FAKE_SEARCH = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path

told = dict(zip(sys.argv[1::2], sys.argv[2::2]))
folder = Path(told["--runs"]) / told["--name"]
for number in range(4 * int(told["--workers"])):
    trial = folder / f"trial_{number}"
    trial.mkdir(parents=True)
    status = "completed" if told["--fails"] == "no" else "failed"
    (trial / "row.json").write_text(json.dumps({"status": status, "ended": datetime.now(UTC).isoformat()}))
    time.sleep(0.1)
sys.exit(int(told["--status"]))
"""


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "fake_search.py"
    path.write_text(FAKE_SEARCH)
    return lambda fails="no", status="0": [sys.executable, str(path), "--fails", fails, "--status", status]


def test_each_number_of_workers_has_its_turn(fake):
    table = scaling.measure_workers(fake(), rounds=2)
    assert table[["round", "workers", "trials"]].values.tolist() == [[1, 1, 4], [1, 2, 8], [2, 1, 4], [2, 2, 8]]
    assert (table["seconds"] > 0.1).all()
    np.testing.assert_allclose(table["trials_per_hour"], 3600 * table["trials"] / table["seconds"], atol=0.06)


@pytest.mark.parametrize("wrong", [{"fails": "yes"}, {"status": "3"}])
def test_a_search_that_fails_gives_no_number(fake, wrong):
    with pytest.raises(FerKerasError, match="the search with 1 workers ended with status"):
        scaling.measure_workers(fake(**wrong), rounds=1)


def test_the_chief_is_asked_for_every_short_trial(tmp_path):
    search = search_in(tmp_path / "untouched", families=("cnn", "separable"), budgets=(3_000, 5_000), trials=3)
    table = scaling.oracle_seconds(search)
    assert len(table) == 12 and (table["seconds"] > 0).all()
    assert not (tmp_path / "untouched").exists()


def test_more_workers_by_hand():
    # 252 short trials of 12 epochs, 60 of 60: 42 finals and 18 controls
    table = scaling.scale(10.0, 0.5).set_index("workers")
    assert table.loc[1, "hours"] == pytest.approx((252 * 120 + 60 * 600) / 3600, abs=0.005)
    assert table.loc[16, "hours"] == pytest.approx((16 * 120 + 4 * 600) / 3600, abs=0.005)
    assert table.loc[256, "hours"] == pytest.approx((120 + 600) / 3600, abs=0.005)
    assert table["short_trials_per_hour"].tolist() == [30, 60, 480, 7200]  # the last: half a second of the chief each
    assert table.loc[16, "host_hours"] == pytest.approx(16 * table.loc[16, "hours"], abs=0.1)
    slow = scaling.scale(10.0, 60.0).set_index("workers")
    assert slow.loc[256, "hours"] == pytest.approx(312 * 60 / 3600, abs=0.005), "the chief is what limits"


def test_the_small_search_is_one_that_the_script_takes():
    from fer_keras.config import NO_DATA, StudentConfig

    parser = script("search.py").parser(StudentConfig(NO_DATA, ()))
    told = parser.parse_args(["--teacher", "t", *scaling.SMALL_SEARCH, "--name", "search", "--workers", "2"])
    assert (told.families, told.budgets, told.trials, told.epochs) == (["separable"], [25_000], 6, 2)
    assert (told.final_epochs, told.seeds, told.cached_views, told.control_budgets) == (1, 1, 2, [])
