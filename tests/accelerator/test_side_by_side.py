"""Runs that JAX fits side by side are those that Keras's `fit` on TensorFlow gives, one by one."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from command import ROOT, run
from fit_options import FACES, FIT, LANES, NETWORK, config_of, images_of

from fer_keras.accelerator import runs as runs_of_jax
from fer_keras.config import main_job_defaults, to_dict
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.distill.teachers import Teacher, cached_logits
from fer_keras.errors import FerKerasError
from fer_keras.files import write_json
from fer_keras.jobs.ablation_arms import ARMS, ASSISTANT, ENSEMBLE, SINGLE, Study, base_config, run_name
from fer_keras.models import build
from fer_keras.models.load import load_model
from fer_keras.training.data import training_data
from fer_keras.training.digests import write_digests
from fer_keras.training.run import Run
from fer_keras.training.student import train_student
from fer_keras.training.teacher import train_teacher


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What on_jax.py leaves, beside the weights that both begin with and the teacher."""
    folder = tmp_path_factory.mktemp("accelerator")
    keras.utils.set_random_seed(3)
    build("separable", **NETWORK).save(folder / "start.keras")
    build("cnn", widths=(4, 8, 8), dense_widths=(16,)).save(folder / "teacher.keras")
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests", Path(__file__).parent)))
    own = {"KERAS_BACKEND": "jax", "PYTHONPATH": paths, "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled")}
    # Most of the time is compilation.
    own["XLA_FLAGS"] = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    command = [sys.executable, Path(__file__).with_name("on_jax.py"), folder]
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def weights(folder):
    return load_model(folder).get_weights()


def fit_by_keras(lane, folder, run, cache, monkeypatch):
    """The same run on TensorFlow, in the folder `run`; return where it is."""
    train, val, data = images_of()
    teacher = load_model(folder / "teacher.keras")
    config = config_of(lane, data, teacher_fingerprint(teacher))
    monkeypatch.setattr("fer_keras.training.network.from_preset", lambda *_, **__: load_model(folder / "start.keras"))
    if lane == "labels":
        train_teacher(Run(run, config, resume=False), train, val)
    else:
        train_student(
            Run(run, config, resume=False), train, val, cached_logits(config, [Teacher(teacher)], train, cache)
        )
    return run


