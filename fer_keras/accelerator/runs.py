"""Run folders that are fitted side by side: what `fer_keras.training.loop` leaves, others can take."""

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

from fer_keras.accelerator.opinions import Opinions
from fer_keras.accelerator.side_by_side import fit_side_by_side
from fer_keras.accelerator.stack import Config, Lane
from fer_keras.accelerator.state import LANE_FILE, LaneState, load_lane, save_lane
from fer_keras.config import StudentConfig
from fer_keras.data.dataset import FaceData
from fer_keras.errors import FerKerasError
from fer_keras.files import MODEL_FILE, replacing, write_json
from fer_keras.models.load import load_model
from fer_keras.models.precision import resolve_precision
from fer_keras.models.registry import from_preset
from fer_keras.models.transfer import transfer_weights
from fer_keras.training.progress import PROGRESS_FILE, Progress, drop_older, is_finished, newest, publish, read_progress
from fer_keras.training.run_folder import CONFIG_FILE, read_config, recorded_precision, refuse_other_run, run_folder

REPORT_SECONDS = 10


def fit_runs(
    runs: Mapping[Path, Config],
    train: FaceData,
    val: FaceData,
    teachers: Mapping[str, keras.Model] | None = None,
) -> None:
    """Fit runs, those of one architecture and schedule side by side; those that have ended are left as they are.

    A run that was stopped goes on from its newest checkpoint, beside those that are as far.

    Args:
        runs: folder -> what the run is told.
        train: the images of an epoch.
        val: labelled images to choose by.
        teachers: fingerprint -> model, where there are students.

    Raises:
        FerKerasError: a folder holds another run or one that Keras's `fit` began, a model to start from does not fit,
            or a loss is no number.
    """
    for folder, config in runs.items():
        refuse_other_run(folder, config, resume=True)
        if not is_finished(folder, config.fit):
            _refuse_other_engine(folder)
    stacks = _stacks(runs)
    stop = threading.Event()
    with ExitStack() as claimed:
        for stack in stacks:
            for folder, config in stack.items():
                facts = {"precision": _precision(folder, config), "device": _device(), "side by side": len(stack)}
                claimed.enter_context(run_folder(folder, config, resume=True, facts=facts))
        for folder in runs:  # a kill may have come between a checkpoint and what follows it
            drop_older(folder)
            publish(folder)
        stacks = [stack for stack in stacks if not is_finished(min(stack), stack[min(stack)].fit)]
        if not stacks:
            return
        slow = ", which takes many times as long as a GPU" if jax.default_backend() == "cpu" else ""
        print(f"{sum(map(len, stacks))} runs on {_device()}{slow}", flush=True)
        students = [config for stack in stacks for config in stack.values() if isinstance(config, StudentConfig)]
        opinions = Opinions(teachers or {}, train, students)
        # All of them here: what is random in a network comes from the seed of the process.
        lanes = [{folder: _lane(folder, config, opinions) for folder, config in stack.items()} for stack in stacks]
        # In threads, one compiles while another computes.
        with ThreadPoolExecutor(1 + len(stacks)) as pool:
            work = [pool.submit(opinions.make), *(pool.submit(_fit, stack, train, val, stop) for stack in lanes)]
            try:
                for done in work:
                    done.result()
            finally:
                stop.set()


def _refuse_other_engine(folder: Path) -> None:
    if (folder / CONFIG_FILE).exists() and "jax" not in read_config(folder)["environment"]:
        raise FerKerasError(f"{folder}: was begun by Keras's fit on TensorFlow, which alone can go on with it")


def _stacks(runs: Mapping[Path, Config]) -> list[dict[Path, Config]]:
    """The runs, by what they can share a compiled step with."""
    stacks: dict[str, dict[Path, Config]] = {}
    for folder, config in runs.items():
        done = read_progress(folder).epoch
        fit = replace(config.fit, seed=0)
        alike = (type(config), config.model, config.options, fit, _precision(folder, config), done)
        stacks.setdefault(str(alike), {})[folder] = config
    return [*stacks.values()]


def _precision(folder: Path, config: Config) -> str:
    return recorded_precision(folder) or resolve_precision(config.fit.precision)


def _device() -> str:
    return jax.devices()[0].device_kind


def _lane(folder: Path, config: Config, opinions: Opinions) -> Lane:
    keras.utils.set_random_seed(config.fit.seed)
    network = from_preset(config.model, **config.options)
    student = isinstance(config, StudentConfig)
    if student and config.start_from:
        transfer_weights(network, load_model(config.start_from))
    last = newest(folder)
    begun = load_lane(last / LANE_FILE, read_progress(folder).history) if last else None
    return Lane(folder.name, config, network, _precision(folder, config), opinions if student else None, begun)


def _fit(stack: Mapping[Path, Lane], train: FaceData, val: FaceData, stop: threading.Event) -> None:
    folders, lanes = [*stack], [*stack.values()]

    def keep(number: int, state: LaneState) -> None:
        _checkpoint(folders[number], lanes[number], state)

    fit_side_by_side(
        lanes, train, val, _Reporter([lane.name for lane in lanes], lanes[0].config.fit.epochs), keep, stop
    )


class _Reporter:
    """Prints how the lanes do, every few seconds, with the time that is left."""

    def __init__(self, names: Sequence[str], epochs: int) -> None:
        self._name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
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


def _checkpoint(folder: Path, lane: Lane, state: LaneState) -> None:
    """Write how far a lane is, its best model in its network, as one that Keras fits does."""
    best = max(state.history, key=lambda row: row["val_accuracy"])
    progress = Progress(len(state.history), int(best["epoch"]), best["val_accuracy"], state.history)
    with replacing(folder / "checkpoint" / f"epoch-{progress.epoch:05d}") as partial:
        partial.mkdir()
        write_json(partial / PROGRESS_FILE, vars(progress))
        lane.network.save(partial / MODEL_FILE)
        if progress.epoch < lane.config.fit.epochs:
            save_lane(partial / LANE_FILE, state)
    drop_older(folder)
    publish(folder)
