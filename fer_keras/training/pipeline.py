"""tf.data pipelines: what a model is fitted on, in an order that depends on (seed, epoch) alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from fer_keras.data.augment import apply_views
from fer_keras.data.dataset import FaceData
from fer_keras.data.mixup import mix
from fer_keras.data.random_streams import epoch_order, mix_partners, view_parameters
from fer_keras.distill.objective import ViewSchedule
from fer_keras.labels import IMAGE_SHAPE

EVALUATION_BATCH = 512


class TeacherLogits(Protocol):
    """What a pipeline asks of cached teachers; `fer_keras.distill.logit_cache.LogitCache` is one."""

    members: int
    views: int

    def view(self, view: int) -> np.ndarray:
        """Return float16 [N, members, C]: the logits of every training image under one view."""


def with_autotune(dataset: tf.data.Dataset, enabled: bool) -> tf.data.Dataset:
    """Switch tf.data's autotune thread on or off: with few cores it may stall epochs, by up to 1.6 times."""
    options = tf.data.Options()
    options.autotune.enabled = enabled
    return dataset.with_options(options)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Return the number of batches in one pass over `count` images; the last may be short."""
    return -(-count // batch_size)


@dataclass(frozen=True)
class BatchOrder:
    """Which images a batch has: a function of the seed and the epoch.

    Attributes:
        batch_size: images a step; the last of an epoch may have fewer.
        seed: of the order.
        part: (r, n) for every n-th row of a batch from its row r on, for one of n hosts.
    """

    batch_size: int
    seed: int
    part: tuple[int, int] = (0, 1)

    def rows(self, epoch: int, count: int) -> Iterator[np.ndarray]:
        """Yield the rows, int [B], of each batch of an epoch over `count` images."""
        first, hosts = self.part
        for batch in np.split(epoch_order(self.seed, epoch, count), range(self.batch_size, count, self.batch_size)):
            yield batch[first::hosts]


def training_dataset(
    data: FaceData, schedule: ViewSchedule, teacher: TeacherLogits | None = None, *, epochs: range, order: BatchOrder
) -> tf.data.Dataset:
    """Return batches of (uint8 views [B, 48, 48, 1], float32 targets [B, C]), where views are mixed of mixed targets.

    The dataset runs through all of `epochs` without a break, so that the first batches of an epoch are made
    while the last of the one before are learned: fit it with `steps_per_epoch`.

    Args:
        data: the images.
        schedule: which view an epoch sees.
        teacher: the logits of the views that the schedule has; y is then {"targets": [B, C],
            "teacher_logits": float32 [B, M, C]}. Defaults to none.
        epochs: which of them.
        order: which images a batch has.
    """

    def batches() -> Iterator[tuple[dict[str, np.ndarray], Any]]:
        for epoch in epochs:
            pictures = _Pictures(data, schedule, epoch)
            logits = teacher.view(schedule.view(epoch)) if teacher else None
            for rows in order.rows(epoch, len(data)):
                y = pictures.targets(rows)
                if teacher:
                    y = {"targets": y, "teacher_logits": logits[rows].astype(np.float32)}
                yield pictures.ingredients(rows), y

    y_spec: Any = tf.TensorSpec((None, data.num_classes), tf.float32)
    if teacher:
        logits_spec = tf.TensorSpec((None, teacher.members, data.num_classes), tf.float32)
        y_spec = {"targets": y_spec, "teacher_logits": logits_spec}
    dataset = tf.data.Dataset.from_generator(batches, output_signature=(_ingredients_spec(schedule.mixup), y_spec))
    return _prefetched(dataset.map(lambda parts, y: (_picture(parts), y)))


class _Pictures:
    """The view of all images that an epoch sees, mixed or not: what to make a batch of it from, and its targets."""

    def __init__(self, data: FaceData, schedule: ViewSchedule, epoch: int) -> None:
        self.data = data
        view, (views, mixup) = schedule.view(epoch), schedule.strength(epoch)
        self.drawn = view_parameters(views, schedule.seed, view, data.index)
        # All epochs have the same ingredients, so those without mixing have each image's share at 1.
        self.mixed = mix_partners(mixup, schedule.seed, view, len(data)) if schedule.mixup else None

    def ingredients(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return what `_picture` takes."""
        parts = {"images": self.data.images[rows], "drawn": self.drawn[rows]}
        if self.mixed:
            partners, share = self.mixed
            others = partners[rows]
            parts |= {"other_images": self.data.images[others], "other_drawn": self.drawn[others], "share": share[rows]}
        return parts

    def targets(self, rows: np.ndarray) -> np.ndarray:
        """Return float32 [B, C], of mixed images the mix of both."""
        targets = self.data.targets
        if not self.mixed:
            return targets[rows]
        partners, share = self.mixed
        weight = share[rows, np.newaxis]
        return weight * targets[rows] + (1.0 - weight) * targets[partners[rows]]


def _picture(parts: dict[str, tf.Tensor]) -> tf.Tensor:
    images = apply_views(parts["images"], parts["drawn"])
    if "share" not in parts:
        return images
    return mix(images, apply_views(parts["other_images"], parts["other_drawn"]), parts["share"])


def _ingredients_spec(mixup: float) -> dict[str, tf.TensorSpec]:
    images, drawn = tf.TensorSpec((None, *IMAGE_SHAPE), tf.uint8), tf.TensorSpec((None, 15), tf.float32)
    plain = {"images": images, "drawn": drawn}
    if not mixup:
        return plain
    return {**plain, "other_images": images, "other_drawn": drawn, "share": tf.TensorSpec((None,), tf.float32)}


def evaluation_dataset(data: FaceData, batch_size: int = EVALUATION_BATCH) -> tf.data.Dataset:
    """Return batches of (uint8 images [B, 48, 48, 1], float32 targets [B, C]) in their own order."""
    dataset = tf.data.Dataset.from_tensor_slices((data.images, data.targets))
    return _prefetched(dataset.batch(batch_size))


def _prefetched(dataset: tf.data.Dataset) -> tf.data.Dataset:
    return with_autotune(dataset.prefetch(4), False)
