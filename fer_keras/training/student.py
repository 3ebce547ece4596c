"""Distils a student from the cached logits of its teachers."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras

from fer_keras import distributed
from fer_keras.config import StudentConfig
from fer_keras.data.dataset import FaceData
from fer_keras.distill.distiller import Distiller
from fer_keras.training.loop import fit_run
from fer_keras.training.pipeline import TeacherLogits, distillation_dataset


def train_student(
    config: StudentConfig,
    train: FaceData,
    val: FaceData,
    cache: TeacherLogits,
    folder: Path,
    *,
    resume: bool,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Path:
    """Distil a student from `cache`, choosing by the labels of `val`, in the run folder `folder`; see `fit_run`.

    Args:
        config: the student, its loss and its schedule.
        train: the images whose logits are cached; unlabelled ones may be among them.
        val: labelled images.
        cache: the teachers' logits for the views of `train`.
        folder: the run's folder.
        resume: whether a run that is there may go on.
        callbacks: more of Keras's callbacks. Defaults to none.

    Returns:
        The path of the best model.
    """
    batches = partial(
        distillation_dataset,
        train,
        config.views,
        cache,
        batch_size=config.fit.batch_size,
        seed=config.fit.seed,
        view_seed=config.view_seed,
        mixup=config.mixup,
        part=(distributed.rank(), distributed.hosts()),
    )
    return fit_run(
        config,
        train,
        val,
        batches,
        folder,
        loss=None,
        trainer_of=lambda network: Distiller(
            network, config.loss, config.temperature, config.alpha, config.fit.label_smoothing
        ),
        view_seed=config.view_seed,
        resume=resume,
        start_from=config.start_from,
        callbacks=callbacks,
    )
