"""Run folders that are fitted side by side: what `fer_keras.training.loop` leaves, others can take."""

import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import jax
import keras
import numpy as np

from fer_keras.accelerator.layers import resolve_precision
from fer_keras.accelerator.opinions import Opinions
from fer_keras.accelerator.side_by_side import History, fit_side_by_side
from fer_keras.accelerator.stack import Config, Lane
from fer_keras.config import TeacherConfig, config_hash
from fer_keras.data.dataset import FaceData
from fer_keras.files import MODEL_FILE, replacing, write_json
from fer_keras.models.inherit import inherit_weights
from fer_keras.models.load import load_model
from fer_keras.models.registry import from_preset
from fer_keras.training.progress import PROGRESS_FILE, Progress, publish, read_progress
from fer_keras.training.run_folder import refuse_other_run, run_folder

REPORT_SECONDS = 10


def fit_runs(runs: Mapping[Path, Config], train: FaceData, val: FaceData, opinions: Opinions | None = None) -> None:
    """Fit runs, those of one architecture and schedule side by side; those that have ended are left as they are.

    Args:
        runs: folder -> what the run is told.
        train: the images of an epoch.
        val: labelled images to choose by.
        opinions: of the teachers, where there are students.

    Raises:
        FerKerasError: a folder holds another run, or the runs do not go together.
    """
    for folder, config in runs.items():
        refuse_other_run(folder, config, resume=True)
    stacks = _stacks(runs)
    # In threads, one compiles while the others compute.
    with ThreadPoolExecutor(1 + len(stacks)) as pool:
        work = [pool.submit(_fit_stack, stack, train, val, opinions) for stack in stacks]
        if opinions and stacks:
            work.append(pool.submit(opinions.make))
        for done in work:
            done.result()


def _fit_stack(runs: Mapping[Path, Config], train: FaceData, val: FaceData, opinions: Opinions | None) -> None:
    fit = next(iter(runs.values())).fit
    facts = {"precision": resolve_precision(fit.precision), "device": jax.devices()[0].device_kind}
    state = _state_file(runs)
    with ExitStack() as claimed:
        for folder, config in runs.items():
            claimed.enter_context(run_folder(folder, config, resume=True, facts=facts))
        lanes = [_lane(config, opinions) for config in runs.values()]
        histories = fit_side_by_side(lanes, train, val, _Reporter([*runs], fit.epochs), state)
        for folder, lane, history in zip(runs, lanes, histories, strict=True):
            _write(folder, lane, history)
    state.unlink(missing_ok=True)


def _stacks(runs: Mapping[Path, Config]) -> list[dict[Path, Config]]:
    """The runs that have not ended, by what they can share a compiled step with."""
    groups: dict[str, dict[Path, Config]] = {}
    for folder, config in runs.items():
        alike = str((type(config), config.model, config.options, replace(config.fit, seed=0)))
        groups.setdefault(alike, {})[folder] = config
    stacks = []
    for group in groups.values():
        if not _state_file(group).exists():  # else a kill came before all of them were written
            group = {folder: c for folder, c in group.items() if read_progress(folder).epoch < c.fit.epochs}
        if group:
            stacks.append(group)
    return stacks


def _state_file(runs: Mapping[Path, Config]) -> Path:
    told = json.dumps({folder.name: config_hash(config) for folder, config in runs.items()})
    return min(runs) / f"side-by-side-{hashlib.sha256(told.encode()).hexdigest()[:12]}.npz"


_one_at_a_time = threading.Lock()  # the seed is the process's


def _lane(config: Config, opinions: Opinions | None) -> Lane:
    with _one_at_a_time:
        keras.utils.set_random_seed(config.fit.seed)
        network = from_preset(config.model, **config.options)
    if isinstance(config, TeacherConfig):
        return Lane(config, network)
    if config.start_from:
        inherit_weights(network, load_model(config.start_from))
    return Lane(config, network, opinions)


class _Reporter:
    """Prints how the lanes do, every few seconds, with the time that is left."""

    def __init__(self, folders: Sequence[Path], epochs: int) -> None:
        self._name = folders[0].name if len(folders) == 1 else f"{folders[0].name} and {len(folders) - 1} more"
        self._epochs = epochs
        self._seconds: list[float] = []
        self._last = time.monotonic()

    def __call__(self, rows: Sequence[Mapping[str, float]]) -> None:
        done = int(rows[0]["epoch"]) + 1
        self._seconds.append(rows[0]["seconds"])
        if time.monotonic() - self._last < REPORT_SECONDS and done < self._epochs:
            return
        self._last = time.monotonic()
        left = float(np.median(self._seconds[-9:])) * (self._epochs - done)
        accuracies = " ".join(f"{row['val_accuracy']:.4f}" for row in rows)
        print(
            f"{self._name}: epoch {done}/{self._epochs}  loss {rows[0]['loss']:.4f}  val_accuracy {accuracies}"
            f"  {self._seconds[-1]:.2f} s  ETA {left:.0f} s",
            flush=True,
        )


def _write(folder: Path, lane: Lane, history: History) -> None:
    """Leave a finished run as the last checkpoint of one that Keras fitted would."""
    best = max(history, key=lambda row: row["val_accuracy"])
    progress = Progress(len(history), int(best["epoch"]), best["val_accuracy"], history)
    with replacing(folder / "checkpoint" / f"epoch-{progress.epoch:05d}") as partial:
        partial.mkdir()
        write_json(partial / PROGRESS_FILE, vars(progress))
        lane.network.save(partial / MODEL_FILE)
    publish(folder)
