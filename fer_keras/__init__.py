"""Facial-expression classifiers small enough for any device, distilled from large ones."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fer_keras.predict import Classifier

__version__ = "0.1.0"

__all__ = ["load"]


def load(path_or_name: str, runtime: str = "auto", classes: "Sequence[str] | None" = None) -> "Classifier":
    """Load a classifier; see `fer_keras.predict.load`. Importing fer_keras alone loads nothing else."""
    from fer_keras.predict import load

    return load(path_or_name, runtime, classes)
