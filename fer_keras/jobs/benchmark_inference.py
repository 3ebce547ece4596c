"""What an answer costs in each format: every model and runtime in a process of its own, in turn, on one thread."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from fer_keras.data.dataset import FaceData
from fer_keras.data.synthetic import drawn_faces
from fer_keras.evaluation.tables import NONE, percent, table
from fer_keras.export.baselines import fer_files, fer_pixels
from fer_keras.export.classes import label_set_of_model
from fer_keras.export.parity import labelled_split
from fer_keras.export.record import artifact_facts, kept_file, read_exports
from fer_keras.jobs.benchmark import turns
from fer_keras.jobs.export_subject import calibration_faces, of_stock_layers, writer_inputs
from fer_keras.jobs.timed_files import KERAS, Process, TimedFile, timed_formats, timed_title
from fer_keras.models import budget
from fer_keras.models.load import load_model, model_file, model_names

BATCHES = (1, 64)
"""Faces in a call."""

_SECONDS = 0.25


def benchmark_inference(models: Sequence[Path], data: FaceData | None, rounds: int) -> pd.DataFrame:
    """Time and score every model in every format, and the baselines that are installed.

    Formats that are not kept beside a model are made for the occasion. Every file has its turn in every round, so
    that a noisy machine is noisy for all of them alike, and its fastest round counts: other work only adds time.

    Args:
        models: `.keras` files, or folders that hold one.
        data: what to score on and to calibrate 8-bit integers with; None for drawn faces and no scores.
        rounds: counted ones; one more is not.

    Returns:
        A row a file: `model`, `format`, `parameters`, `bytes`; `milliseconds` of the fastest round at batch 1
        and of the median one, `milliseconds_median`; `images_per_cpu_second` at batch 1 and, `..._batch_64`, at 64, of
        the fastest round; `peak_memory` of the process in bytes; `split`, `images`, `accuracy` and `macro_f1` where
        `data` has labels; `runtime`, its version.

    Raises:
        FerKerasError: there is no such model, or a runtime fails.
    """
    split = labelled_split(data)
    faces = drawn_faces(4 * max(BATCHES), seed=3).images if split is None else data.split(split).images
    paths = [model_file(path) for path in models]
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        files = [
            file
            for path, name in zip(paths, model_names(paths), strict=True)
            for file in our_files(path, name, data, Path(scratch))
        ]
        files += [TimedFile(*file, fer_pixels) for file in fer_files(Path(scratch))]
        pixels = _pixel_files(files, faces, Path(scratch))
        processes = [stack.enter_context(closing(Process(file))) for file in files]
        timings = _rounds(processes, pixels, rounds)
        rows = [
            {**_facts(process), **timing, **_scores(process, pixels, data, split, scratch)}
            for process, timing in zip(processes, timings, strict=True)
        ]
    return pd.DataFrame(rows)


def our_files(file: Path, name: str, data: FaceData | None, scratch: Path) -> list[TimedFile]:
    """Return every format of one of our models, called `name`, those that are not kept beside it made in `scratch`."""
    model = of_stock_layers(load_model(file))
    label_set, _ = label_set_of_model(file, model.output_shape[-1])
    parameters, exports = budget.parameters(model), read_exports(file.parent, file)["formats"]
    files = [TimedFile(name, KERAS, file, parameters)]
    for key, export in timed_formats().items():
        artifact = kept_file(file.parent, exports.get(key))
        if artifact is None:
            artifact = scratch / f"{len(list(scratch.iterdir()))}_{key}"
            print(f"{name}: {export.timed_title} is made for the occasion", flush=True)
            faces = calibration_faces(data)[0] if export.needs_faces else None
            export.write(model, artifact, writer_inputs(name, label_set.classes, faces))
        files.append(TimedFile(name, key, artifact, parameters))
    return files


def inference_table(results: pd.DataFrame) -> str:
    """Return the results as a Markdown table.

    Args:
        results: of `benchmark_inference`.
    """
    lines = [
        (
            timed_title(row["model"], row["format"]),
            f"{row['bytes'] / 1e3:,.0f}",
            f"{row['milliseconds']:.3g}",
            f"{row['images_per_cpu_second_batch_64']:,.0f}",
            f"{row['peak_memory'] / 1e6:,.0f}",
            *(NONE if pd.isna(row[key]) else percent(row[key]) for key in ("accuracy", "macro_f1")),
        )
        for row in results.to_dict("records")
    ]
    return table(("", "KB", "ms", "faces per CPU second", "peak MB", "accuracy", "macro-F1"), lines)


def _pixel_files(files: Sequence[TimedFile], faces: np.ndarray, scratch: Path) -> dict[object, str]:
    """Write the faces, at least as many as a batch has, once for each way of making pixels of them."""
    faces = faces[np.arange(max(len(faces), *BATCHES)) % len(faces)]
    paths: dict[object, str] = {}
    for pixels in {file.pixels for file in files}:
        paths[pixels] = str(scratch / f"faces_{len(paths)}.npy")
        np.save(paths[pixels], faces if pixels is None else pixels(faces))
    return paths


def _rounds(processes: Sequence[Process], pixels: dict[object, str], rounds: int) -> list[dict[str, float]]:
    """Return each process's timings."""
    measured = []
    for number, place in turns(len(processes), rounds):
        process = processes[place]
        for batch in BATCHES:
            spent = process.ask(images=pixels[process.file.pixels], batch=batch, seconds=_SECONDS)
            measured.append({"round": number, "place": place, "batch": batch, **spent})
    frame = pd.DataFrame(measured).query("round > 0")
    frame["milliseconds"] = 1e3 * frame["seconds"] / frame["calls"]
    frame["rate"] = frame["batch"] * frame["calls"] / frame["cpu_seconds"]
    places = frame.groupby("place")["peak_memory"].max().to_frame()
    single, batched = (frame[frame["batch"] == batch].groupby("place") for batch in BATCHES)
    timings = pd.DataFrame(
        {
            "milliseconds": single["milliseconds"].min().round(4),
            "milliseconds_median": single["milliseconds"].median().round(4),
            "images_per_cpu_second": single["rate"].max().round(1),
            "images_per_cpu_second_batch_64": batched["rate"].max().round(1),
        }
    )
    return timings.join(places).to_dict("records")


def _facts(process: Process) -> dict[str, Any]:
    file = process.file
    return {
        "model": file.model,
        "format": file.runtime,
        "parameters": file.parameters,
        "bytes": artifact_facts(file.path)["bytes"],
        "runtime": ", ".join(f"{name} {version}" for name, version in process.versions.items()),
    }


def _scores(
    process: Process, pixels: dict[object, str], data: FaceData | None, split: str | None, scratch: str
) -> dict[str, Any]:
    if split is None:
        return {"split": None, "images": 0, "accuracy": None, "macro_f1": None}
    answers = str(Path(scratch, "answers.npy"))
    process.ask(images=pixels[process.file.pixels], answers=answers)
    labels = data.split(split).labels
    guesses, expected = np.load(answers)[: len(labels)].argmax(axis=1)[labels >= 0], labels[labels >= 0]
    return {
        "split": split,
        "images": len(expected),
        "accuracy": round(float((guesses == expected).mean()), 6),
        "macro_f1": round(float(f1_score(expected, guesses, average="macro")), 6),
    }
