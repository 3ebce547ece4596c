"""The state of a run on disk: whole after every epoch, so that a killed run goes on bit for bit."""

import math
import shutil
from typing import Any

import keras
import numpy as np

from fer_keras.errors import FerKerasError
from fer_keras.files import MODEL_FILE, require_room
from fer_keras.models.fast_layers import for_shipping
from fer_keras.models.load import save_model
from fer_keras.training.digests import find_damage
from fer_keras.training.run import Run

_WEIGHTS = "state.weights.h5"
_HEADER = 4096
"""Bytes that HDF5 takes for an array beside its values, at most."""


def restore(model: keras.Model, run: Run) -> None:
    """Bring a compiled model to the state of the newest checkpoint of a run, if there is one.

    Weights, optimizer slots and the step count (so the learning rate) come back; the order of the data, the
    views and the dropout need no state, since they are functions of (seed, epoch).

    Args:
        model: built and compiled, and its optimizer built, as the one that was saved.
        run: whose.

    Raises:
        FerKerasError: the checkpoint is damaged or of another network.
    """
    last = run.newest_checkpoint
    if last is None:
        return
    if not (last / _WEIGHTS).exists():
        raise FerKerasError(f"{last}: was written by scripts/accelerate.py, which alone can go on with it")
    try:
        model.load_weights(last / _WEIGHTS)
    except (OSError, KeyError) as error:  # h5py's, of a file that is cut off or holds something else
        raise run.damaged(last / _WEIGHTS, error) from error
    except ValueError as error:
        reason = str(error).strip().split("\n")[0]
        raise FerKerasError(
            f"{last}: is not of this network ({reason}); a run goes on with several hosts if it began with several,"
            " and alone if it began alone"
        ) from error


class Checkpoint(keras.callbacks.Callback):
    """Saves the state of the run and its best model after every epoch, then publishes them.

    The best model is what was validated: the moving average of the weights where the optimizer keeps one.

    Args:
        network: the functional model, from `for_training`, inside what is fitted.
        run: claimed.
    """

    def __init__(self, network: keras.Model, run: Run) -> None:
        super().__init__()
        self.network = network
        self.run = run
        self._shipped = for_shipping(network)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the state at the end of `epoch` and drop the one before.

        Raises:
            FerKerasError: the loss is no number.
        """
        logs = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(logs["loss"]):
            raise FerKerasError(
                f"{self.run.folder}: the loss of epoch {epoch + 1} is {logs['loss']}; try a lower learning rate"
            )
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        progress = self.run.progress.after({"epoch": epoch, **logs, "learning_rate": rate})
        previous = self.run.newest_checkpoint
        with self.run.new_checkpoint(progress) as folder:
            state = [*self.model.variables, *self.model.optimizer.variables]
            require_room(folder, sum(4 * math.prod(variable.shape) + _HEADER for variable in state))
            self.model.save_weights(folder / _WEIGHTS)
            if progress.best_epoch == epoch:
                self._shipped.set_weights(self._averaged_weights())
                save_model(self._shipped, folder / MODEL_FILE, self.run.config.data.label_set)
            else:
                if fault := find_damage(previous):  # a copy of it would get a digest of its own
                    raise self.run.damaged(*fault)
                shutil.copyfile(previous / MODEL_FILE, folder / MODEL_FILE)

    def _averaged_weights(self) -> list[np.ndarray]:
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            return self.network.get_weights()
        # Keras has no public way to read the averages without overwriting the weights in training.
        averages = optimizer._model_variables_moving_average
        average_of = {id(v): a for v, a in zip(self.model.trainable_variables, averages, strict=True)}
        return [keras.ops.convert_to_numpy(average_of.get(id(w), w)) for w in self.network.weights]
