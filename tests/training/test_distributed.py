"""Two processes that learn together end where one does."""

import json
import socket
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from processes import finish, start

from fer_keras import distributed
from fer_keras.data.dataset import SPLIT_OF_USAGE
from fer_keras.data.synthetic import drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.models import from_preset

DISTILL = Path(__file__).parents[2] / "scripts" / "distill.py"
# The command, with a student of a few layers: graphs over hosts take long to build. It has no dropout, whose masks
# depend on where an image stands in its host's batch.
WITH_A_TINY_STUDENT = f"""
import runpy
from fer_keras.models import registry
options = {{"widths": (4, 8, 8), "strides": (4, 2, 2), "dropouts": ()}}
registry.PRESETS["tiny"] = registry.Preset("separable", options)
runpy.run_path({str(DISTILL)!r}, run_name="__main__")
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def write_faces(path):
    faces = drawn_faces(300, seed=1)
    usages = {split: usage for usage, split in SPLIT_OF_USAGE.items()}
    rows = [
        f"{label},{' '.join(map(str, image.ravel()))},{usages[split]}"
        for label, image, split in zip(faces.labels, faces.images, faces.splits, strict=True)
    ]
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")


def distil(folder, task=None, ports=()):
    told = {}
    if ports:
        workers = [f"127.0.0.1:{port}" for port in ports]
        cluster = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": task}}
        told = {"TF_CONFIG": json.dumps(cluster), "no_grpc_proxy": "127.0.0.1"}
    # 51 images do not divide by two hosts.
    words = f"--data faces.csv --teacher teacher.keras --name {folder.name} --model tiny --batch-size 51 --epochs 2"
    words += " --cached-views 2 --learning-rate 2e-4"
    return start("-c", WITH_A_TINY_STUDENT, *words.split(), cwd=folder.parents[1], **told)


def test_two_hosts_give_what_one_process_gives(tmp_path):
    together, alone = tmp_path / "runs" / "together", tmp_path / "runs" / "alone"
    write_faces(tmp_path / "faces.csv")
    from_preset("small-cnn").save(tmp_path / "teacher.keras")
    ports = free_ports(2)
    processes = [distil(together, task, ports) for task in (0, 1)]
    for process in (distil(alone), *processes):
        finish(process)
    mine, theirs = (pd.read_csv(folder / "metrics.csv") for folder in (together, alone))
    # Float32 sums in another order, through Adam, whose first steps are the signs of the gradients.
    for name in ("loss", "label_loss", "distillation_loss", "val_loss", "learning_rate"):
        np.testing.assert_allclose(mine[name], theirs[name], rtol=2e-3, err_msg=name)
    first, second = (keras.models.load_model(folder / "model.keras") for folder in (together, alone))
    assert [type(layer) for layer in first.layers] == [type(layer) for layer in second.layers], "ships stock layers"
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


@pytest.mark.parametrize(
    "written",
    ["{", "{}", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
     '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}'],
)  # fmt: skip
def test_a_wrong_cluster_is_told_in_a_sentence(written, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", written)
    with pytest.raises(FerKerasError, match="TF_CONFIG: expected"):
        distributed.strategy.__wrapped__()


def test_a_batch_needs_an_image_for_every_host(monkeypatch):
    from fer_keras.training.loop import _require_an_image_a_host

    monkeypatch.setattr(distributed, "hosts", lambda: 3)
    _require_an_image_a_host(103, 50)
    with pytest.raises(FerKerasError, match="batch size 50: the last batch of 102 images has 2, too few for 3 hosts"):
        _require_an_image_a_host(102, 50)


def test_one_host_alone_is_no_cluster(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}')
    assert distributed.strategy.__wrapped__() is None
