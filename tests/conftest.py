"""Fixtures: drawn faces, a cache folder of the tests' own, the shipped reference student exported once."""

import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as scripts do: see `fer_keras.cli.set_up`

import numpy as np
import pytest
from command import ROOT

EXPORT = ("tests/export", "tests/jobs/test_export", "tests/jobs/test_benchmark_inference")
"""Files that share a model which is exported once a session."""
RUN = ("tests/training/test_checkpoint", "tests/training/test_loop", "tests/training/test_run")
"""Files that share a run."""
SHARED = (EXPORT, RUN, ("tests/jobs/test_ship",))
SLOW = (
    "test_processes.py", "jobs/test_distill.py", *EXPORT, "test_distributed.py", "test_search.py", "test_resume.py",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """Begin with what takes minutes: or one process would run the last of it while the other is idle."""

    def rank(item):
        file = item.nodeid.split("::")[0]
        return next((number for number, slow in enumerate(SLOW) if slow in file), len(SLOW))

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A process has whole files, and all those that share what takes its time to make."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return next((files[0] for files in SHARED if nodeid.startswith(files)), super()._split_scope(nodeid))

    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def faces():
    """700 drawn faces with all three published splits."""
    from fer_keras.data.synthetic import drawn_faces

    return drawn_faces(700, seed=3)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def _exported(tmp_path_factory):
    from fer_keras.export import parity
    from fer_keras.jobs.export_subject import ExportOptions
    from fer_keras.jobs.exporting import export_model

    folder = tmp_path_factory.mktemp("exported") / "reference-mobilenet"
    folder.mkdir()
    shutil.copyfile(ROOT / "saved_models" / "reference-mobilenet" / "model.keras", folder / "model.keras")
    said, processes, answers_of = [], {}, parity.answers_of

    def watched(export, *words):
        answers, processes[export.key] = answers_of(export, *words)
        return answers, processes[export.key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "answers_of", watched)
        return folder, export_model(folder, options=ExportOptions(say=said.append)), said, processes


@pytest.fixture(scope="session")
def exported(_exported):
    """The folder of a copy with all its exports, what exports.json holds, and what was said."""
    return _exported[:3]


@pytest.fixture(scope="session")
def processes(_exported):
    """What the process that answered each format told of itself."""
    return _exported[3]


@pytest.fixture(scope="session")
def keras_model(exported):
    from fer_keras.models.load import load_model

    return load_model(exported[0])


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """The folder of a small model, saved_models/m, as scripts/export.py leaves one."""
    from small_model import save_small_model

    save_small_model(folder := tmp_path_factory.mktemp("saved") / "saved_models" / "m")
    return folder
