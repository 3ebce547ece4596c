"""Fits a teacher or a student: the same optimizer, callbacks and way to go on after an interruption."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fer_keras import distributed
from fer_keras.config import StudentConfig, TeacherConfig
from fer_keras.data.augment import sheet_of_views
from fer_keras.data.dataset import FaceData
from fer_keras.distill.objective import view_schedule
from fer_keras.errors import FerKerasError
from fer_keras.labels import LabelSet
from fer_keras.models.fast_layers import FAST, SPREAD, for_training
from fer_keras.training import callbacks as cb
from fer_keras.training.checkpoint import Checkpoint, restore
from fer_keras.training.metrics import LabelledAccuracy, MacroF1
from fer_keras.training.network import first_network
from fer_keras.training.optimizer import batch_norm_momentum, make_optimizer
from fer_keras.training.pipeline import evaluation_dataset, steps_per_epoch
from fer_keras.training.run import Run

SHEET_FACES = 6
"""How many faces TensorBoard's sheet of views shows."""


@dataclass(frozen=True)
class TrainingSetup:
    """What a network is fitted with.

    Attributes:
        batches: epochs -> the batches of all of them, without a break.
        trainer_of: network -> what is fitted (the network itself, or a Distiller around it), and the loss that it is
            compiled with.
        callbacks: more than the usual ones; each epoch's checkpoint is written before they see its end.
    """

    batches: Callable[[range], tf.data.Dataset]
    trainer_of: Callable[[keras.Model], tuple[keras.Model, keras.losses.Loss | None]]
    callbacks: Sequence[keras.callbacks.Callback] = ()


def fit_run(run: Run, train: FaceData, val: FaceData, setup: TrainingSetup) -> Path:
    """Fit the network of a run, choosing by `val`, and keep the best model.

    Writes config.json, model.keras (by validation accuracy), metrics.csv, tensorboard/ and checkpoint/. A run
    that was stopped goes on from its newest checkpoint; one that has ended is left as it is.

    Args:
        run: its folder, the network and its schedule.
        train: the images of an epoch.
        val: images and labels to choose by.
        setup: what it is fitted with.

    Returns:
        The path of the best model.

    Raises:
        FerKerasError: the folder holds another run, its checkpoint is damaged, or an option does not fit.
        KeyboardInterrupt: on Ctrl-C, after saying where the best model so far is.
    """
    precision, steps = run.precision, steps_per_epoch(len(train), run.config.fit.batch_size)
    with distributed.own_copy(run.folder) as folder:
        own_run = run.at(folder)
        with own_run.claimed({"precision": precision}):
            if not own_run.is_finished:
                _require_an_image_a_host(len(train), own_run.config.fit.batch_size)
                network = _network(own_run, precision, steps)
                trainer, loss = setup.trainer_of(network)
                macro_f1 = _compile(trainer, loss, own_run.config, steps)
                usual = _callbacks(network, own_run, macro_f1, _sheet(own_run, train))
                _fit(trainer, own_run, val, replace(setup, callbacks=[*usual, *setup.callbacks]), steps)
    return run.model_file


def _network(run: Run, precision: str, steps: int) -> keras.Model:
    """The network of a run, as it is trained by `steps` an epoch; of a fresh run with its first weights."""
    network, layers = first_network(run), SPREAD if distributed.hosts() > 1 else FAST
    with distributed.scope():
        return for_training(network, precision, layers, batch_norm_momentum(steps))


def _compile(
    trainer: keras.Model, loss: keras.losses.Loss | None, config: TeacherConfig | StudentConfig, steps: int
) -> MacroF1:
    """Compile what is fitted by `steps` an epoch; return the metric whose counts are drawn."""
    label_set = config.data.label_set
    with distributed.scope():
        macro_f1 = MacroF1(label_set.heads[0].stop)
        trainer.compile(
            optimizer=make_optimizer(config.fit, steps),
            loss=loss,
            metrics=[*_accuracies(label_set), macro_f1],
            jit_compile=False,  # XLA on a CPU is several times slower on these networks.
        )
        # Keras would make the optimizer's variables inside the step's graph, which is traced twice then.
        trainer.optimizer.build(trainer.trainable_variables)
    return macro_f1


def _accuracies(label_set: LabelSet) -> list[LabelledAccuracy]:
    """The accuracy that is chosen by, and of several heads that of each."""
    heads = [(head.start, head.stop) for head in label_set.heads]
    of_heads = [
        LabelledAccuracy([ends], name=f"{label_set.head_name(slice(*ends))}_accuracy")
        for ends in (heads if len(heads) > 1 else ())
    ]
    return [LabelledAccuracy(heads), *of_heads]


def _fit(trainer: keras.Model, run: Run, val: FaceData, setup: TrainingSetup, steps: int) -> None:
    restore(trainer, run)
    config, done = run.config.fit, run.progress.epoch
    if done:
        print(f"{run.folder}: going on from epoch {done + 1} of {config.epochs}", flush=True)
    try:
        with distributed.scope():
            trainer.fit(
                distributed.shared(lambda: setup.batches(range(done, config.epochs))),
                steps_per_epoch=steps,
                initial_epoch=done,
                epochs=config.epochs,
                validation_data=distributed.shared(lambda: evaluation_dataset(val)),
                verbose=int(sys.stdout.isatty()),  # a bar with the time left of an epoch, but not in a log file
                shuffle=False,  # the batches are shuffled already
                callbacks=setup.callbacks,
            )
    except tf.errors.OpError as error:  # of what TensorFlow calls, such as a cache that went while it was read
        if sentence := re.search(r"FerKerasError: (.+)", error.message or ""):
            raise FerKerasError(sentence[1]) from error
        raise
    except KeyboardInterrupt:
        best = run.model_file if run.model_file.exists() else "none"
        print(f"\nstopped after epoch {run.progress.epoch}; the best model so far: {best}")
        raise


def _require_an_image_a_host(count: int, batch_size: int) -> None:
    last = count % batch_size or batch_size
    if last < distributed.hosts():
        raise FerKerasError(
            f"batch size {batch_size}: the last batch of {count} images has {last}, too few for"
            f" {distributed.hosts()} hosts; choose another"
        )


def _sheet(run: Run, train: FaceData) -> np.ndarray:
    """The views that TensorBoard shows."""
    faces = train.take(np.arange(min(SHEET_FACES, len(train))))
    return sheet_of_views(run.config.views, view_schedule(run.config).seed, faces.images, faces.index)


def _callbacks(network: keras.Model, run: Run, macro_f1: MacroF1, sheet: np.ndarray) -> list[keras.callbacks.Callback]:
    tensorboard, config, label_set = run.folder / "tensorboard", run.config.fit, run.config.data.label_set
    averaging = [keras.callbacks.SwapEMAWeights()] if config.ema_epochs > 0 else []
    # The order matters: the seconds go into the logs before the checkpoint records them.
    return [
        *averaging,
        cb.ReseedDropout(config.seed),
        keras.callbacks.LambdaCallback(on_epoch_end=_drop_what_validation_lacks),
        cb.EpochLine(run.folder.name, config.epochs),
        keras.callbacks.TensorBoard(str(tensorboard), write_graph=False),
        cb.TensorBoardImages(tensorboard, sheet, macro_f1, label_set.head(label_set.heads[0]).classes),
        Checkpoint(network, run),
    ]


def _drop_what_validation_lacks(epoch: int, logs: dict[str, float]) -> None:
    """Take the Distiller's terms that need a teacher out of validation's logs, where they stand at 0."""
    for name in ("val_distillation_loss", "val_agreement"):
        logs.pop(name, None)
