"""Fixtures: drawn faces, and a cache folder of the tests' own."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as scripts do: see `fer_keras.cli.run`

import numpy as np
import pytest

EXPORT = "tests/export"
SLOW = (
    "test_processes.py", "test_main_job.py", EXPORT, "test_distributed.py", "test_search.py", "test_resume.py",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """Begin with what takes minutes: or one process would run the last of it while the other is idle."""

    def rank(item):
        file = item.nodeid.split("::")[0]
        return next((number for number, slow in enumerate(SLOW) if slow in file), len(SLOW))

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A process has whole files, and one of them all of tests/export, whose session fixture exports a model."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return EXPORT if nodeid.startswith(EXPORT) else super()._split_scope(nodeid)

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
