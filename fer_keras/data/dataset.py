"""What is done with FaceData before training: the duplicate-safe validation split and folds, unlabelled images."""

import hashlib
from dataclasses import replace

import numpy as np

from fer_keras.data.face_data import SPLIT_OF_NAME, SPLIT_OF_USAGE, SPLITS, FaceData
from fer_keras.errors import FerKerasError

__all__ = [
    "SPLITS",
    "SPLIT_OF_NAME",
    "SPLIT_OF_USAGE",
    "FaceData",
    "duplicate_groups",
    "fold_of",
    "mark_validation",
    "with_unlabelled",
]


def duplicate_groups(data: FaceData) -> np.ndarray:
    """Return int64 [N]: equal numbers for exact copies of an image, numbered by first appearance."""
    _, first, inverse = np.unique(data.image_hashes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def mark_validation(data: FaceData, fraction: float = 0.1, seed: int = 0) -> FaceData:
    """Move a share of the training images to the split `val`: stratified, seeded and duplicate-safe.

    Exact copies of an image always land on the same side, as the class of their first copy, so that
    validation never scores a memorised image. Unlabelled copies of a validation image are left out; the other
    unlabelled training images stay where they are. Data that have a split `val` of their own keep it as it is.
    Where targets are made of votes, the images are those that are chosen by labels, whatever the targets are.

    Args:
        data: the images; those of other splits are left alone.
        fraction: the share of each class that goes to validation, 0 < fraction < 1.
        seed: equal seeds give equal splits.

    Raises:
        FerKerasError: `fraction` is out of range, or a side would be left without an image.
    """
    if (data.splits == "val").any():
        return _without_leaks(data)
    if not 0.0 < fraction < 1.0:
        raise FerKerasError(f"validation fraction {fraction}: expected a number between 0 and 1")
    if data.labelled_as is not None:
        marked = mark_validation(data.labelled_as, fraction, seed)
        split_of = dict(zip(marked.index.tolist(), marked.splits.tolist(), strict=True))
        kept = data.take(np.isin(data.index, marked.index))
        return replace(kept, splits=np.array([split_of[number] for number in kept.index.tolist()], np.str_))
    rows = np.flatnonzero((data.splits == "train") & (data.labels >= 0))
    train = data.take(rows)
    groups = duplicate_groups(train)
    sizes = np.bincount(groups)
    _, first = np.unique(groups, return_index=True)
    group_labels = train.labels[first]
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(sizes), bool)
    for label in range(data.num_classes):
        members = rng.permutation(np.flatnonzero(group_labels == label))
        target = round(fraction * sizes[members].sum())
        chosen[members[np.cumsum(sizes[members]) <= target]] = True
    in_val = chosen[groups]
    if not in_val.any() or in_val.all():
        raise FerKerasError(
            f"{data.source}: {len(rows)} training images are too few to set aside {fraction:.0%} for validation"
        )
    splits = data.splits.copy()
    splits[rows[in_val]] = "val"
    return _without_leaks(replace(data, splits=splits))


def _without_leaks(data: FaceData) -> FaceData:
    """Leave out the unlabelled training images that are copies of a validation image."""
    unlabelled = (data.splits == "train") & (data.labels < 0)
    if not unlabelled.any():
        return data
    leaks = unlabelled & np.isin(data.image_hashes, data.image_hashes[data.splits == "val"])
    return data.take(np.flatnonzero(~leaks))


def fold_of(data: FaceData, folds: int, seed: int = 0) -> np.ndarray:
    """Divide the training images into parts, for networks that each leave one out.

    An image's part is a function of its pixels and the seed alone, so it is the same whatever other images there are,
    in any order, of any targets, and exact copies are in one part. Parts, and the classes in them, are equal up to
    chance.

    Args:
        data: the images.
        folds: how many parts, 2 or more.
        seed: equal seeds give equal parts.

    Returns:
        int64 [N], 0 to `folds` - 1; -1 for images of other splits than `train`.

    Raises:
        FerKerasError: `folds` is less than 2, or a part would have no image.
    """
    if folds < 2:
        raise FerKerasError(f"folds {folds}: expected 2 or more")
    key = seed.to_bytes(8, "little")
    draws = [hashlib.blake2b(digest.tobytes(), digest_size=8, key=key).digest() for digest in data.image_hashes]
    parts = np.array([int.from_bytes(draw, "little") % folds for draw in draws], np.int64)
    parts[data.splits != "train"] = -1
    empty = set(range(folds)) - set(parts.tolist())
    if empty:
        raise FerKerasError(f"{data.source}: too few training images for {folds} folds, one of them has none")
    return parts


def with_unlabelled(data: FaceData, more: FaceData) -> FaceData:
    """Return `data` with all images of `more` added to its training split, without their labels.

    Their row numbers follow those of `data`, so that their views are their own.
    """
    whole = data if data.labelled_as is None else data.labelled_as
    added = replace(
        more,
        targets=np.zeros((len(more), data.num_classes), np.float32),
        splits=np.full(len(more), "train"),
        index=int(whole.index.max()) + 1 + more.index,
    )
    names = ("images", "targets", "ids", "splits", "index")
    return replace(
        data,
        **{name: np.concatenate([getattr(data, name), getattr(added, name)]) for name in names},
        source=f"{data.source} and {more.source} unlabelled",
        votes=None,
        labelled_as=None if whole is data else with_unlabelled(whole, more),
    )
