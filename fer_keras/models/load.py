"""Reads a saved model and checks that it is a classifier of faces."""

from pathlib import Path
from typing import Any

import keras

from fer_keras.errors import FerKerasError
from fer_keras.files import MODEL_FILE, read_json
from fer_keras.labels import IMAGE_SHAPE, LabelSet, label_set_of

_CONFIG_FILE = "config.json"


def load_model(path: str | Path) -> keras.Model:
    """Load a `.keras` file, or the `model.keras` of a run's or a saved model's folder, uncompiled.

    Raises:
        FerKerasError: there is no such file, Keras cannot read it, or it does not map [N, 48, 48, 1] to
            [N, C].
    """
    path = model_file(path)
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever the broken part raises.
        reason = str(error).strip().split("\n")[0]
        raise FerKerasError(f"{path}: Keras cannot read a model from this file ({reason})") from error
    expected = ((None, *IMAGE_SHAPE), (None, None))
    found = (getattr(model, "input_shape", None), getattr(model, "output_shape", None))
    if not all(_fits(shape, wanted) for shape, wanted in zip(found, expected, strict=True)):
        raise FerKerasError(
            f"{path}: expected a model from {expected[0]} to {expected[1]}, found one from {found[0]} to {found[1]}"
        )
    return model


def model_file(path: str | Path) -> Path:
    """Return the model's file for a file or for a folder that holds `model.keras`.

    Raises:
        FerKerasError: there is no such file.
    """
    path = Path(path)
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        raise FerKerasError(f"{file}: there is no such file, expected a Keras model")
    return file


def read_label_set(path: str | Path) -> LabelSet | None:
    """Return the classes of a model: those in the configuration beside its file, or None where it says none."""
    config = model_file(path).parent / _CONFIG_FILE
    if not config.is_file():
        return None
    classes = read_json(config).get("config", {}).get("data", {}).get("classes")
    return label_set_of(classes) if classes else None


def _fits(shape: Any, wanted: tuple[int | None, ...]) -> bool:
    """Whether a Keras shape is `wanted`, where None on either side is any size."""
    if not isinstance(shape, tuple) or len(shape) != len(wanted):
        return False
    return all(have is None or want is None or have == want for have, want in zip(shape, wanted, strict=True))
