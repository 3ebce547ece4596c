"""A small student's run, trained once."""

import pytest


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    from small_run import run

    run(folder := tmp_path_factory.mktemp("finished") / "run", False)
    return folder