@pytest.mark.parametrize("lane", LANES)
def test_it_learns_what_keras_fit_learns(lane, folder, tmp_path, monkeypatch):
    runs = fit_by_keras(lane, folder, tmp_path / "run", tmp_path / "cache", monkeypatch), folder / "whole" / lane
    theirs, ours = (pd.read_csv(run / "metrics.csv") for run in runs)
    terms = () if lane == "labels" else ("label_loss", "distillation_loss", "agreement")
    for column in ("loss", *terms, "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-4, err_msg=column)
    np.testing.assert_allclose(ours["learning_rate"], theirs["learning_rate"], rtol=1e-5, atol=1e-9)
    begun = load_model(folder / "start.keras").weights
    for start, other, mine in zip(begun, *map(weights, runs), strict=True):
        moved = np.abs(other - np.asarray(start)).max()
        assert np.abs(mine - other).max() < 1e-2 * moved, start.path
    # What both say of the run, but for the machine, is the same.
    recorded = [json.loads((run / "config.json").read_text()) for run in runs]
    assert recorded[0]["config"] == recorded[1]["config"]
    assert "jax" in recorded[1]["environment"] and "tensorflow" not in recorded[1]["environment"]
    assert (recorded[1]["environment"]["device"], recorded[1]["environment"]["precision"]) == ("cpu", "float32")
    assert recorded[1]["environment"]["side by side"] == (1 if lane == "labels" else 2)


@pytest.mark.parametrize("lane", LANES)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(lane, folder):
    whole, resumed, again = json.loads((folder / "epochs.json").read_text())
    assert whole == {"mixed and 1 more": [0, 1], "labels": [0, 1]}
    assert resumed["mixed"] == [1], "from where it was, without the one that had ended"
    assert resumed.get("labels", []) in ([], [1], [0, 1]), "the other's end stopped it between epochs"
    assert again == {}
    assert len(pd.read_csv(folder / "resumed" / lane / "metrics.csv")) == FIT.epochs
    for stopped, other in zip(weights(folder / "resumed" / lane), weights(folder / "whole" / lane), strict=True):
        np.testing.assert_allclose(stopped, other, rtol=1e-4, atol=1e-6)  # beside fewer others it is compiled otherwise
    assert not [*folder.glob("resumed/**/*.npz")], "the state is not needed any more"


def test_neither_engine_goes_on_with_what_the_other_began(folder, tmp_path, monkeypatch):
    train, val, data = images_of()
    config = config_of("labels", data, "")
    run = tmp_path / "run"
    shutil.copytree(folder / "whole" / "labels", run)
    checkpoint = next((run / "checkpoint").iterdir())
    progress = json.loads((checkpoint / "progress.json").read_text())
    (checkpoint / "progress.json").write_text(json.dumps({**progress, "epoch": 1}))
    write_digests(checkpoint)
    with pytest.raises(FerKerasError, match=r"was written by scripts/accelerate\.py, which alone can go on with it"):
        train_teacher(Run(run, config, resume=True), train, val)
    recorded = json.loads((run / "config.json").read_text())
    write_json(run / "config.json", {**recorded, "environment": {"tensorflow": "2"}})
    with pytest.raises(FerKerasError, match="was begun by Keras's fit on TensorFlow, which alone can go on with it"):
        runs_of_jax._check_engine(Run(run, config, resume=True))


def test_our_layers_answer_as_stock_ones(folder):
    found = json.loads((folder / "outputs.json").read_text())
    assert len(found) == 7 and max(found.values()) < 1e-5, found


def test_scripts_tell_what_those_of_keras_fit_tell(folder):
    recipes = json.loads((folder / "recipes.json").read_text())
    data, data_config = training_data(FACES)
    for model in ("residual-10", "residual-18"):
        for seed in (4, 5):
            default = main_job_defaults(drawn=False)[0]
            fit = replace(default.fit, epochs=7, seed=seed)
            config = replace(default, data=data_config, model=model, mixup=0.3, fit=fit)
            assert recipes[f"labels/{model}-{seed}"] == to_dict(config)
    teacher, assistant = (load_model(folder / name) for name in ("teacher.keras", "start.keras"))
    default = main_job_defaults(drawn=False)[1]
    fit = replace(default.fit, batch_size=32)
    config = replace(
        default, data=data_config, teachers=(teacher_fingerprint(teacher),), teacher_names=("teacher",), fit=fit
    )
    assert recipes["distilled/mine-0"] == to_dict(config)
    teachers = {ENSEMBLE: [Teacher(teacher)], SINGLE: [Teacher(teacher)], ASSISTANT: [Teacher(assistant)]}
    study = Study(base_config(40), teachers, data, data_config, folder, folder, folder)
    for arm in ARMS:
        assert recipes[f"ablation/{run_name(arm.name, 0)}"] == to_dict(study.config(arm, 0))
    assert len(recipes) == 5 + len(ARMS)


def test_without_jax_the_command_says_what_to_install(monkeypatch):
    monkeypatch.setattr("fer_keras.cli.find_spec", lambda name: None)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")  # which the command changes, for this process too
    ended = run("accelerate.py")
    assert (ended.status, ended.err) == (2, "error: JAX is not installed: pip install 'fer_keras[accelerator]'\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--alpha", 0.5], "--alpha is for students; name their --teacher"),
        (
            ["--name", "a", "--model", "residual-10", "residual-16"],
            "--name a: one name for 2 models, expected one --model",
        ),
        (["--model", "residual-9"], "unknown model 'residual-9', expected one of "),
    ],
)
def test_options_that_do_not_go_together_are_refused(words, error, monkeypatch):
    monkeypatch.setattr("fer_keras.cli.set_up_accelerator", lambda: None)
    ended = run("accelerate.py", *words)
    assert ended.status == 2 and ended.err.startswith(f"error: {error}")
