"""The versions and the commit that a run is made with."""

import os
import platform
import subprocess
from contextlib import suppress
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
        # `describe --dirty` would lock the index, and leave the lock behind where it is killed.
        command = ["git", "--no-optional-locks", "-C", root, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    commit = ""
    with suppress(OSError, subprocess.CalledProcessError):
        if Path(git("rev-parse", "--show-toplevel")) == root:  # not one that the package happens to be installed in
            changed = git("status", "--porcelain", "--untracked-files=no")
            commit = git("describe", "--always") + ("-dirty" if changed else "")
    return {"python": platform.python_version(), **{name: version(name) for name in names}, "commit": commit}
