"""The project's scripts as a user runs them, in this process: TensorFlow takes its time to start."""

import contextlib
import importlib
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from fer_keras import endings

ROOT = Path(__file__).parents[1]


class Ended(NamedTuple):
    """What a command left."""

    status: int
    out: str
    err: str


def command(name: str) -> ModuleType:
    """The module of `scripts/<name>.py`, `name` with or without its ending."""
    return importlib.import_module(f"fer_keras.jobs.{Path(name).stem}")


def run(name: str, *words: object, cwd: Path | None = None) -> Ended:
    """`python scripts/<name> WORDS`, in `cwd` (default: where the test is)."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.chdir(cwd or Path.cwd())
        patch.setattr(sys, "argv", [f"scripts/{name}", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            endings.run(command(name).main)
    return Ended(ended.value.code, out.getvalue(), err.getvalue())
