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
    """One split: numbers of images, in all and of each class.

    `constant` are those whose pixels are all equal; `surplus_copies` are the images minus the distinct ones, and the
    same without the constant ones; `copies_of_train` have an exact copy in the split `train`, None for `train` itself.
    """

    name: str
    images: int
    class_counts: dict[str, int]
    unlabelled: int
    constant: int
    surplus_copies: int
    surplus_copies_not_constant: int
    copies_of_train: int | None

    def _column(self) -> dict[str, object]:
        """What `AuditReport.to_text` says of it."""
        leaked = self.copies_of_train
        return {
            "": self.name,
            "images": self.images,
            **{f"  {name}": count for name, count in self.class_counts.items()},
            "  unlabelled": self.unlabelled,
            "constant images": self.constant,
            "surplus exact copies": self.surplus_copies,
            "  not constant": self.surplus_copies_not_constant,
            "copies of train": "-" if leaked is None else f"{leaked} ({leaked / self.images:.1%})",
        }


@dataclass(frozen=True)
class AuditReport:
    """A whole data set: each split that has an image, and the groups of identical images with different labels.

    `conflict_images` are the images in these groups; `train_conflict_groups` are those among `train` alone.
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
        columns = [split._column() for split in self.splits]
        width = max(map(len, columns[0])) + 2
        table = [f"{title:<{width}}" + "".join(f"{column[title]!s:>15}" for column in columns) for title in columns[0]]
        conflicts = (
            f"identical images with different labels: {self.conflict_groups} groups, "
            f"{self.conflict_images} images ({self.train_conflict_groups} groups inside train)"
        )
        return "\n".join([self.source, *table, conflicts])


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
    split, copies = data.split(name), groups[data.splits == name]
    pixels = split.images.reshape(len(split), -1)
    varied = pixels.min(axis=1) != pixels.max(axis=1)
    leaked = np.isin(copies, groups[data.splits == "train"])
    return SplitAudit(
        name=name,
        images=len(split),
        class_counts=dict(zip(data.classes, split.class_counts().tolist(), strict=True)),
        unlabelled=int((split.labels < 0).sum()),
        constant=int((~varied).sum()),
        surplus_copies=len(copies) - len(np.unique(copies)),
        surplus_copies_not_constant=len(copies[varied]) - len(np.unique(copies[varied])),
        copies_of_train=None if name == "train" else int(leaked.sum()),
    )


def _conflicting(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the groups that hold more than one label; an unlabelled image conflicts with nothing."""
    pairs = np.unique(np.stack([groups, labels])[:, labels >= 0], axis=1)
    values, labels_each = np.unique(pairs[0], return_counts=True)
    return values[labels_each > 1]
