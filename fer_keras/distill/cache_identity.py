"""What cached logits are of: everything that they depend on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from fer_keras.config import ViewConfig, to_dict
from fer_keras.data import augment
from fer_keras.data.dataset import FaceData
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.models.precision import resolve_precision


@dataclass(frozen=True)
class CacheIdentity:
    """Everything the logits of one teacher depend on.

    Attributes:
        teacher: `teacher_fingerprint` of the model.
        data: `FaceData.fingerprint` of the images.
        images: how many there are.
        num_classes: C, the teacher's.
        views: how far the views go.
        view_seed: of the views.
        mixup: share of the views that are mixed with other images' views.
        precision: what the teacher computes in, `float32` or `mixed_bfloat16`.
        mirrored: whether they are the mean over a view and its mirror image.
        folds: into how many parts the training images were divided for the teacher.
        left_out: the part of them that it has not learned from; 0 for none. See `fer_keras.data.dataset.fold_of`.
        augment_version: `fer_keras.data.augment.VERSION`.
    """

    teacher: str
    data: str
    images: int
    num_classes: int
    views: ViewConfig
    view_seed: int
    mixup: float = 0.0
    precision: str = "float32"
    mirrored: bool = False
    folds: int = 1
    left_out: int = 0
    augment_version: int = augment.VERSION

    def folder(self, root: Path) -> Path:
        """Return where the logits are kept below `root`."""
        views = "-".join(f"{value:g}" for value in to_dict(self.views).values())
        name = f"{self.teacher[:12]}_{self.data[:12]}_{views}_v{self.augment_version}_seed{self.view_seed}"
        return root / f"{name}_mixup{self.mixup:g}_{self.precision}{'_mirrored' if self.mirrored else ''}"


def identify(
    teacher: keras.Model, data: FaceData, views: ViewConfig, view_seed: int, precision: str = "float32", **more: Any
) -> CacheIdentity:
    """Return the identity of the logits of `teacher` for the views of `data`; see `CacheIdentity`, also for `more`.

    With the precision `auto` it is that of `resolve_precision` here.
    """
    return CacheIdentity(
        teacher_fingerprint(teacher),
        data.fingerprint,
        len(data),
        teacher.output_shape[-1],
        views,
        view_seed,
        precision=resolve_precision(precision),
        **more,
    )
