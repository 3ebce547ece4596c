"""What a student learns from: logits of teachers, of as many views as it sees.

The logit cache is imported where it is used: it needs TensorFlow, and how many views there are is also asked on JAX.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from fer_keras.config import DataConfig, StudentConfig, from_dict
from fer_keras.data.dataset import FaceData
from fer_keras.data.model_classes import label_set_or_note
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.errors import FerKerasError
from fer_keras.files import CONFIG_FILE, read_config
from fer_keras.labels import LabelSet
from fer_keras.models.heads import take_head
from fer_keras.models.load import load_model, model_file, model_name

if TYPE_CHECKING:
    from fer_keras.distill.cache_identity import CacheIdentity
    from fer_keras.distill.logit_cache import LogitCache


@dataclass(frozen=True)
class Teacher:
    """A saved model that teaches.

    Attributes:
        model: of logits [N, C] of the student's classes.
        file: where it was read from.
        folds: into how many parts the training images were divided for it.
        left_out: the part that it has not learned from; 0 for none.
    """

    model: keras.Model
    file: Path = Path()
    folds: int = 1
    left_out: int = 0

    @cached_property
    def fingerprint(self) -> str:
        """What it is; see `teacher_fingerprint`."""
        return teacher_fingerprint(self.model)


def load_teacher(path: str | Path, label_set: LabelSet) -> Teacher:
    """Load a model that is to teach the classes of `label_set`: of one with several heads that which has them.

    Raises:
        FerKerasError: it is no model, its classes are others, or the config.json beside it is damaged.
    """
    file = model_file(path)
    model, own = load_model(file), label_set_or_note(file)
    if own is not None:
        try:
            model = take_head(model, own, label_set)
        except FerKerasError as error:
            raise FerKerasError(f"{file}: {error}") from error
    elif model.output_shape[-1] != len(label_set):
        raise FerKerasError(f"{file}: a teacher of {model.output_shape[-1]} classes, expected {len(label_set)}")
    config = file.with_name(CONFIG_FILE)
    if not config.is_file():
        return Teacher(model, file)
    data = from_dict(DataConfig, read_config(file.parent)["config"].get("data"), config, "data.")
    return Teacher(model, file, data.folds, data.left_out)


def taught_by(student: StudentConfig, teachers: Sequence[Teacher]) -> StudentConfig:
    """Return the recipe of a student with these teachers: what they are, and what they are called."""
    fingerprints = tuple(teacher.fingerprint for teacher in teachers)
    return replace(student, teachers=fingerprints, teacher_names=tuple(model_name(t.file) for t in teachers))


def views_asked_for(student: StudentConfig) -> int:
    """Return how many views a student sees in all its epochs."""
    return min(student.cached_views, student.fit.epochs)


def cached_logits(
    student: StudentConfig, teachers: Sequence[Teacher], train: FaceData, root: Path, views: int | None = None
) -> "LogitCache":
    """Write what is missing of the logits that a student asks for, check a sample of them, and return them.

    Args:
        student: its views, how many of them and their seed, its epochs, and which teachers teach an image.
        teachers: whose logits.
        train: the images.
        root: the folder of all caches.
        views: K, how many of them; default: as many as the student sees.

    Raises:
        FerKerasError: a cache is there that holds something else, or the teachers leave out parts unevenly.
    """
    from fer_keras.distill.logit_cache import LogitCache, cross_fit, verify, write_logits

    views, folders = views or views_asked_for(student), []
    identities = identify_teachers(student, teachers, train)
    teaches = cross_fit(train, identities) if student.cross_fitted else None
    for teacher, identity in zip(teachers, identities, strict=True):
        folders.append(write_logits(teacher.model, train, identity, views, root))
        worst = verify(teacher.model, train, identity, views, root)
        print(f"cache: {folders[-1]}: a sample made again differs by at most {worst:.4f}", flush=True)
    return LogitCache(folders, identities, views, teaches)


def note_other_teachers(recipe: StudentConfig, teachers: Sequence[Teacher]) -> None:
    """Say which of the teachers at hand are other networks than those of a recipe, such as ones made again.

    Args:
        recipe: its `teachers` are empty where it names none.
        teachers: those at hand.
    """
    for teacher, expected in zip(teachers, recipe.teachers, strict=False):
        if (found := teacher.fingerprint) != expected:
            print(f"note: {teacher.file} ({found[:12]}) is not the network that the recipe had ({expected[:12]})")


def identify_teachers(student: StudentConfig, teachers: Sequence[Teacher], train: FaceData) -> list["CacheIdentity"]:
    """Return what the logits that a student asks for are of, teacher by teacher."""
    from fer_keras.distill.cache_identity import identify

    of_views = {"mixup": student.mixup, "mirrored": student.cache_mirrored}
    return [
        identify(
            teacher.model, train, student.views, student.view_seed, student.cache_precision,
            folds=teacher.folds, left_out=teacher.left_out, **of_views,
        )
        for teacher in teachers
    ]  # fmt: skip
