"""FaceData, the one form all readers return."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, IMAGE_SHAPE, UNLABELLED, LabelSet

SPLITS: tuple[str, ...] = ("train", "val", "public_test", "private_test", "test")
"""Every split a FaceData may hold; `val` is the data's own, or made by `mark_validation`."""

SPLIT_OF_USAGE = {"Training": "train", "PublicTest": "public_test", "PrivateTest": "private_test"}
"""FER2013's own words for its splits: the CSV's Usage, and the start of an image's name."""

SPLIT_OF_NAME = {
    **{name: name for name in SPLITS},
    **{usage.lower(): split for usage, split in SPLIT_OF_USAGE.items()},
    **{"valid": "val", "validation": "val", "testing": "test"},
}
"""What a folder or a CSV's Usage calls a split, in lower case -> the split."""


@dataclass(frozen=True)
class FaceData:
    """Faces with their labels, names and splits; a value, never changed in place.

    Attributes:
        images: uint8 [N, 48, 48, 1], possibly memory-mapped.
        targets: float32 [N, C], the share of each class in what is known of an image: one-hot for a label, shares of
            votes, a row of zeros for an unlabelled image. Of a label set with several heads each head has its own.
        ids: str [N], the source's own name of each image, such as `Training_00001`.
        splits: str [N], each one of `SPLITS`.
        source: what the images are, for people: a file's name, or `drawn faces`.
        index: int64 [N], each image's row in the source as it was read. It names the image to
            `fer_keras.data.augment`, so subsets and shuffles keep it.
        label_set: the classes, in the order of the columns of `targets`.
        drawn: True for the built-in drawn faces, so that no report can pass them off as FER2013.
        votes: uint8 [N, 10], how many people chose each of `fer_keras.data.votes.COLUMNS`, where the data bring it;
            `fer_keras.data.votes.with_votes` makes targets of it.
        labelled_as: the data before their targets were made of votes, by which `mark_validation` chooses.
    """

    images: np.ndarray
    targets: np.ndarray
    ids: np.ndarray
    splits: np.ndarray
    source: str
    index: np.ndarray
    label_set: LabelSet = FER2013
    drawn: bool = False
    votes: np.ndarray | None = None
    labelled_as: "FaceData | None" = None

    @classmethod
    def create(
        cls,
        images: np.ndarray,
        labels: np.ndarray,
        ids: Sequence[str] | np.ndarray,
        splits: Sequence[str] | np.ndarray,
        source: str,
        drawn: bool = False,
        label_set: LabelSet = FER2013,
        votes: np.ndarray | None = None,
    ) -> "FaceData":
        """Check the arrays, as described above, against each other and number the rows.

        Labels are int [N], numbers of classes, -1 for an unlabelled image; or float [N, C], as `targets`.

        Raises:
            FerKerasError: a shape, dtype, label or split is not what `FaceData` holds.
        """
        count = len(images)
        if images.shape[1:] != IMAGE_SHAPE or images.dtype != np.uint8:
            found = f"{images.dtype} {list(images.shape)}"
            raise FerKerasError(f"{source}: expected uint8 images [N, 48, 48, 1], found {found}")
        if not len(labels) == len(ids) == len(splits) == count or (votes is not None and votes.shape != (count, 10)):
            found = f"{count} images, {len(labels)} labels, {len(ids)} ids and {len(splits)} splits"
            raise FerKerasError(f"{source}: {found} do not go together, or not with their votes")
        splits = np.asarray(splits, np.str_)
        unknown = set(np.unique(splits).tolist()) - set(SPLITS)
        if unknown:
            raise FerKerasError(f"{source}: unknown split {min(unknown)!r}, expected one of {SPLITS}")
        targets = _targets(np.asarray(labels), ids, label_set, source)
        ids = np.asarray(ids, np.str_)
        return cls(images, targets, ids, splits, source, np.arange(count), label_set, drawn, votes)

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: np.ndarray) -> "FaceData":
        """Return the images at `rows` (positions or a Boolean mask), in that order."""
        names = ("images", "targets", "ids", "splits", "index", "votes")
        arrays = {name: getattr(self, name) for name in names}
        return replace(self, **{name: array[rows] for name, array in arrays.items() if array is not None})

    def split(self, name: str) -> "FaceData":
        """Return the images of one of `SPLITS`; empty where there are none.

        Raises:
            FerKerasError: any other name.
        """
        if name not in SPLITS:
            raise FerKerasError(f"unknown split {name!r}, expected one of {SPLITS}")
        return self.take(np.flatnonzero(self.splits == name))

    def labelled(self) -> "FaceData":
        """Return the images that have a label."""
        return self.take(np.flatnonzero(self.labels >= 0))

    def with_label_set(self, label_set: LabelSet) -> "FaceData":
        """Return the same images with the classes of another set, found by name.

        Raises:
            FerKerasError: a class that has images is not in the other set.
        """
        if label_set.classes == self.classes:
            return self
        targets = np.zeros((len(self), len(label_set)), np.float32)
        for column, name in zip(self.targets.T, self.classes, strict=True):
            number = label_set.number(name)
            if number is not None:
                targets[:, number] += column
            elif column.any():
                expected = f"none of {label_set.name}'s: {', '.join(label_set.classes)}"
                raise FerKerasError(f"{self.source}: class {name!r} is {expected}")
        return replace(self, targets=targets, label_set=label_set)

    def of_head(self, columns: slice) -> "FaceData":
        """Return the same images with the targets of one of the label set's `heads` alone."""
        return replace(self, targets=self.targets[:, columns], label_set=self.label_set.head(columns))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.label_set.classes

    @property
    def num_classes(self) -> int:
        """C, how many classes there are."""
        return len(self.label_set)

    @cached_property
    def labels(self) -> np.ndarray:
        """Int64 [N]: the class that has the largest share, the first of several; -1 for an unlabelled image."""
        return _largest(self.targets)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that have at least one image, in the order of `SPLITS`."""
        present = set(np.unique(self.splits).tolist())
        return tuple(name for name in SPLITS if name in present)

    @cached_property
    def image_hashes(self) -> np.ndarray:
        """Bytes [N]: a digest of each image's pixels, equal for exact copies only."""
        pixels = np.ascontiguousarray(self.images).reshape(len(self), math.prod(IMAGE_SHAPE))
        digests = [hashlib.blake2b(row, digest_size=16).digest() for row in pixels]
        return np.array(digests, dtype="V16") if digests else np.empty(0, "V16")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the pixels, the labels and the row numbers, in order.

        Of soft targets it is of these instead of labels; of other classes than FER2013's also of their names.
        """
        digest = hashlib.sha256()
        if self.classes != FER2013.classes:
            digest.update("\0".join(self.classes).encode())
        hard = np.isin(self.targets, (0.0, 1.0)).all() and (self.targets.sum(axis=1) <= 1.0).all()
        for array in (self.images, self.labels if hard else self.targets, self.index):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def class_counts(self) -> np.ndarray:
        """Return int64 [C]: the number of images in which a class has the largest share, among those of its head."""
        heads = [self.targets[:, head] for head in self.label_set.heads]
        labels = [(_largest(head), head.shape[1]) for head in heads]
        return np.concatenate([np.bincount(numbers[numbers >= 0], minlength=size) for numbers, size in labels])

    def require_every_class(self) -> None:
        """Check that there is something to learn from.

        Raises:
            FerKerasError: there are no labelled images, or a class has none.
        """
        counts = self.class_counts()
        if not counts.sum():
            raise FerKerasError(f"{self.source}: no labelled training images")
        if not counts.all():
            name = self.classes[int(np.argmin(counts))]
            expected = f"expected at least one of each of the {self.num_classes}"
            raise FerKerasError(f"{self.source}: no training image of class {name!r}; {expected}")


def _largest(targets: np.ndarray) -> np.ndarray:
    return np.where(targets.any(axis=1), targets.argmax(axis=1), UNLABELLED)


def _targets(labels: np.ndarray, ids: Sequence[str] | np.ndarray, label_set: LabelSet, source: str) -> np.ndarray:
    """Float32 [N, C] of what `FaceData.create` takes for labels."""
    classes = len(label_set)
    if labels.ndim == 2:
        sums = [labels[:, head].sum(axis=1).max(initial=0) for head in label_set.heads]
        fits = labels.shape[1] == classes and np.isfinite(labels).all() and labels.min(initial=0) >= 0
        if not fits or max(sums) > 1 + 1e-5:
            raise FerKerasError(f"{source}: expected targets [N, {classes}], shares from 0 to 1 in all")
        return labels.astype(np.float32)
    labels = labels.astype(np.int64)
    wrong = np.flatnonzero((labels < UNLABELLED) | (labels >= classes))
    if len(wrong):
        row = int(wrong[0])
        raise FerKerasError(f"{source}: image {ids[row]} has label {labels[row]}, expected 0..{classes - 1}")
    return np.eye(classes + 1, classes, dtype=np.float32)[labels]  # -1 is the last row, of zeros
