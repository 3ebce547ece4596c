"""Python in processes of its own, for what a test kills or runs beside itself."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def start(*words: object, cwd: Path | None = None, **environment: str) -> subprocess.Popen:
    """Start `python WORDS` with more environment variables; its errors are kept for `finish`."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", *map(str, words)],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def finish(process: subprocess.Popen, status: int = 0, seconds: float = 300) -> str:
    """Wait for its end; return what it wrote to standard error."""
    _, errors = process.communicate(timeout=seconds)
    assert process.returncode == status, errors[-3000:]
    return errors


def wait_for(condition: Callable[[], Any], process: subprocess.Popen, seconds: float = 180) -> Any:
    """Wait for a true value of `condition` and return it; the process has to be alive until then."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert process.poll() is None, process.stderr.read()[-3000:]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return found
