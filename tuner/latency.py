"""How long one image takes in each model of the frontier, on one thread of this machine's CPU."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import tensorflow as tf

from fer_keras.export.litert import save_float32
from fer_keras.labels import IMAGE_SHAPE
from fer_keras.models.registry import build
from tuner.ledger import COMPLETED, read_rows, record
from tuner.settings import FINAL

_CALLS = 30


def measure(folder: Path, rounds: int = 15) -> None:
    """Write the milliseconds of every network of the full schedule into the ledger of the search in `folder`.

    Each runs in LiteRT, float32, batch 1, one thread. Every network has its turn in every round, so that a noisy
    machine is noisy for all of them alike, and its fastest round counts: other work only ever adds time. The networks
    are built anew, since what one costs does not depend on its weights: the files of the models need not be there.

    Args:
        folder: of the search.
        rounds: of `_CALLS` calls each.
    """
    rows = [row for row in read_rows(folder) if row["stage"] == FINAL and row["status"] == COMPLETED]
    networks = {(row["family"], row["options"]) for row in rows}
    calls = {key: lite_function(build(key[0], **json.loads(key[1]))) for key in sorted(networks)}
    fastest = dict.fromkeys(calls, np.inf)
    for number in range(rounds):
        print(f"measuring: round {number + 1} of {rounds}", flush=True)
        for key, call in calls.items():
            call()
            start = time.perf_counter()
            for _ in range(_CALLS):
                call()
            fastest[key] = min(fastest[key], (time.perf_counter() - start) / _CALLS)
    for row in rows:
        row["milliseconds"] = round(1e3 * fastest[row["family"], row["options"]], 4)
        record(folder, folder / f"trial_{row['trial']}", row)


def lite_function(model: keras.Model) -> Callable[[], object]:
    """Return a function that runs a Keras model once, on one image, by LiteRT on one thread."""
    with TemporaryDirectory() as scratch:
        flat = Path(scratch) / "model.tflite"
        save_float32(model, flat)
        interpreter = tf.lite.Interpreter(model_content=flat.read_bytes(), num_threads=1)
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], (1, *IMAGE_SHAPE))
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]
    image = np.random.default_rng(0).integers(0, 256, (1, *IMAGE_SHAPE)).astype(place["dtype"])

    def call() -> None:
        interpreter.set_tensor(place["index"], image)
        interpreter.invoke()

    return call
