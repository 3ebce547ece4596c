"""docs/distil_your_own.ipynb runs, cell by cell, with fewer images and epochs."""

import json
import subprocess

import matplotlib
import pytest
from command import ROOT, run

CELLS = json.loads((ROOT / "docs" / "distil_your_own.ipynb").read_text(encoding="utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


REAL_RUN = subprocess.run


def run_here(words, **how):
    """`subprocess.run`; of the main job in this process: TensorFlow takes its time to start."""
    _, path, *options = words
    if not path.endswith("distill.py"):
        return REAL_RUN(words, **how)
    ended = run("distill.py", *options)
    return subprocess.CompletedProcess(words, ended.status, ended.out, ended.err)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """Runs the cells that have a tag, or none, one after the other in one namespace and folder."""
    matplotlib.use("Agg")
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("notebook"))
        patch.setenv("FER_KERAS_SMALL", "1")
        patch.setenv("FER_KERAS_CHECKOUT", str(ROOT))
        patch.setenv("FER_KERAS_CACHE", "cache")
        patch.setattr(subprocess, "run", run_here)

        def run_cells(tag=None):
            for cell in CODE:
                if tag in cell["metadata"].get("tags", [None]):
                    exec(compile("".join(cell["source"]), "distil_your_own.ipynb", "exec"), names)
            return names

        run_cells()
        yield run_cells, names


def test_no_output_is_kept():
    assert not any(cell["outputs"] or cell["execution_count"] for cell in CODE)


def test_it_goes_from_drawn_faces_to_a_plotted_result(notebook):
    _, names = notebook
    assert (names["run"] / "result.png").stat().st_size > 10_000
    assert names["plot"](names["run"]).keys() == {"student", "teacher 1"}


def test_it_does_the_same_with_own_classes(notebook):
    run_cells, names = notebook
    run_cells("own-classes")
    assert json.loads((names["mine"] / "evaluation.json").read_text())["classes"] == ["frown", "gasp", "smile"]
