"""Fits several networks of one architecture in one compiled step: seeds, or arms of an ablation."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from fer_keras.accelerator.stack import Lane, Stack
from fer_keras.accelerator.state import load_state, save_state
from fer_keras.data.dataset import FaceData
from fer_keras.errors import FerKerasError

STATE_SECONDS = 60
"""How often the state is written."""

History = list[dict[str, float]]
"""A row of logs for each epoch done."""


def fit_side_by_side(
    lanes: Sequence[Lane],
    train: FaceData,
    val: FaceData,
    report: Callable[[Sequence[Mapping[str, float]]], None],
    kept_in: Path,
) -> list[History]:
    """Fit every lane and leave in its network the weights of its best epoch by `val`, averaged as the optimizer does.

    Several calls may be made at once, in threads: all compile, one at a time computes.

    Args:
        lanes: with the same architecture and, but for the seed, the same `FitConfig`.
        train: the images of an epoch.
        val: labelled images to choose by.
        report: called after each epoch with its row of logs for each lane.
        kept_in: the file that holds the state while this runs; where there is one, it goes on from it.

    Returns:
        The history of each lane; `seconds` are those of all lanes together.

    Raises:
        FerKerasError: the lanes do not go together, a loss is no number, or the state is of other lanes.
    """
    fit = lanes[0].config.fit
    stack = Stack(lanes, train, val)
    state, histories = stack.initial(), [[] for _ in lanes]
    if kept_in.exists():
        state, histories = load_state(kept_in, state)
    done = len(histories[0])
    if done < fit.epochs:
        feed = stack.feed(done)
        stack.compile(state, feed)
    with _one_computes:
        saved = time.monotonic()
        for epoch in range(done, fit.epochs):
            start = time.monotonic()
            state, logs = stack.epoch(state, feed)
            if epoch + 1 < fit.epochs:
                feed = stack.feed(epoch + 1)  # while the accelerator computes
            logs = {name: np.asarray(values, np.float64) for name, values in logs.items()}
            common = {"learning_rate": stack.learning_rate(epoch), "seconds": round(time.monotonic() - start, 3)}
            rows = [{"epoch": epoch, **{k: float(v[i]) for k, v in logs.items()}, **common} for i in range(len(lanes))]
            for row, history in zip(rows, histories, strict=True):
                history.append(row)
                if not np.isfinite(row["loss"]):
                    raise FerKerasError(f"the loss of epoch {epoch + 1} is {row['loss']}; try a lower learning rate")
            if epoch + 1 == fit.epochs or time.monotonic() - saved > STATE_SECONDS:
                save_state(kept_in, state, histories)
                saved = time.monotonic()
            report(rows)
    stack.keep_best(state)
    return histories


_one_computes = threading.Lock()  # several at once would only wait for each other, and all end late
