"""Fits several networks of one architecture in one compiled step: seeds, or arms of an ablation."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fer_keras.accelerator.lane import Lane, LaneState
from fer_keras.accelerator.parallel_trainer import ParallelTrainer
from fer_keras.errors import FerKerasError

STATE_SECONDS = 60
"""How often the state is kept."""


def fit_side_by_side(
    trainer: ParallelTrainer,
    report: Callable[[Sequence[Mapping[str, float]]], None],
    write_state: Callable[[int, LaneState], None],
    stop: threading.Event,
) -> None:
    """Fit every lane; where it is kept, its network has the weights of its best epoch so far by validation.

    They are averaged as the optimizer does. Several calls may be made at once, in threads: all compile, one at a time
    computes.

    Args:
        trainer: of the lanes.
        report: called after each epoch with its row of logs for each lane; `seconds` are those of all together.
        write_state: called every minute and at the end with the number of each lane and how far it is.
        stop: once it is set, no further epoch is begun.

    Raises:
        FerKerasError: a loss is no number.
    """
    lanes = trainer.lanes
    epochs, done = lanes[0].config.fit.epochs, lanes[0].done
    state, histories = trainer.initial(), [[*lane.begun.history] if lane.begun else [] for lane in lanes]
    feed = trainer.feed(done)
    trainer.compile(state, feed)
    with _computing:
        last_written = time.monotonic()
        for epoch in range(done, epochs):
            if stop.is_set():
                break
            start = time.monotonic()
            state, logs = trainer.epoch(state, feed)
            if epoch + 1 < epochs:
                feed = trainer.feed(epoch + 1)  # while the accelerator computes
            columns = {name: np.asarray(values, np.float64).tolist() for name, values in logs.items()}
            rate, seconds = trainer.learning_rate(epoch), round(time.monotonic() - start, 3)
            rows = [
                {"epoch": epoch, **dict(zip(columns, values, strict=True)), "learning_rate": rate, "seconds": seconds}
                for values in zip(*columns.values(), strict=True)
            ]
            for lane, row, history in zip(lanes, rows, histories, strict=True):
                _require_finite(lane, row)
                history.append(row)
            if epoch + 1 == epochs or stop.is_set() or time.monotonic() - last_written > STATE_SECONDS:
                trainer.keep_best(state)
                for number, history in enumerate(histories):
                    write_state(number, LaneState(trainer.lane_arrays(state, number), history))
                last_written = time.monotonic()
            report(rows)


def _require_finite(lane: Lane, row: Mapping[str, float]) -> None:
    if not np.isfinite(row["loss"]):
        raise FerKerasError(
            f"{lane.name}: the loss of epoch {row['epoch'] + 1} is {row['loss']}; try a lower learning rate"
        )


_computing = threading.Lock()  # several at once would only wait for each other, and all end late
