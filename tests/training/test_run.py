"""When a run may go on, and when it is refused."""

import fcntl
import json
import shutil
from dataclasses import replace

import pytest
from small_run import CONFIG, run

from fer_keras.errors import FerKerasError
from fer_keras.training.run import Run


def test_a_run_is_not_overwritten(finished):
    before = (finished / "metrics.csv").read_bytes()
    with pytest.raises(FerKerasError, match="a run is there already"):
        run(finished, False)
    assert (finished / "metrics.csv").read_bytes() == before


def test_a_run_that_ended_is_left_as_it_is(finished):
    before = (finished / "model.keras").read_bytes()
    assert run(finished, True) == finished / "model.keras"
    assert (finished / "model.keras").read_bytes() == before


def test_what_a_kill_left_unpublished_is_published_by_the_next_start(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    for name in ("model.keras", "metrics.csv"):
        (folder / name).unlink()
    run(folder, True)
    for name in ("model.keras", "metrics.csv"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()


def test_going_on_with_other_options_is_refused(finished):
    with pytest.raises(FerKerasError, match=r"temperature: 2\.5, now 4\.0"):
        run(finished, True, replace(CONFIG, temperature=4.0))


def test_a_run_from_before_an_option_existed_goes_on_with_its_default(finished, tmp_path):
    recorded = json.loads((finished / "config.json").read_text())
    del recorded["config"]["mixup"], recorded["config"]["fit"]["label_smoothing"]
    (tmp_path / "config.json").write_text(json.dumps(recorded))
    Run(tmp_path, CONFIG, resume=True).check_resumable()
    with pytest.raises(FerKerasError, match=r"mixup: 0\.0, now 0\.5"):
        Run(tmp_path, replace(CONFIG, mixup=0.5), resume=True).check_resumable()
    smoother = replace(CONFIG, fit=replace(CONFIG.fit, label_smoothing=0.1))
    with pytest.raises(FerKerasError, match=r"fit.label_smoothing: 0\.0, now 0\.1"):
        Run(tmp_path, smoother, resume=True).check_resumable()


def test_two_processes_cannot_be_at_one_run(finished):
    with (finished / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FerKerasError, match="another process is at this run"):
            run(finished, True)
