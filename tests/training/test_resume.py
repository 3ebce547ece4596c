"""A run that was really killed goes on as if it never had been."""

import os
import signal
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from processes import finish, start, wait_for
from small_run import run

SMALL_RUN = Path(__file__).with_name("small_run.py")


def variables(file):
    """Every array in a weights file: layers, optimizer slots, averages, step."""
    arrays = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(file) as opened:
        opened.visititems(note)
    return arrays


def assert_equal_runs(*folders):
    last = [max((folder / "checkpoint").glob("epoch-*")) for folder in folders]
    assert last[0].name == last[1].name == "epoch-00006"
    first, second = (variables(path / "state.weights.h5") for path in last)
    assert first.keys() == second.keys() and any("optimizer" in name for name in first)
    for name, array in first.items():
        np.testing.assert_array_equal(second[name], array, err_msg=name)
    tables = [pd.read_csv(folder / "metrics.csv").drop(columns="seconds") for folder in folders]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    run(folder, False)
    return folder


def test_killed_and_interrupted_and_resumed_equals_never_stopped(uninterrupted, tmp_path):
    folder = tmp_path / "stopped"
    process = start(SMALL_RUN, folder)
    # As soon as a checkpoint appears, before it is published.
    wait_for(lambda: any((folder / "checkpoint").glob("epoch-00002")), process)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    process = start(SMALL_RUN, folder, "--resume")
    wait_for(lambda: any((folder / "checkpoint").glob("epoch-00004")), process)
    time.sleep(0.03)  # somewhere in the next epoch
    process.send_signal(signal.SIGINT)
    errors = finish(process, 130, seconds=60)
    assert "Traceback" not in errors and "goes on from its last whole epoch" in errors
    assert not (folder / "checkpoint" / "epoch-00006").exists(), "stopped too late to prove anything"
    assert keras.models.load_model(folder / "model.keras").output_shape == (None, 7), "the best model is kept"

    run(folder, True)
    assert_equal_runs(uninterrupted, folder)
    weights = [keras.models.load_model(path / "model.keras").get_weights() for path in (uninterrupted, folder)]
    for weight, expected in zip(*weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
