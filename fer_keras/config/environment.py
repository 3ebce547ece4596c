"""The versions and the commit that a run is made with."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path


@cache
def environment() -> dict[str, str]:
    """Return the versions and the commit that a run was made with; the commit is empty outside a checkout.

    They are those of the first call: a process has the code that it started with, whatever is committed meanwhile.
    """
    names = (os.environ.get("KERAS_BACKEND", "tensorflow"), "keras", "numpy")
    root = Path(__file__).parents[2]

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True).stdout.strip()

    try:  # the checkout must be ours, not one that the package happens to be installed in
        commit = git("describe", "--always", "--dirty") if Path(git("rev-parse", "--show-toplevel")) == root else ""
    except (OSError, subprocess.CalledProcessError):
        commit = ""
    return {"python": platform.python_version(), **{name: version(name) for name in names}, "commit": commit}
