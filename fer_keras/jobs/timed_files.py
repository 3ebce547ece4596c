"""The files that are timed: one of a model and a runtime, in a process of its own, on one thread."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_keras.errors import FerKerasError
from fer_keras.evaluation.plots import GREY
from fer_keras.export import runtimes
from fer_keras.export.formats import FORMATS, ExportFormat

KERAS = "keras"
"""The model as it is, which is no export."""

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
}


@dataclass(frozen=True)
class TimedFile:
    """One file of one model.

    Attributes:
        model: what tables call the model.
        runtime: of `format_titles`.
        path: the file, or the SavedModel's version folder.
        parameters: trainable ones of ours; as the authors count of a baseline.
        pixels: makes what it takes of uint8 [N, 48, 48, 1], before the clock runs; None where it takes those.
    """

    model: str
    runtime: str
    path: Path
    parameters: int
    pixels: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def name(self) -> str:
        """The model and its format, for people."""
        return timed_title(self.model, self.runtime)


class AskedProgram:
    """A program in a process of its own, on one thread; it answers a line of JSON by another one.

    Args:
        command: its words.
        name: what is measured, for people.

    Raises:
        FerKerasError: the process ends; the sentence ends in the last line of what it said.
    """

    def __init__(self, command: Sequence[str], name: str) -> None:
        self._name = name
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (until `close`; a pipe could fill up)
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **_ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.versions = self._reply()["versions"]

    def ask(self, **request: object) -> dict[str, Any]:
        """Return the answer to one request."""
        with suppress(BrokenPipeError):  # it has ended, and `_reply` says why
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        return self._reply()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._errors.close()

    def _reply(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            last = (self._errors.read().strip().splitlines() or [f"status {self._process.returncode}"])[-1]
            self.close()
            raise FerKerasError(f"{self._name} ({last})")
        return json.loads(line)


class Process(AskedProgram):
    """A file in a process of its own, which answers requests of `fer_keras.export.runtimes.serve`.

    Raises:
        FerKerasError: as `AskedProgram`.
    """

    def __init__(self, file: TimedFile) -> None:
        self.file = file
        export = FORMATS.get(file.runtime)
        program = (runtimes.__file__, file.runtime) if export is None else export.program
        command = [sys.executable, "-P", "-W", "ignore", *map(str, program), str(file.path)]
        super().__init__(command, f"{file.name}: its runtime cannot use {file.path}")


def timed_formats() -> dict[str, ExportFormat]:
    """Return the formats that are timed: those that compute as another does are not."""
    return {key: export for key, export in FORMATS.items() if not export.same_as}


def format_titles() -> dict[str, str]:
    """Return what tables and figures call the formats, by their keys: Keras, then what is exported."""
    return {KERAS: "Keras", **{key: export.timed_title for key, export in timed_formats().items()}}


def format_colours() -> dict[str, str]:
    """Return the colours of the formats in figures, by the keys of `format_titles`."""
    return {KERAS: GREY, **{key: export.colour for key, export in timed_formats().items()}}


def timed_title(model: str, runtime: str) -> str:
    """Return what tables call a model in a format."""
    return f"{model}, {format_titles()[runtime]}"
