"""tf.data pipelines: what a model is fitted on, in an order that depends on (seed, epoch) alone."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import tensorflow as tf

from fer_keras.augment import apply_views, view_parameters
from fer_keras.config import ViewConfig
from fer_keras.data.dataset import FaceData
from fer_keras.labels import IMAGE_SHAPE, NUM_CLASSES
from fer_keras.mixup import mix, mix_partners

EVALUATION_BATCH = 512


class TeacherLogits(Protocol):
    """What a pipeline asks of cached teachers; `fer_keras.distill.logit_cache.LogitCache` is one."""

    members: int
    views: int

    def view(self, view: int) -> np.ndarray:
        """Return float16 [N, members, 7]: the logits of every training image under one view."""


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Switch off tf.data's autotune thread, which stalls epochs on few cores (measured: 1.5-1.6x)."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


# Streams of random numbers are named by (seed, number). Cached views have the plain seeds, below 2^31; the views of
# labels and the order of images have their own, so that no teacher was trained on the very views it is asked about.
_LABEL_VIEWS, _ORDER = 2**32, 2**33


def label_view_seed(seed: int) -> int:
    """Return the seed of the views that a run with `seed` learns labels from."""
    return _LABEL_VIEWS + seed


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """Return int64 [count]: the order in which epoch `epoch` sees the images."""
    return np.random.Generator(np.random.Philox(key=[_ORDER + seed, epoch])).permutation(count)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Return the number of batches in one pass over `count` images; the last may be short."""
    return -(-count // batch_size)


def label_dataset(data: FaceData, views: ViewConfig, *, epochs: range, batch_size: int, seed: int) -> tf.data.Dataset:
    """Return batches of (uint8 views [B, 48, 48, 1], int64 labels [B]); each epoch sees a fresh view.

    The dataset runs through all of `epochs` without a break, so that the first batches of an epoch are made
    while the last of the one before are learned: fit it with `steps_per_epoch`.
    """

    def batches() -> Iterator[tuple[np.ndarray, ...]]:
        for epoch in epochs:
            order = epoch_order(seed, epoch, len(data))
            drawn = view_parameters(views, label_view_seed(seed), epoch, data.index)
            for rows in _batched(order, batch_size):
                yield data.images[rows], drawn[rows], data.labels[rows]

    signature = (_IMAGES, _DRAWN, _LABELS)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return _prefetched(dataset.map(lambda images, drawn, labels: (apply_views(images, drawn), labels)))


def distillation_dataset(
    data: FaceData, views: ViewConfig, teacher: TeacherLogits, *,
    epochs: range, batch_size: int, seed: int, view_seed: int, mixup: float = 0.0,
) -> tf.data.Dataset:  # fmt: skip
    """Return batches of (uint8 views [B, 48, 48, 1], {"label": [B], "teacher_logits": float32 [B, M, 7]}).

    Epoch e sees view e mod K of the cached views, with the logits that the M teachers gave that view. With `mixup`
    that share of the views is mixed, and the targets also hold "partner_label" [B] and "share" float32 [B].
    """

    def batches() -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
        for epoch in epochs:
            order = epoch_order(seed, epoch, len(data))
            view = epoch % teacher.views
            drawn = view_parameters(views, view_seed, view, data.index)
            logits = teacher.view(view)
            partners, share = mix_partners(mixup, view_seed, view, len(data)) if mixup else (None, None)
            for rows in _batched(order, batch_size):
                seen = {"images": data.images[rows], "drawn": drawn[rows]}
                targets = {"label": data.labels[rows], "teacher_logits": logits[rows].astype(np.float32)}
                if mixup:
                    others = partners[rows]
                    seen |= {"other_images": data.images[others], "other_drawn": drawn[others]}
                    targets |= {"partner_label": data.labels[others], "share": share[rows]}
                yield seen, targets

    seen_spec = {"images": _IMAGES, "drawn": _DRAWN}
    logits_spec = tf.TensorSpec((None, teacher.members, NUM_CLASSES), tf.float32)
    targets_spec = {"label": _LABELS, "teacher_logits": logits_spec}
    if mixup:
        seen_spec |= {"other_images": _IMAGES, "other_drawn": _DRAWN}
        targets_spec |= {"partner_label": _LABELS, "share": tf.TensorSpec((None,), tf.float32)}
    dataset = tf.data.Dataset.from_generator(batches, output_signature=(seen_spec, targets_spec))

    def made(seen: dict[str, tf.Tensor], targets: dict[str, tf.Tensor]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        images = apply_views(seen["images"], seen["drawn"])
        if mixup:
            images = mix(images, apply_views(seen["other_images"], seen["other_drawn"]), targets["share"])
        return images, targets

    return _prefetched(dataset.map(made))


def evaluation_dataset(data: FaceData, batch_size: int = EVALUATION_BATCH) -> tf.data.Dataset:
    """Return batches of (uint8 images [B, 48, 48, 1], int64 labels [B]) in their own order."""
    dataset = tf.data.Dataset.from_tensor_slices((data.images, data.labels))
    return _prefetched(dataset.batch(batch_size))


_IMAGES = tf.TensorSpec((None, *IMAGE_SHAPE), tf.uint8)
_DRAWN = tf.TensorSpec((None, 15), tf.float32)
_LABELS = tf.TensorSpec((None,), tf.int64)


def _batched(order: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def _prefetched(dataset: tf.data.Dataset) -> tf.data.Dataset:
    return without_autotune(dataset.prefetch(4))
