"""Distils a student from the cached logits of its teachers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import tensorflow as tf

from fer_keras import distributed
from fer_keras.data.dataset import FaceData
from fer_keras.distill.distiller import Distiller
from fer_keras.distill.objective import view_schedule
from fer_keras.training.loop import TrainingSetup, fit_run
from fer_keras.training.pipeline import BatchOrder, TeacherLogits, training_dataset
from fer_keras.training.run import Run


def train_student(
    run: Run, train: FaceData, val: FaceData, cache: TeacherLogits, callbacks: Sequence[keras.callbacks.Callback] = ()
) -> Path:
    """Distil the student of a run from `cache`, choosing by the labels of `val`; see `fit_run`.

    Args:
        run: its configuration is a `StudentConfig`.
        train: the images whose logits are cached; unlabelled ones may be among them.
        val: labelled images.
        cache: the teachers' logits for the views of `train`.
        callbacks: more of Keras's callbacks. Defaults to none.

    Returns:
        The path of the best model.
    """
    config = run.config
    schedule = replace(view_schedule(config), cached=cache.views)
    order = BatchOrder(config.fit.batch_size, config.fit.seed, (distributed.rank(), distributed.hosts()))

    def batches(epochs: range) -> tf.data.Dataset:
        return training_dataset(train, schedule, cache, epochs=epochs, order=order)

    def trainer_of(network: keras.Model) -> tuple[Distiller, None]:
        heads = [(head.start, head.stop) for head in config.data.label_set.heads]
        smoothing, options = config.fit.label_smoothing, config.loss_options
        distiller = Distiller(network, config.loss, config.temperature, config.alpha, smoothing, options, heads)
        return distiller, None  # the loss is the Distiller's own

    return fit_run(run, train, val, TrainingSetup(batches, trainer_of, callbacks))
