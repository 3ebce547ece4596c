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

from fer_keras.accelerator.lane import LANE_FILE, Config, Lane, LaneState, load_lane, save_lane
from fer_keras.accelerator.parallel_trainer import ParallelTrainer
from fer_keras.accelerator.side_by_side import fit_side_by_side
from fer_keras.accelerator.teacher_logits import DeviceLogits
from fer_keras.config import StudentConfig
from fer_keras.data.dataset import FaceData
from fer_keras.distill.objective import objective_of
from fer_keras.errors import FerKerasError
from fer_keras.files import MODEL_FILE
from fer_keras.models.load import save_model
from fer_keras.training.network import first_network
from fer_keras.training.progress import MONITOR, Progress, epoch_line
from fer_keras.training.run import Run

REPORT_SECONDS = 10


def fit_runs(
    configs: Mapping[Path, Config],
    train: FaceData,
    val: FaceData,
    teachers: Mapping[str, keras.Model] | None = None,
) -> None:
    """Fit runs, those of one architecture and schedule side by side; those that have ended are left as they are.

    A run that was stopped goes on from its newest checkpoint, beside those that are as far.

    Args:
        configs: folder -> the run's configuration.
        train: the images of an epoch.
        val: labelled images to choose by.
        teachers: fingerprint -> model, where there are students.

    Raises:
        FerKerasError: a folder holds another run, one that Keras's `fit` began or a damaged checkpoint, a model to
            start from does not fit, a loss compares features, or a loss is no number.
    """
    runs = [Run(folder, config, resume=True) for folder, config in configs.items()]
    for run in runs:
        run.check_resumable()
        _check_loss(run)
        if not run.is_finished:
            _check_engine(run)
    groups = _groups(runs)
    with ExitStack() as claimed:
        for group in groups:
            for run in group:
                facts = {"precision": run.precision, "device": _device(), "side by side": len(group)}
                claimed.enter_context(run.claimed(facts))
        groups = [group for group in groups if not group[0].is_finished]
        if groups:
            _fit_groups(groups, train, val, teachers or {})


def _fit_groups(
    groups: Sequence[Sequence[Run]], train: FaceData, val: FaceData, teachers: Mapping[str, keras.Model]
) -> None:
    slow = ", which takes many times as long as a GPU" if jax.default_backend() == "cpu" else ""
    print(f"{sum(map(len, groups))} runs on {_device()}{slow}", flush=True)
    students = [run.config for group in groups for run in group if isinstance(run.config, StudentConfig)]
    logits, stop = DeviceLogits(teachers, train, students), threading.Event()
    # All of them here: what is random in a network comes from the seed of the process.
    lanes = [[_lane(run, logits) for run in group] for group in groups]
    # In threads, one compiles while another computes.
    with ThreadPoolExecutor(1 + len(groups)) as pool:
        work = [pool.submit(logits.make)]
        for group, of_group in zip(groups, lanes, strict=True):
            work.append(pool.submit(_fit, group, of_group, train, val, stop))
        try:
            for done in work:
                done.result()
        finally:
            stop.set()


def _check_engine(run: Run) -> None:
    if run.recorded_environment and "jax" not in run.recorded_environment:
        raise FerKerasError(f"{run.folder}: was begun by Keras's fit on TensorFlow, which alone can go on with it")


def _check_loss(run: Run) -> None:
    loss = objective_of(run.config).distillation_loss
    if loss is not None and (loss.student_features or loss.teacher_features):
        raise FerKerasError(f"{run.folder}: only scripts/distill.py has features, which loss {loss.name!r} compares")


def _groups(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs, by what they can share a compiled step with."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        config = run.config
        fit = replace(config.fit, seed=0)
        alike = (type(config), config.model, config.options, fit, run.precision, run.progress.epoch)
        groups.setdefault(str(alike), []).append(run)
    return [*groups.values()]


def _device() -> str:
    return jax.devices()[0].device_kind


def _lane(run: Run, logits: DeviceLogits) -> Lane:
    network, begun = first_network(run), None
    if last := run.newest_checkpoint:
        try:
            begun = load_lane(last / LANE_FILE, run.progress.history)
        except FerKerasError as error:
            raise run.damaged(last / LANE_FILE, str(error).removeprefix(f"{last / LANE_FILE}: ")) from error
    student = isinstance(run.config, StudentConfig)
    return Lane(run.folder.name, run.config, network, run.precision, logits if student else None, begun)


def _fit(group: Sequence[Run], lanes: Sequence[Lane], train: FaceData, val: FaceData, stop: threading.Event) -> None:
    def keep(number: int, state: LaneState) -> None:
        _checkpoint(group[number], lanes[number], state)

    reporter = _Reporter([lane.name for lane in lanes], lanes[0].config.fit.epochs)
    fit_side_by_side(ParallelTrainer(lanes, train, val), reporter, keep, stop)


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
        accuracies = " ".join(f"{row[MONITOR]:.4f}" for row in rows)
        shown = f"loss {rows[0]['loss']:.4f}  {MONITOR} {accuracies}"
        print(epoch_line(self._name, done, self._epochs, shown, self._seconds), flush=True)


def _checkpoint(run: Run, lane: Lane, state: LaneState) -> None:
    """Write how far a lane is, its best model in its network, as one that Keras fits does."""
    best = max(state.history, key=lambda row: row[MONITOR])
    progress = Progress(len(state.history), int(best["epoch"]), best[MONITOR], state.history)
    with run.new_checkpoint(progress) as folder:
        save_model(lane.network, folder / MODEL_FILE, lane.config.data.label_set)
        if progress.epoch < lane.config.fit.epochs:
            save_lane(folder / LANE_FILE, state)
