"""The compiled epoch of several networks of one architecture.

A small network's step on an accelerator is hundreds of kernels that each do next to nothing; as many networks as one
likes do theirs in the same kernels. A run's configuration, views, order, objective, optimizer, schedule and choice by
validation are those of `fer_keras.training`. Two things differ: an epoch leaves out its last, short batch, and the
numbers behind initial weights and dropout are another library's.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from fer_keras.accelerator.lane import Lane
from fer_keras.accelerator.layers import ACCELERATED
from fer_keras.accelerator.views import apply_views, mix
from fer_keras.config import ViewConfig
from fer_keras.data.dataset import FaceData
from fer_keras.data.random_streams import epoch_order, mix_partners, view_parameters
from fer_keras.distill.objective import objective_of, view_schedule
from fer_keras.errors import FerKerasError
from fer_keras.models.convert_layers import convert_layers
from fer_keras.training.optimizer import batch_norm_momentum, make_optimizer

EVALUATION_CHUNKS = 8

Weights = list[jax.Array]


class ParallelTrainer:
    """The compiled epoch of some lanes, and what it is fed with.

    Args:
        lanes: with the same architecture, epochs done and, but for the seed, `FitConfig`.
        train: the images of an epoch.
        val: labelled images to choose by.

    Raises:
        FerKerasError: there are fewer images than a batch has.
    """

    def __init__(self, lanes: Sequence[Lane], train: FaceData, val: FaceData) -> None:
        self.lanes, self.train = lanes, train
        self._index = train.index.tobytes()  # one object, whose hash Python keeps
        fit = lanes[0].config.fit
        self.steps = len(train) // fit.batch_size
        if not self.steps:
            raise FerKerasError(f"batch size {fit.batch_size}: expected at most the {len(train)} training images")
        momentum = batch_norm_momentum(self.steps)
        self.network = convert_layers(lanes[0].network, ACCELERATED, lanes[0].precision, momentum)  # all copy it
        self.optimizer = make_optimizer(fit, self.steps)
        self.optimizer.build(self.network.trainable_variables)
        self.mixed = any(lane.config.mixup for lane in lanes)
        self.objectives = [objective_of(lane.config) for lane in lanes]
        # Arguments of the compiled epoch: what it closed over would be a constant in it, to fold and to copy.
        self.data = {
            "faces": jnp.asarray(train.images),
            "targets": jnp.asarray(train.targets),
            "val_images": jnp.asarray(_in_chunks(val.images)),
            "val_targets": jnp.asarray(val.targets),
        }

    def compile(self, state: dict[str, Any], feed: dict[str, np.ndarray]) -> None:
        """Compile the epoch, whether the teachers have answered or not, then wait until they have."""
        students = [lane for lane in self.lanes if lane.teacher_logits]
        shapes = [lane.teacher_logits.shapes(lane.config) for lane in students]
        epoch = jax.jit(self._epoch, donate_argnums=0)
        self._compiled = epoch.lower(state, {**self.data, **feed, "teacher_logits": shapes}).compile()
        self.data["teacher_logits"] = [lane.teacher_logits.of(lane.config) for lane in students]

    def epoch(self, state: dict[str, Any], feed: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, jax.Array]]:
        """Return the state after an epoch and its logs [S]."""
        return self._compiled(state, {**self.data, **feed})

    def initial(self) -> dict[str, Any]:
        """The state before the next epoch, each variable [S, ...]."""

        def stacked(of: Callable[[keras.Model], list]) -> Weights:
            networks = [lane.network for lane in self.lanes]
            return [jnp.stack([v.value for v in same]) for same in zip(*map(of, networks), strict=True)]

        trainable = stacked(lambda network: network.trainable_variables)
        others = stacked(lambda network: network.non_trainable_variables)
        slots = [jnp.broadcast_to(v.value, (len(self.lanes), *v.shape)) for v in self.optimizer.variables]
        weights = trainable + others
        best = {"accuracy": jnp.full(len(self.lanes), -1.0), "weights": weights}
        state = {"trainable": trainable, "others": others, "optimizer": slots, "best": best}
        if self.lanes[0].begun:
            leaves, tree = jax.tree.flatten(state)
            begun = zip(*(lane.begun.arrays for lane in self.lanes), strict=True)
            state = tree.unflatten([np.stack(same).astype(x.dtype) for x, same in zip(leaves, begun, strict=True)])
        # Copies, for an epoch overwrites its state; of a firm dtype, or the second epoch would be compiled again.
        return jax.tree.map(lambda x: jnp.array(x, dtype=x.dtype, copy=True), state)

    def lane_arrays(self, state: dict[str, Any], number: int) -> list[np.ndarray]:
        """The part of the state that is one lane's, for `LaneState`."""
        return [np.asarray(leaf[number]) for leaf in jax.tree.leaves(state)]

    def feed(self, epoch: int) -> dict[str, np.ndarray]:
        """What the lanes see in an epoch; the first axis of each array is the lane."""
        count = self.steps * self.lanes[0].config.fit.batch_size
        rows, drawn, views, mixing = [], [], [], []
        for lane in self.lanes:
            config = lane.config
            schedule = view_schedule(config)
            seed, view, (strength, mixup) = schedule.seed, schedule.view(epoch), schedule.strength(epoch)
            rows.append(epoch_order(config.fit.seed, epoch, len(self.train))[:count].astype(np.int32))
            drawn.append(_drawn(strength, seed, view, self._index))
            views.append(view)
            mixing.append(mix_partners(mixup, seed, view, len(self.train)) if self.mixed else ())
        fed = {"rows": np.stack(rows).reshape(len(self.lanes), self.steps, -1), "drawn": np.stack(drawn)}
        fed["view"] = np.array(views, np.int32)
        if self.mixed:
            fed["partners"], fed["share"] = (np.stack(same) for same in zip(*mixing, strict=True))
            fed["partners"] = fed["partners"].astype(np.int32)
        return fed

    def learning_rate(self, epoch: int) -> float:
        """The rate at the end of an epoch."""
        return float(self.optimizer._learning_rate((epoch + 1) * self.steps))

    def keep_best(self, state: dict[str, Any]) -> None:
        """Write each lane's best weights into its network."""
        of = [*self.network.trainable_variables, *self.network.non_trainable_variables]
        for number, lane in enumerate(self.lanes):
            values = {id(v): np.asarray(w[number]) for v, w in zip(of, state["best"]["weights"], strict=True)}
            lane.network.set_weights([values[id(w)] for w in self.network.weights])

    def _epoch(self, state: dict[str, Any], feed: dict[str, jax.Array]) -> tuple[dict[str, Any], dict[str, jax.Array]]:
        def step(carry: dict[str, Any], rows: jax.Array) -> tuple[dict[str, Any], dict[str, jax.Array]]:
            return self._step(carry, rows, feed)

        best = state["best"]
        carry = {name: state[name] for name in ("trainable", "others", "optimizer")}
        carry, logs = jax.lax.scan(step, carry, jnp.swapaxes(feed["rows"], 0, 1))
        logs = {name: values.mean(0) for name, values in logs.items()}
        averaged = self._averages(carry)
        logs |= self._validate(averaged, carry["others"], feed)
        better = logs["val_accuracy"] > best["accuracy"]

        def chosen(new: jax.Array, old: jax.Array) -> jax.Array:
            return jnp.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)

        weights = [chosen(*pair) for pair in zip(averaged + carry["others"], best["weights"], strict=True)]
        accuracy = jnp.maximum(logs["val_accuracy"], best["accuracy"])
        return {**carry, "best": {"accuracy": accuracy, "weights": weights}}, logs

    def _step(
        self, carry: dict[str, Any], rows: jax.Array, feed: dict[str, jax.Array]
    ) -> tuple[dict[str, Any], dict[str, jax.Array]]:
        images, targets, y = self._batch(rows, feed)

        def losses(trainable: Weights) -> tuple[jax.Array, tuple]:
            forward = self._over_lanes(lambda t, o, x: self.network.stateless_call(t, o, x, training=True))
            logits, others = forward(trainable, carry["others"], images)
            by_lane = [objective.terms(*pair) for objective, *pair in zip(self.objectives, y, logits, strict=True)]
            logs = {name: jnp.stack([terms[name] for terms in by_lane]) for name in by_lane[0]}
            logs["accuracy"] = self._accuracy(targets, logits)
            return logs["loss"].sum(), (others, logs)

        gradients, (others, logs) = jax.grad(losses, has_aux=True)(carry["trainable"])
        trainable, optimizer = self._over_lanes(self.optimizer.stateless_apply)(
            carry["optimizer"], gradients, carry["trainable"]
        )
        return {"trainable": trainable, "others": others, "optimizer": optimizer}, logs

    def _over_lanes(self, function: Callable) -> Callable:
        """`function` of one lane as one of all; of a single lane as it is, so that convolutions stay plain ones."""
        if len(self.lanes) > 1:
            return jax.vmap(function)
        return lambda *lanes: jax.tree.map(lambda x: x[None], function(*jax.tree.map(lambda x: x[0], lanes)))

    def _batch(self, rows: jax.Array, feed: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array, list]:
        """Images [S, B, 48, 48, 1], targets [S, B, C] and, of each lane, the `y` of its objective."""
        faces, all_targets = feed["faces"], feed["targets"]
        views_of = jax.vmap(lambda images, drawn: apply_views(faces[images], drawn[images]))
        images, targets = views_of(rows, feed["drawn"]), all_targets[rows]
        if self.mixed:
            others = jnp.take_along_axis(feed["partners"], rows, axis=1)
            share = jnp.take_along_axis(feed["share"], rows, axis=1)
            images = jax.vmap(mix)(images, views_of(others, feed["drawn"]), share)
            weight = share[..., None]
            targets = weight * targets + (1.0 - weight) * all_targets[others]
        if not feed["teacher_logits"]:
            return images, targets, [*targets]
        logits = [
            jnp.stack([of_teacher[view, batch] for of_teacher in of_lane], 1).astype(jnp.float32)
            for of_lane, view, batch in zip(feed["teacher_logits"], feed["view"], rows, strict=True)
        ]
        y = [{"targets": t, "teacher_logits": of_lane} for t, of_lane in zip(targets, logits, strict=True)]
        return images, targets, y

    def _averages(self, carry: dict[str, Any]) -> Weights:
        """The moving averages of the trainable weights, or these where none are kept."""
        if not self.optimizer.use_ema:
            return carry["trainable"]
        place = {id(v): i for i, v in enumerate(self.optimizer.variables)}
        return [carry["optimizer"][place[id(v)]] for v in self.optimizer._model_variables_moving_average]

    def _validate(self, trainable: Weights, others: Weights, feed: dict[str, jax.Array]) -> dict[str, jax.Array]:
        targets = feed["val_targets"]

        def of_chunk(images: jax.Array) -> jax.Array:
            images = images.astype(jnp.float32)
            forward = self._over_lanes(lambda t, o: self.network.stateless_call(t, o, images, training=False)[0])
            return forward(trainable, others)

        logits = jax.lax.map(of_chunk, feed["val_images"])
        logits = jnp.moveaxis(logits, 1, 0).reshape(len(self.lanes), -1, logits.shape[-1])[:, : len(targets)]
        losses = jnp.stack([self.objectives[0].cross_entropy(targets, of_lane) for of_lane in logits])
        return {"val_accuracy": self._accuracy(targets, logits), "val_loss": losses}

    def _accuracy(self, targets: jax.Array, logits: jax.Array) -> jax.Array:
        """As `LabelledAccuracy`: targets and logits [..., N, C] -> [...]."""
        heads = self.train.label_set.heads
        return sum(_accuracy(targets[..., head], logits[..., head]) for head in heads) / len(heads)


def _accuracy(targets: jax.Array, logits: jax.Array) -> jax.Array:
    """The accuracy of one head."""
    labelled = targets.sum(-1) > 0.5
    right = labelled & (logits.argmax(-1) == targets.argmax(-1))
    return right.sum(-1) / jnp.maximum(labelled.sum(-1), 1)


def _in_chunks(images: np.ndarray) -> np.ndarray:
    """[N, 48, 48, 1] -> [EVALUATION_CHUNKS, ceil(N / EVALUATION_CHUNKS), 48, 48, 1], filled up with black."""
    size = -(-len(images) // EVALUATION_CHUNKS)
    filled = np.pad(images, [(0, size * EVALUATION_CHUNKS - len(images)), (0, 0), (0, 0), (0, 0)])
    return filled.reshape(EVALUATION_CHUNKS, size, *images.shape[1:])


@lru_cache(maxsize=64)
def _drawn(views: ViewConfig, seed: int, view: int, index: bytes) -> np.ndarray:
    return view_parameters(views, seed, view, np.frombuffer(index, np.int64))
