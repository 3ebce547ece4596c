"""Fits a teacher or a student: the same optimizer, callbacks and way to go on after an interruption."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fer_keras import distributed
from fer_keras.augment import sheet_of_views
from fer_keras.config import FitConfig, StudentConfig, TeacherConfig
from fer_keras.data.dataset import FaceData
from fer_keras.distill.heads import HeadAccuracy
from fer_keras.errors import FerKerasError
from fer_keras.files import MODEL_FILE
from fer_keras.models.fast_layers import FAST, SPREAD, for_training, resolve_precision
from fer_keras.models.inherit import inherit_weights
from fer_keras.models.load import load_model
from fer_keras.models.registry import from_preset
from fer_keras.training import callbacks as cb
from fer_keras.training.checkpoint import Checkpoint, restore
from fer_keras.training.metrics import LabelledAccuracy, MacroF1
from fer_keras.training.optimizer import batch_norm_momentum, make_optimizer
from fer_keras.training.pipeline import evaluation_dataset, steps_per_epoch
from fer_keras.training.progress import Progress, is_finished, publish, read_progress
from fer_keras.training.run_folder import recorded_precision, run_folder

SHEET_FACES = 6
"""How many faces TensorBoard's sheet of views shows."""


def fit_run(
    config: TeacherConfig | StudentConfig,
    train: FaceData,
    val: FaceData,
    batches: Callable[..., tf.data.Dataset],
    folder: Path,
    *,
    loss: keras.losses.Loss | None,
    trainer_of: Callable[[keras.Model], keras.Model],
    view_seed: int,
    resume: bool,
    start_from: str = "",
    val_targets: np.ndarray | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Path:
    """Fit a network in the run folder `folder`, choosing by `val`, and keep the best model.

    Writes config.json, model.keras (by validation accuracy), metrics.csv, tensorboard/ and checkpoint/. A run
    that was stopped goes on from its newest checkpoint; one that has ended is left as it is.

    Args:
        config: the network and its schedule.
        train: the images of an epoch.
        val: images and labels to choose by.
        batches: called with `epochs=range(...)`, gives the batches of all of them, without a break.
        folder: the run's folder.
        loss: compiled into the trainer.
        trainer_of: network -> what is fitted: the network itself, or a Distiller around it.
        view_seed: of the views that TensorBoard shows.
        resume: whether a run that is there may go on.
        start_from: a saved model whose weights the network starts with, where they fit. Defaults to none.
        callbacks: more of them; each epoch's checkpoint is written before they see its end. Defaults to none.

    Returns:
        The path of the best model, `folder`/model.keras.

    Raises:
        FerKerasError: the folder holds another run, or an option does not fit.
        KeyboardInterrupt: on Ctrl-C, after saying where the best model so far is.
    """
    precision = recorded_precision(folder) or resolve_precision(config.fit.precision)
    facts = {"precision": precision}
    with distributed.own_copy(folder) as mine, run_folder(mine, config, resume=resume, facts=facts):
        publish(mine)  # a kill may have come between a checkpoint and its publication
        if not is_finished(mine, config.fit):
            keras.utils.set_random_seed(config.fit.seed)
            momentum = batch_norm_momentum(steps_per_epoch(len(train), config.fit.batch_size))
            stock, twins = from_preset(config.model, **config.options), SPREAD if distributed.hosts() > 1 else FAST
            if start_from and not read_progress(mine).epoch:
                inherited = inherit_weights(stock, load_model(start_from))
                print(f"{folder}: {inherited:,} of {stock.count_params():,} weights from {start_from}", flush=True)
            with distributed.scope():
                network = for_training(stock, precision, twins, bn_momentum=momentum)
            some = train.take(np.arange(min(SHEET_FACES, len(train))))
            sheet = sheet_of_views(config.views, view_seed, some.images, some.index)
            _fit(trainer_of(network), network, loss, batches, len(train), val, config.fit, mine, sheet, callbacks, val_targets)
    return folder / MODEL_FILE


def _fit(
    trainer: keras.Model,
    network: keras.Model,
    loss: keras.losses.Loss | None,
    batches: Callable[..., tf.data.Dataset],
    count: int,
    val: FaceData,
    config: FitConfig,
    folder: Path,
    sheet: np.ndarray,
    callbacks: Sequence[keras.callbacks.Callback],
    val_targets: np.ndarray | None,
) -> None:
    steps = steps_per_epoch(count, config.batch_size)
    _require_an_image_a_host(count, config.batch_size)
    with distributed.scope():
        macro_f1 = MacroF1()
        trainer.compile(
            optimizer=make_optimizer(config, steps),
            loss=loss,
            metrics=[LabelledAccuracy(), macro_f1]
            if val_targets is None
            else [HeadAccuracy(0, "label_accuracy"), HeadAccuracy(1, "votes_accuracy")],
            jit_compile=False,  # XLA on a CPU is several times slower on these networks.
        )
        # Keras would make the optimizer's variables inside the step's graph, which is traced twice then.
        trainer.optimizer.build(trainer.trainable_variables)
    progress = restore(trainer, folder)
    if progress.epoch:
        print(f"{folder}: going on from epoch {progress.epoch + 1} of {config.epochs}", flush=True)
    used = [*_callbacks(network, config, folder, progress, macro_f1, sheet), *callbacks]
    try:
        with distributed.scope():
            trainer.fit(
                distributed.shared(lambda: batches(epochs=range(progress.epoch, config.epochs))),
                steps_per_epoch=steps,
                initial_epoch=progress.epoch,
                epochs=config.epochs,
                validation_data=distributed.shared(lambda: evaluation_dataset(val, targets=val_targets)),
                verbose=cb.progress_bar(),
                shuffle=False,  # the batches are shuffled already
                callbacks=used,
            )
    except KeyboardInterrupt:
        kept = folder / MODEL_FILE
        print(f"\nstopped after epoch {progress.epoch}; the best model so far: {kept if kept.exists() else 'none'}")
        raise


def _require_an_image_a_host(count: int, batch_size: int) -> None:
    last = count % batch_size or batch_size
    if last < distributed.hosts():
        raise FerKerasError(
            f"batch size {batch_size}: the last batch of {count} images has {last}, too few for"
            f" {distributed.hosts()} hosts; choose another"
        )


def _callbacks(
    network: keras.Model,
    config: FitConfig,
    folder: Path,
    progress: Progress,
    macro_f1: MacroF1,
    sheet: np.ndarray,
) -> list[keras.callbacks.Callback]:
    tensorboard = folder / "tensorboard"
    averaging = [keras.callbacks.SwapEMAWeights()] if config.ema_epochs > 0 else []
    # The order matters: the seconds go into the logs before the checkpoint records them.
    return [
        *averaging,
        cb.ReseedDropout(config.seed),
        keras.callbacks.LambdaCallback(on_epoch_end=_drop_what_validation_lacks),
        cb.EpochLine(folder.name, config.epochs),
        keras.callbacks.TensorBoard(str(tensorboard), write_graph=False),
        
        Checkpoint(network, folder, progress),
    ]


def _drop_what_validation_lacks(epoch: int, logs: dict[str, float]) -> None:
    """Take the Distiller's terms that need a teacher out of validation's logs, where they stand at 0."""
    for name in ("val_distillation_loss", "val_agreement"):
        logs.pop(name, None)
    if "val_votes_accuracy" in logs:
        logs["val_accuracy"] = (logs["val_votes_accuracy"] + logs["val_label_accuracy"]) / 2
