"""What TensorBoard's HParams shows of the trials."""

import shutil
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api

_FIELDS = ("stage", "family", "budget", "seed", "alpha")
_METRICS = ("val_accuracy", "train_accuracy", "parameters", "multiply_adds", "seconds")


def show_trial(trial: Path, row: dict[str, Any]) -> None:
    """Write a trial's hyperparameters and results for TensorBoard's HParams, in place of what is there.

    Args:
        trial: its folder, below the one that TensorBoard is started on.
        row: of the ledger, with the family's hyperparameters.
    """
    folder = trial / "hparams"
    shutil.rmtree(folder, ignore_errors=True)
    shown = {name: row[name] for name in _FIELDS}
    shown |= {f"{row['family']}_{name}": value for name, value in row["hyperparameters"].items()}
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        api.hparams(shown, trial_id=row["trial"])
        for name in _METRICS:
            tf.summary.scalar(name, row[name], step=row["epochs"])
    writer.close()
