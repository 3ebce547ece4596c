"""A model's published answers on a few drawn faces, so that an upgrade of a framework cannot change them unseen."""

import hashlib
from pathlib import Path
from typing import TypedDict

import keras
import numpy as np

from fer_keras.config import checked
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.files import read_json, write_json
from fer_keras.labels import FER2013

SAMPLE_FILE = "sample.json"

SAMPLE_TOLERANCE = 1e-4
"""What `sample_difference` may be: other kernels, batch sizes and the rounding here make it up to 2e-6."""

_FACES_EACH = 2
_SEED = 2013


class Sample(TypedDict):
    """sample.json."""

    pixels_sha256: str
    logits: list[list[float]]


def sample_faces() -> np.ndarray:
    """Return uint8 [14, 48, 48, 1]: two drawn faces of each expression, the same everywhere."""
    return draw_faces(np.tile(np.arange(len(FER2013)), _FACES_EACH), seed=_SEED)


def write_sample(model: keras.Model, folder: Path) -> None:
    """Write a model's logits for `sample_faces`, to six significant digits, to sample.json in `folder`."""
    images = sample_faces()
    logits = [[float(f"{value:.6g}") for value in row] for row in predict_logits(model, images)]
    write_json(folder / SAMPLE_FILE, {"pixels_sha256": _sha256(images), "logits": logits})


def sample_difference(model: keras.Model, folder: Path) -> float:
    """Return how far a model's logits are from those in sample.json, at most, as a share of the largest of these.

    Raises:
        FerKerasError: the faces are drawn differently now, so nothing can be said of the model.
    """
    path, images = folder / SAMPLE_FILE, sample_faces()
    sample = checked(Sample, read_json(path), path)
    if {len(row) for row in sample["logits"]} != {model.output_shape[-1]} or len(sample["logits"]) != len(images):
        raise FerKerasError(f"{path}: expected logits [{len(images)}, {model.output_shape[-1]}]")
    if sample["pixels_sha256"] != _sha256(images):
        raise FerKerasError(f"{path}: was written for other drawn faces; the drawing has changed, not the model")
    published = np.array(sample["logits"])
    return float(np.abs(predict_logits(model, images) - published).max() / np.abs(published).max())


def _sha256(images: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()
