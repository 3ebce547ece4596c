"""Searches that are killed, and searches of several processes."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from processes import finish, start, wait_for
from small_search import run

SMALL_SEARCH = Path(__file__).with_name("small_search.py")


def ledger_of(folder):
    return pd.read_csv(folder / "ledger.csv", dtype={"trial": str})


def running(folder, name):
    """Processes of the search in `folder` that are called `name` by their tuner id: pid -> environment."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        variables = dict(line.split("=", 1) for line in environment.decode(errors="replace").split("\0") if "=" in line)
        if str(folder).encode() in command and variables.get("KERASTUNER_TUNER_ID") == name:
            found[int(entry.name)] = variables
    return found


def test_killed_in_a_trial_it_goes_on_from_the_last_epoch(tmp_path):
    folder = tmp_path / "search"
    settings = json.dumps({"families": ["cnn"], "trials": 1, "control_budgets": [], "epochs": 3, "final_epochs": 1})
    hold = tmp_path / "hold"
    hold.touch()
    process = start(SMALL_SEARCH, folder, TOLD=settings, HOLD=str(hold))
    wait_for(lambda: [*folder.glob("trial_0000/*/checkpoint/epoch-00001")], process)
    process.kill()
    process.wait()
    (row,) = ledger_of(folder).itertuples()
    assert (row.trial, row.status) == ("0000", "running")
    before = json.loads(next(folder.glob("trial_0000/*/checkpoint/*/progress.json")).read_text())
    assert before["epoch"] == 1
    run(folder, **json.loads(settings))
    ledger = ledger_of(folder)
    assert ledger[["trial", "stage", "status", "epochs"]].values.tolist() == [
        ["0000", "search", "completed", 3],
        ["0001", "final", "completed", 1],
    ]
    history = pd.read_csv((folder / ledger["model"][0]).with_name("metrics.csv"))
    assert history["epoch"].tolist() == [0, 1, 2]
    done = [logs["seconds"] for logs in before["history"]]
    assert history["seconds"][: len(done)].tolist() == done, "epochs before the kill were trained again"


def test_a_chief_and_workers_that_are_killed(tmp_path):
    """Two workers that are started again, as is the chief, and one that came from elsewhere and is gone for good."""
    folder = tmp_path / "search"
    settings = json.dumps({"families": ["cnn"], "trials": 3, "control_budgets": [], "epochs": 2, "final_epochs": 1})
    hold = tmp_path / "hold"
    hold.touch()
    process = start(SMALL_SEARCH, folder, "--workers", "2", TOLD=settings, HOLD=str(hold))

    def begun(*trials):
        return all([*folder.glob(f"trial_{trial}/*/checkpoint/epoch-00001")] for trial in trials)

    wait_for(lambda: begun("0000", "0001"), process)
    (chief,) = running(folder, "chief").values()
    address = {name: chief[name] for name in ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")}
    guest = start(SMALL_SEARCH, folder, TOLD=settings, HOLD=str(hold), KERASTUNER_TUNER_ID="guest", **address)
    wait_for(lambda: begun("0002"), guest)
    ongoing = json.loads((folder / "oracle.json").read_text())["ongoing_trials"]
    assert sorted(ongoing) == ["guest", "worker-1", "worker-2"] and len(set(ongoing.values())) == 3
    guest.kill()
    guest.wait()
    for name in ("worker-1", "chief"):
        (killed,) = running(folder, name)
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda name=name, killed=killed: {*running(folder, name)} - {killed}, process)
    hold.unlink()
    finish(process)
    ledger = ledger_of(folder)
    assert ledger["trial"].tolist() == ["0000", "0001", "0002", "0003"]
    assert ledger["stage"].tolist() == 3 * ["search"] + ["final"]
    assert (ledger["status"] == "completed").all() and ledger["config_hash"].nunique() == 4
    rows = [json.loads(path.read_text()) for path in sorted(folder.glob("trial_*/row.json"))]
    for name in ("worker-1", "guest"):
        assert rows[int(ongoing[name])]["begun_at"] >= 1, f"the trial of {name}, which was killed, began anew"
    trials = [json.loads(path.read_text()) for path in sorted(folder.glob("trial_*/trial.json"))]
    assert [trial["status"] for trial in trials] == 4 * ["COMPLETED"]
    for trial, row in zip(trials, rows, strict=True):
        assert abs(trial["score"] - row["val_accuracy"]) < 1e-6
    assert not running(folder, "worker-1") and not running(folder, "chief")


def test_what_a_chief_was_killed_over_is_asked_again(monkeypatch):
    import grpc
    from keras_tuner.src import protos

    from tuner.tuner import _patient_stub, _silence_as_refusal

    asked = []

    class Chief(protos.get_service_grpc().OracleServicer):
        def GetSpace(self, request, context):  # noqa: N802
            asked.append(1)
            if len(asked) == 1:
                context.abort(grpc.StatusCode.UNAVAILABLE, "killed")
            if len(asked) == 3:
                raise OSError("the disk is full")
            return protos.get_service().GetSpaceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    protos.get_service_grpc().add_OracleServicer_to_server(Chief(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(port))
    monkeypatch.setenv("no_grpc_proxy", "127.0.0.1")
    stub = _patient_stub()
    stub.GetSpace(protos.get_service().GetSpaceRequest(), wait_for_ready=True, timeout=60)
    assert len(asked) == 2
    broken = pytest.raises(OSError, match=rf"the chief at 127.0.0.1:{port} failed with .*the disk is full \(UNKNOWN\)")
    with broken, _silence_as_refusal():
        stub.GetSpace(protos.get_service().GetSpaceRequest(), wait_for_ready=True, timeout=60)
    server.stop(0).wait()
    silence = pytest.raises(OSError, match=rf"no chief answers at 127.0.0.1:{port} \(DEADLINE_EXCEEDED\)")
    with silence, _silence_as_refusal():
        stub.GetSpace(protos.get_service().GetSpaceRequest(), wait_for_ready=True, timeout=0.2)
