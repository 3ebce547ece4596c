"""Runs as training would leave them, shipped once."""

import shutil

import pandas as pd
import pytest
from small_model import linear_model

from fer_keras.config import DataConfig, FitConfig, StudentConfig, TeacherConfig, environment, to_dict
from fer_keras.data.dataset import mark_validation
from fer_keras.data.synthetic import drawn_faces
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.files import write_json
from fer_keras.jobs.shipping import ship


@pytest.fixture(scope="session")
def drawn():
    return drawn_faces(420, seed=5)


@pytest.fixture(scope="session")
def public(drawn):
    """The same without PrivateTest, as where it is held back."""
    return drawn.take(drawn.splits != "private_test")


@pytest.fixture
def blank_figures(monkeypatch):
    """That there are figures matters here, not how they look: others see to that."""
    monkeypatch.setattr("fer_keras.evaluation.plots.save_figure", _save_nothing)


def _save_nothing(figure, path, **_):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a figure")


@pytest.fixture(scope="session")
def make_run():
    """A folder and data -> a run of three epochs there, the second the best, as training would leave it."""
    return _make_run


def _make_run(folder, data, *, seed=0, teachers=None, epochs=3):
    folder.mkdir(parents=True)
    model = linear_model(7, seed=seed)
    model.save(folder / "model.keras")
    options = DataConfig(data.source, mark_validation(data).split("train").fingerprint)
    fit = FitConfig(epochs=3, batch_size=32)
    if teachers is None:
        config = TeacherConfig(options, "small-cnn", fit=fit)
    else:
        config = StudentConfig(options, tuple(teachers), "small-cnn", fit=fit)
    write_json(folder / "config.json", {"config": to_dict(config), "environment": environment()})
    history = {"epoch": [0, 1, 2], "val_accuracy": [0.2, 0.4, 0.3], "seconds": [1.5, 2.0, 2.5]}
    pd.DataFrame(history).iloc[:epochs].to_csv(folder / "metrics.csv", index=False)
    return model


@pytest.fixture(scope="session")
def _shipped(public, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped")
    fingerprints = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fer_keras.evaluation.plots.save_figure", _save_nothing)
        for number in (1, 2):
            model = _make_run(folder / f"run-{number}", public, seed=number)
            fingerprints.append(teacher_fingerprint(model))
            ship(folder / f"run-{number}", folder / "saved_models" / f"t{number}", public, half=number == 1)
        _make_run(folder / "run-3", public, seed=3, teachers=[*fingerprints, "0123456789abcdef"])
        ship(folder / "run-3", folder / "saved_models" / "s", public, half=False)
    return folder


@pytest.fixture
def shipped(_shipped, tmp_path):
    """Two teachers, one in half precision, and a student of both; the folder of all saved models, beside the runs."""
    shutil.copytree(_shipped, tmp_path, dirs_exist_ok=True)
    return tmp_path / "saved_models"
