"""What a student learns from: logits of teachers, of as many views as it sees.

The logit cache is imported where it is used: it needs TensorFlow, and how many views there are is also asked on JAX.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from fer_keras.config import StudentConfig
from fer_keras.data.dataset import FaceData

if TYPE_CHECKING:
    from fer_keras.distill.logit_cache import CacheIdentity


def views_asked_for(student: StudentConfig) -> int:
    """Return how many views a student sees in all its epochs."""
    return min(student.cached_views, student.fit.epochs)


def cached_logits(
    student: StudentConfig,
    teachers: Sequence[keras.Model],
    train: FaceData,
    cache_root: Path,
    views: int | None = None,
) -> tuple[list[Path], list["CacheIdentity"]]:
    """Write what is missing of the logits that a student asks for, and check a sample of them.

    Args:
        student: its views, how many of them and their seed, its epochs.
        teachers: whose logits.
        train: the images.
        cache_root: where logits are cached.
        views: of how many views; default: as many as the student sees.

    Returns:
        Each teacher's folder and what it is of, for a `LogitCache`.

    Raises:
        FerKerasError: a cache is there that holds something else.
    """
    from fer_keras.distill.logit_cache import verify, write_logits

    views, folders = views or views_asked_for(student), []
    identities = identify_teachers(student, teachers, train)
    for teacher, identity in zip(teachers, identities, strict=True):
        folders.append(write_logits(teacher, train, identity, views, cache_root))
        worst = verify(teacher, train, identity, views, cache_root)
        print(f"cache: {folders[-1]}: a sample made again differs by at most {worst:.4f}", flush=True)
    return folders, identities


def note_other_teachers(recipe: StudentConfig, fingerprints: Sequence[str], files: Sequence[Path]) -> None:
    """Say which of the teachers at hand are other networks than those of a recipe, such as ones made again.

    Args:
        recipe: its `teachers` are empty where it names none.
        fingerprints: of the teachers at hand.
        files: theirs.
    """
    for file, found, expected in zip(files, fingerprints, recipe.teachers, strict=False):
        if found != expected:
            print(f"note: {file} ({found[:12]}) is not the network that the recipe had ({expected[:12]})", flush=True)


def identify_teachers(
    student: StudentConfig, teachers: Sequence[keras.Model], train: FaceData
) -> list["CacheIdentity"]:
    """Return what the logits that a student asks for are of, teacher by teacher."""
    from fer_keras.distill.logit_cache import identify

    return [
        identify(teacher, train, student.views, student.view_seed, student.mixup, student.cache_precision)
        for teacher in teachers
    ]
