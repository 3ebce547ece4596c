"""What TensorBoard, the console and the run folder record of a run."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fer_keras.evaluation.plots import confusion_matrix, figure_to_array, montage
from fer_keras.training.metrics import MacroF1
from fer_keras.training.progress import MONITOR, epoch_line

EPOCHS_A_DRAWING = 5


class ReseedDropout(keras.callbacks.Callback):
    """Makes the dropout of an epoch a function of (seed, epoch).

    Keras does not save the state of its seed generators with the weights, so a run that goes on would
    otherwise draw other masks than one that was never stopped.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the state of every seed generator in the model."""
        generators = [v for v in self.model.variables if v.path.endswith("seed_generator_state")]
        for number, state in enumerate(generators):
            words = np.random.SeedSequence([self.seed, epoch, number]).generate_state(2)
            state.assign(words.astype(state.dtype))


class EpochLine(keras.callbacks.Callback):
    """Prints a line an epoch with the time left for the whole run, and notes the seconds in the logs."""

    def __init__(self, label: str, epochs: int) -> None:
        super().__init__()
        self.label = label
        self.epochs = epochs
        self._seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the line."""
        self._seconds.append(time.monotonic() - self._start)
        logs["seconds"] = round(self._seconds[-1], 2)
        names = ("loss", "accuracy", "agreement", "val_loss", MONITOR)
        shown = "  ".join(f"{name} {logs[name]:.4f}" for name in names if name in logs)
        print(epoch_line(self.label, epoch + 1, self.epochs, shown, self._seconds), flush=True)


class TensorBoardImages(keras.callbacks.Callback):
    """Writes a sheet of views once, and validation's confusion matrix after every fifth epoch and the last.

    TensorBoard shows ten of them by default, and to draw one takes half a second.
    """

    def __init__(self, folder: Path, sheet: np.ndarray, macro_f1: MacroF1, classes: Sequence[str]) -> None:
        super().__init__()
        self.sheet = sheet
        self.macro_f1 = macro_f1
        self.classes = classes
        self._writer = tf.summary.create_file_writer(str(folder / "images"))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Write the sheet of views, uint8 [rows, columns, 48, 48, 1]."""
        self._write("views", montage(self.sheet), 0)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the confusion matrix; the metric still holds validation's counts."""
        if (epoch + 1) % EPOCHS_A_DRAWING and epoch + 1 < self.params["epochs"]:
            return
        counts = keras.ops.convert_to_numpy(self.macro_f1.confusion).astype(int)
        self._write("confusion", figure_to_array(confusion_matrix(counts, "validation", self.classes)), epoch)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the file."""
        self._writer.close()

    def _write(self, name: str, pixels: np.ndarray, step: int) -> None:
        with self._writer.as_default():
            tf.summary.image(name, pixels[None], step=step)
        self._writer.flush()
