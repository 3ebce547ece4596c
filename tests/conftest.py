"""Fixtures: drawn faces, and a cache folder of the tests' own."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as scripts do: see `fer_keras.cli.run`

import numpy as np
import pytest

SLOW_FILES = (
    "test_processes.py", "test_main_job.py", "test_distributed.py", "test_search.py", "test_resume.py",
    "test_benchmark_inference.py", "test_export.py",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """Begin with the files that take minutes: or one process would run the last of them while the other is idle."""
    order = {name: number for number, name in enumerate(SLOW_FILES)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


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
