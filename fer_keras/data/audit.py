"""What is wrong with a data set: constant images, exact copies, leaks across splits, label conflicts.

Copies matter because a model that remembers its training images scores on copies of them what it has not
learned. Only exact copies, equal in every pixel, are counted.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fer_keras.data.dataset import duplicate_groups
from fer_keras.data.face_data import FaceData


@dataclass(frozen=True)
class SplitAudit:
    """One split.

    Attributes:
        name: the split.
        images: the number of images.
        class_counts: class name -> number of images.
        unlabelled: images without a label.
        constant: images whose pixels are all equal.
        surplus_copies: images minus distinct images.
        surplus_copies_not_constant: the same without the constant images, which are copies of each other.
        copies_of_train: images with an exact copy in the split `train`; None for `train` itself.
    """

    name: str
    images: int
    class_counts: dict[str, int]
    unlabelled: int
    constant: int
    surplus_copies: int
    surplus_copies_not_constant: int
    copies_of_train: int | None


@dataclass(frozen=True)
class AuditReport:
    """A whole data set, all splits together where nothing else is said.

    Attributes:
        source: the data set's name.
        classes: their names.
        splits: each split that has an image.
        conflict_groups: groups of identical images with different labels.
        conflict_images: the images in these groups.
        train_conflict_groups: such groups among the images of `train` alone.
    """

    source: str
    classes: tuple[str, ...]
    splits: tuple[SplitAudit, ...]
    conflict_groups: int
    conflict_images: int
    train_conflict_groups: int

    def to_dict(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the report as lines for people."""
        width = max(len("surplus exact copies"), *map(len, self.classes)) + 2
        rows = [("", [split.name for split in self.splits])]
        rows += [("images", [split.images for split in self.splits])]
        rows += [(f"  {name}", [split.class_counts[name] for split in self.splits]) for name in self.classes]
        rows += [("  unlabelled", [split.unlabelled for split in self.splits])]
        rows += [("constant images", [split.constant for split in self.splits])]
        rows += [("surplus exact copies", [split.surplus_copies for split in self.splits])]
        rows += [("  not constant", [split.surplus_copies_not_constant for split in self.splits])]
        rows += [("copies of train", [_share(split) for split in self.splits])]
        table = [f"{title:<{width}}" + "".join(f"{cell!s:>15}" for cell in cells) for title, cells in rows]
        conflicts = (
            f"identical images with different labels: {self.conflict_groups} groups, "
            f"{self.conflict_images} images ({self.train_conflict_groups} groups inside train)"
        )
        return "\n".join([self.source, *(line.rstrip() for line in table), conflicts])


def audit(data: FaceData) -> AuditReport:
    """Audit all the splits of `data`."""
    groups = duplicate_groups(data)
    in_train = data.splits == "train"
    conflicts = _conflicting(groups, data.labels)
    return AuditReport(
        source=data.source,
        classes=data.classes,
        splits=tuple(_audit_split(data, groups, name) for name in data.split_names),
        conflict_groups=len(conflicts),
        conflict_images=int((np.isin(groups, conflicts) & (data.labels >= 0)).sum()),
        train_conflict_groups=len(_conflicting(groups[in_train], data.labels[in_train])),
    )


def _audit_split(data: FaceData, groups: np.ndarray, name: str) -> SplitAudit:
    inside = data.splits == name
    split = data.take(np.flatnonzero(inside))
    copies = groups[inside]
    pixels = split.images.reshape(len(split), -1)
    varied = pixels.min(axis=1) != pixels.max(axis=1)
    leaked = np.isin(copies, groups[data.splits == "train"])
    return SplitAudit(
        name=name,
        images=len(split),
        class_counts=dict(zip(data.classes, split.class_counts().tolist(), strict=True)),
        unlabelled=int((split.labels < 0).sum()),
        constant=int((~varied).sum()),
        surplus_copies=_surplus(copies),
        surplus_copies_not_constant=_surplus(copies[varied]),
        copies_of_train=None if name == "train" else int(leaked.sum()),
    )


def _surplus(groups: np.ndarray) -> int:
    return len(groups) - len(np.unique(groups))


def _conflicting(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the groups that hold more than one label; an unlabelled image conflicts with nothing."""
    known = labels >= 0
    pairs = np.unique(np.stack([groups[known], labels[known]]), axis=1)
    values, labels_each = np.unique(pairs[0], return_counts=True)
    return values[labels_each > 1]


def _share(split: SplitAudit) -> str:
    if split.copies_of_train is None:
        return "-"
    return f"{split.copies_of_train} ({split.copies_of_train / split.images:.1%})"
