"""The state of a run on disk: whole after every epoch, so that a killed run goes on bit for bit."""

import math
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fer_keras.errors import FerKerasError
from fer_keras.files import MODEL_FILE, replacing, write_json
from fer_keras.models.fast_layers import for_shipping
from fer_keras.training.progress import MONITOR, PROGRESS_FILE, Progress, drop_older, newest, publish, read_progress

_WEIGHTS = "state.weights.h5"


def restore(model: keras.Model, run: Path) -> Progress:
    """Bring a compiled model to the state of the newest checkpoint of a run.

    Weights, optimizer slots and the step count (so the learning rate) come back; the order of the data, the
    views and the dropout need no state, since they are functions of (seed, epoch).

    Args:
        model: built and compiled, and its optimizer built, as the one that was saved.
        run: the run's folder.

    Returns:
        The progress of the run; a fresh one where there is no checkpoint.

    Raises:
        FerKerasError: the checkpoint is of another network.
    """
    last = newest(run)
    if last is None:
        return Progress()
    if not (last / _WEIGHTS).exists():
        raise FerKerasError(f"{last}: was written by scripts/accelerate.py, which alone can go on with it")
    try:
        model.load_weights(last / _WEIGHTS)
    except ValueError as error:
        reason = str(error).strip().split("\n")[0]
        raise FerKerasError(
            f"{last}: is not of this network ({reason}); a run goes on with several hosts if it began with several,"
            " and alone if it began alone"
        ) from error
    return read_progress(run)


class Checkpoint(keras.callbacks.Callback):
    """Saves the state of the run and its best model after every epoch, then publishes them.

    The state, the progress and the best model so far appear together by one rename, so whenever the process is
    killed they agree; what is published is only a copy. The best model is what was validated: the moving
    average of the weights where the optimizer keeps one.

    Args:
        network: the functional model, from `for_training`, inside what is fitted.
        run: the run's folder.
        progress: from `restore`; kept up to date.
    """

    def __init__(self, network: keras.Model, run: Path, progress: Progress) -> None:
        super().__init__()
        self.network = network
        self.run = run
        self.progress = progress
        self._shipped = for_shipping(network)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the state at the end of `epoch` and drop the one before."""
        logs = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(logs["loss"]):
            raise FerKerasError(
                f"{self.run}: the loss of epoch {epoch + 1} is {logs['loss']}; try a lower learning rate"
            )
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.progress.history.append({"epoch": epoch, **logs, "learning_rate": rate})
        self.progress.epoch = epoch + 1
        best = logs[MONITOR] > self.progress.best
        if best:
            self.progress.best, self.progress.best_epoch = logs[MONITOR], epoch
        previous = newest(self.run)
        with replacing(self.run / "checkpoint" / f"epoch-{epoch + 1:05d}") as partial:
            partial.mkdir()
            self.model.save_weights(partial / _WEIGHTS)
            write_json(partial / PROGRESS_FILE, vars(self.progress))
            if best:
                self._shipped.set_weights(self._averaged_weights())
                self._shipped.save(partial / MODEL_FILE)
            else:
                shutil.copyfile(previous / MODEL_FILE, partial / MODEL_FILE)
        drop_older(self.run)
        publish(self.run)

    def _averaged_weights(self) -> list[np.ndarray]:
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            return self.network.get_weights()
        # Keras has no public way to read the averages without overwriting the weights in training.
        averages = optimizer._model_variables_moving_average
        average_of = {id(v): a for v, a in zip(self.model.trainable_variables, averages, strict=True)}
        return [keras.ops.convert_to_numpy(average_of.get(id(w), w)) for w in self.network.weights]
