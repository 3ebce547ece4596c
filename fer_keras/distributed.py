"""One student over several hosts: each learns from its share of every batch, and they agree on every step.

TensorFlow's MultiWorkerMirroredStrategy averages the gradients. Keras 3.15 fits under it only in part: it reduces
scalars along an axis that they do not have (keras-team/keras issue 20585). So models are made under the strategy's
scope, and metrics too, but the Distiller around them is not, which keeps Keras from its own set-up, and steps go
through `on_every_host`.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tensorflow as tf

from fer_keras.errors import FerKerasError

VARIABLE = "TF_CONFIG"


@cache
def strategy() -> tf.distribute.Strategy | None:
    """Return what joins the hosts that TF_CONFIG names, or None for a single one.

    The first call waits for the others; it has to come before TensorFlow has run anything.

    Raises:
        FerKerasError: TF_CONFIG is not as TensorFlow expects it, or a host has several devices.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster, workers, task = config["cluster"], config["cluster"]["worker"], config["task"]
        if [*cluster] != ["worker"] or task["type"] != "worker" or not 0 <= task["index"] < len(workers):
            raise ValueError(text)
    except (ValueError, KeyError, TypeError) as error:
        raise FerKerasError(
            f"{VARIABLE}: expected JSON with a cluster of workers alone, and this task among them ({error!r})"
        ) from error
    if len(workers) < 2:
        return None
    joined = tf.distribute.MultiWorkerMirroredStrategy()
    if joined.num_replicas_in_sync != len(workers):  # each of a host's devices would want batches of its own
        raise FerKerasError(
            f"{VARIABLE}: {len(workers)} hosts have {joined.num_replicas_in_sync} devices, expected one each; give each"
            " device a worker of its own, by CUDA_VISIBLE_DEVICES"
        )
    return joined


def hosts() -> int:
    """Return how many hosts learn together."""
    joined = strategy()
    return joined.num_replicas_in_sync if joined else 1


def rank() -> int:
    """Return this host's number; host 0 writes the run's folder."""
    joined = strategy()
    return joined.cluster_resolver.task_id if joined else 0


@contextmanager
def own_copy(run: Path) -> Iterator[Path]:
    """Yield the run's folder on host 0; on another a copy of its checkpoints that is thrown away afterwards.

    Reading a variable that the hosts share takes all of them, so all do what host 0 does, down to the writing.
    """
    if not rank():
        yield run
        return
    with TemporaryDirectory() as scratch:
        copy = Path(scratch) / run.name
        if (run / "checkpoint").exists():
            shutil.copytree(run / "checkpoint", copy / "checkpoint")
        yield copy


def scope() -> AbstractContextManager:
    """Return a context in which variables are the same on every host."""
    joined = strategy()
    return joined.scope() if joined else nullcontext()


def shared(dataset: Callable[[], tf.data.Dataset]) -> Any:
    """Return what `fit` takes under `scope`: of several hosts, each makes its own batches by `dataset`."""
    joined = strategy()
    return joined.distribute_datasets_from_function(lambda _: dataset()) if joined else dataset()


def replicas() -> int:
    """Return, inside a step, by how many Keras's losses are divided there."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def share_of_batch(images: tf.Tensor) -> tf.Tensor | float:
    """Return, inside a step, this host's images over the mean of all hosts': not 1 where a batch does not divide."""
    if replicas() == 1:
        return 1.0
    count = tf.cast(images, tf.float32)
    return count * replicas() / tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, count)


def on_every_host(step: Callable[[Any], dict[str, tf.Tensor]]) -> Callable[[Any], dict[str, tf.Tensor]]:
    """Return `step`, a model's train_step or test_step, as Keras's loops call it: with an iterator, for mean logs."""
    joined = strategy()

    @tf.function
    def reduced(data: Any) -> dict[str, tf.Tensor]:
        logs = joined.run(step, args=(data,))
        return {name: joined.reduce("MEAN", value, axis=None) for name, value in logs.items()}

    return lambda iterator: reduced(next(iterator))
