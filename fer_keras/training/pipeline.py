"""tf.data pipelines: what a model is fitted on, in an order that depends on (seed, epoch) alone."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import tensorflow as tf

from fer_keras.augment import apply_views
from fer_keras.config import ViewConfig
from fer_keras.data.dataset import FaceData
from fer_keras.distill.losses import MIXED_COLUMNS
from fer_keras.labels import IMAGE_SHAPE, NUM_CLASSES
from fer_keras.mixup import mix
from fer_keras.streams import epoch_order, label_view_seed, mix_partners, view_parameters

EVALUATION_BATCH = 512
WEAK_VIEWS = ViewConfig(rotation=5.0, shift=0.04, zoom=0.05, brightness=0.05, contrast=0.1, erasing=0.0)


class TeacherLogits(Protocol):
    """What a pipeline asks of cached teachers; `fer_keras.distill.logit_cache.LogitCache` is one."""

    members: int
    views: int

    def view(self, view: int) -> np.ndarray:
        """Return float16 [N, members, 7]: the logits of every training image under one view."""


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Switch off tf.data's autotune thread, which on some machines of few cores stalls epochs, by up to 1.6 times."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Return the number of batches in one pass over `count` images; the last may be short."""
    return -(-count // batch_size)


def label_dataset(
    data: FaceData, views: ViewConfig, *, epochs: range, batch_size: int, seed: int, mixup: float = 0.0, targets: np.ndarray | None = None,
    weak_from: int = 10**9,
) -> tf.data.Dataset:
    """Return batches of (uint8 views [B, 48, 48, 1], labels); each epoch sees a fresh view.

    The labels are int64 [B]. With `mixup` that share of the views is mixed, and they are float32 [B, 3]; see
    `fer_keras.distill.losses.own_labels`.

    The dataset runs through all of `epochs` without a break, so that the first batches of an epoch are made
    while the last of the one before are learned: fit it with `steps_per_epoch`.
    """

    def batches() -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        for epoch in epochs:
            order = epoch_order(seed, epoch, len(data))
            weak = epoch >= weak_from
            chosen = WEAK_VIEWS if weak else views
            pictures = _Pictures(data, chosen, label_view_seed(seed), epoch, 1e-9 if weak and mixup else mixup)
            for rows in _batched(order, batch_size):
                yield pictures.ingredients(rows), (
                    pictures.labels(rows) if targets is None else pictures.soft(targets, rows)
                )

    labels = _labels_spec(mixup) if targets is None else tf.TensorSpec((None, targets.shape[1]), tf.float32)
    signature = (_ingredients_spec(mixup), labels)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return _prefetched(dataset.map(lambda parts, labels: (_picture(parts), labels)))


def distillation_dataset(
    data: FaceData, views: ViewConfig, teacher: TeacherLogits, *,
    epochs: range, batch_size: int, seed: int, view_seed: int, mixup: float = 0.0, part: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:  # fmt: skip
    """Return batches of (uint8 views [B, 48, 48, 1], {"label": as above, "teacher_logits": float32 [B, M, 7]}).

    Epoch e sees view e mod K of the cached views, with the logits that the M teachers gave that view. With
    `part` (r, n) a batch holds every n-th row of the whole one from its row r on, for one of n hosts.
    """

    def batches() -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
        for epoch in epochs:
            order = epoch_order(seed, epoch, len(data))
            view = epoch % teacher.views
            pictures = _Pictures(data, views, view_seed, view, mixup)
            logits = teacher.view(view)
            for whole in _batched(order, batch_size):
                rows = whole[part[0] :: part[1]]
                targets = {"label": pictures.labels(rows), "teacher_logits": logits[rows].astype(np.float32)}
                yield pictures.ingredients(rows), targets

    logits_spec = tf.TensorSpec((None, teacher.members, NUM_CLASSES), tf.float32)
    signature = (_ingredients_spec(mixup), {"label": _labels_spec(mixup), "teacher_logits": logits_spec})
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return _prefetched(dataset.map(lambda parts, targets: (_picture(parts), targets)))


class _Pictures:
    """One view of all images, mixed or not: what to make a batch of it from, and its labels."""

    def __init__(self, data: FaceData, views: ViewConfig, view_seed: int, view: int, mixup: float) -> None:
        self.data = data
        self.drawn = view_parameters(views, view_seed, view, data.index)
        self.mixed = mix_partners(mixup, view_seed, view, len(data)) if mixup else None

    def ingredients(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return what `_picture` takes."""
        parts = {"images": self.data.images[rows], "drawn": self.drawn[rows]}
        if self.mixed:
            partners, share = self.mixed
            others = partners[rows]
            parts |= {"other_images": self.data.images[others], "other_drawn": self.drawn[others], "share": share[rows]}
        return parts

    def soft(self, targets: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return float32 [B, C], mixed as the pictures are."""
        if not self.mixed:
            return targets[rows]
        partners, share = self.mixed
        own = share[rows][:, None]
        return own * targets[rows] + (1.0 - own) * targets[partners[rows]]

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """Return int64 [B], or float32 [B, 3] of mixed images."""
        labels = self.data.labels
        if not self.mixed:
            return labels[rows]
        partners, share = self.mixed
        return np.column_stack([labels[rows], labels[partners[rows]], share[rows]]).astype(np.float32)


def _picture(parts: dict[str, tf.Tensor]) -> tf.Tensor:
    images = apply_views(parts["images"], parts["drawn"])
    if "share" not in parts:
        return images
    return mix(images, apply_views(parts["other_images"], parts["other_drawn"]), parts["share"])


def _ingredients_spec(mixup: float) -> dict[str, tf.TensorSpec]:
    images, drawn = tf.TensorSpec((None, *IMAGE_SHAPE), tf.uint8), tf.TensorSpec((None, 15), tf.float32)
    own = {"images": images, "drawn": drawn}
    if not mixup:
        return own
    return {**own, "other_images": images, "other_drawn": drawn, "share": tf.TensorSpec((None,), tf.float32)}


def _labels_spec(mixup: float) -> tf.TensorSpec:
    return tf.TensorSpec((None, MIXED_COLUMNS), tf.float32) if mixup else tf.TensorSpec((None,), tf.int64)


def evaluation_dataset(data: FaceData, batch_size: int = EVALUATION_BATCH, targets: np.ndarray | None = None) -> tf.data.Dataset:
    """Return batches of (uint8 images [B, 48, 48, 1], int64 labels [B]) in their own order."""
    dataset = tf.data.Dataset.from_tensor_slices((data.images, data.labels if targets is None else targets))
    return _prefetched(dataset.batch(batch_size))


def _batched(order: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def _prefetched(dataset: tf.data.Dataset) -> tf.data.Dataset:
    return without_autotune(dataset.prefetch(4))
