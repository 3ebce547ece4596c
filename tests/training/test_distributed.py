"""Two processes that learn together end where one does."""

import json
import socket
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from command import run
from face_files import write_fer2013
from processes import finish, start

from fer_keras import distributed
from fer_keras.data.synthetic import drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.models import PRESETS, build
from fer_keras.models.registry import Preset

DISTILL = Path(__file__).parents[2] / "scripts" / "distill.py"
# The command, with a student of a few layers: graphs over hosts take long to build. It has no dropout, whose masks
# depend on where an image stands in its host's batch.
TINY = {"widths": (4, 8, 8), "strides": (4, 2, 2), "dropouts": ()}
WITH_A_TINY_STUDENT = f"""
import runpy
from fer_keras.models import registry
registry.PRESETS["tiny"] = registry.Preset("separable", {TINY})
runpy.run_path({str(DISTILL)!r}, run_name="__main__")
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for probe in sockets:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in sockets]
    for probe in sockets:
        probe.close()
    return ports


def words(folder):
    # 51 images do not divide by two hosts.
    options = f"--data faces.csv --teacher teacher.keras --name {folder.name} --model tiny --batch-size 51 --epochs 2"
    return f"{options} --cached-views 2 --learning-rate 2e-4".split()


def distil(folder, task, ports):
    workers = [f"127.0.0.1:{port}" for port in ports]
    cluster = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": task}}
    environment = {"TF_CONFIG": json.dumps(cluster), "no_grpc_proxy": "127.0.0.1"}
    return start("-c", WITH_A_TINY_STUDENT, *words(folder), cwd=folder.parents[1], **environment)


def test_two_hosts_give_what_one_process_gives(tmp_path, monkeypatch):
    together, alone = tmp_path / "runs" / "together", tmp_path / "runs" / "alone"
    write_fer2013(tmp_path / "faces.csv", drawn_faces(300, seed=1))
    build("cnn", widths=(4,), dense_widths=()).save(tmp_path / "teacher.keras")
    ports = free_ports(2)
    processes = [distil(together, task, ports) for task in (0, 1)]
    monkeypatch.setitem(PRESETS, "tiny", Preset("separable", TINY))
    ended = run("distill.py", *words(alone), "--cache", tmp_path / "logits", cwd=tmp_path)
    for process in processes:
        finish(process)
    assert ended.status == 0, ended.err
    mine, theirs = (pd.read_csv(folder / "metrics.csv") for folder in (together, alone))
    # Float32 sums in another order, through Adam, whose first steps are the signs of the gradients.
    for name in ("loss", "label_loss", "distillation_loss", "val_loss", "learning_rate"):
        np.testing.assert_allclose(mine[name], theirs[name], rtol=2e-3, err_msg=name)
    first, second = (keras.models.load_model(folder / "model.keras") for folder in (together, alone))
    assert [type(layer) for layer in first.layers] == [type(layer) for layer in second.layers], "ships stock layers"
    keras.utils.set_random_seed(0)
    untrained = build("separable", **TINY).trainable_weights
    moved = np.sqrt(sum(((w - u) ** 2).numpy().sum() for w, u in zip(second.trainable_weights, untrained, strict=True)))
    pairs = zip(first.trainable_weights, second.trainable_weights, strict=True)
    assert np.sqrt(sum(((w - u) ** 2).numpy().sum() for w, u in pairs)) < 0.1 * moved


@pytest.mark.parametrize(
    "text",
    ["{", "{}", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
     '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}'],
)  # fmt: skip
def test_a_wrong_cluster_is_told_in_a_sentence(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(FerKerasError, match="TF_CONFIG: expected"):
        distributed.strategy.__wrapped__()


def test_hosts_with_several_devices_are_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}')
    two_each = type("Strategy", (), {"num_replicas_in_sync": 4})
    monkeypatch.setattr("tensorflow.distribute.MultiWorkerMirroredStrategy", two_each)
    with pytest.raises(FerKerasError, match="TF_CONFIG: 2 hosts have 4 devices, expected one each"):
        distributed.strategy.__wrapped__()


def test_a_batch_needs_an_image_for_every_host(monkeypatch):
    from fer_keras.training.loop import _require_an_image_a_host

    monkeypatch.setattr(distributed, "hosts", lambda: 3)
    _require_an_image_a_host(103, 50)
    with pytest.raises(FerKerasError, match="batch size 50: the last batch of 102 images has 2, too few for 3 hosts"):
        _require_an_image_a_host(102, 50)


def test_a_host_with_more_images_of_a_batch_counts_for_more(monkeypatch):
    class Context:
        def all_reduce(self, how, mine):
            return mine + 25.0  # the other host's

    monkeypatch.setattr(distributed, "replicas", lambda: 2)
    monkeypatch.setattr("tensorflow.distribute.get_replica_context", Context)
    assert float(distributed.share_of_batch(26)) == pytest.approx(26 / 25.5)
    monkeypatch.setattr(distributed, "replicas", lambda: 1)
    assert distributed.share_of_batch(26) == 1.0


def test_hosts_other_than_the_first_leave_the_runs_folder_alone(tmp_path, monkeypatch):
    checkpoint = tmp_path / "run" / "checkpoint" / "epoch-00001"
    checkpoint.mkdir(parents=True)
    (checkpoint / "state").write_text("1")
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    with distributed.own_copy(tmp_path / "run") as mine:
        assert mine.name == "run" and (mine / "checkpoint" / "epoch-00001" / "state").read_text() == "1"
        (mine / "checkpoint" / "epoch-00001" / "state").write_text("2")
    assert not mine.exists() and (checkpoint / "state").read_text() == "1"
    monkeypatch.setattr(distributed, "rank", lambda: 0)
    with distributed.own_copy(tmp_path / "run") as mine:
        assert mine == tmp_path / "run"


def test_one_host_alone_is_no_cluster(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}')
    assert distributed.strategy.__wrapped__() is None
