"""Reads and writes `.keras` files that are classifiers of faces, together with the names of their classes."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from fer_keras.data.model_classes import METADATA
from fer_keras.errors import FerKerasError
from fer_keras.files import MODEL_FILE, replacing
from fer_keras.labels import IMAGE_SHAPE, LabelSet
from fer_keras.models import keras_settings


def load_model(path: str | Path) -> keras.Model:
    """Load a `.keras` file, or the `model.keras` of a run's or a saved model's folder, uncompiled.

    Raises:
        FerKerasError: there is no such file, Keras cannot read it, or it does not map [N, 48, 48, 1] to [N, C] with at
            least two classes.
    """
    keras_settings.pin()
    path = model_file(path)
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):  # of a damaged one Keras says that it is not there
        raise FerKerasError(f"{path}: damaged or another kind of file, expected a whole .keras file")
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever the broken part raises.
        reason = str(error).strip().split("\n")[0]
        raise FerKerasError(f"{path}: Keras cannot read a model from this file ({reason})") from error
    images, logits = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if not _fits(images, (None, *IMAGE_SHAPE)) or not _fits(logits, (None, None)) or (logits[1] or 0) < 2:
        raise FerKerasError(
            f"{path}: expected a model from {(None, *IMAGE_SHAPE)} to (None, C) with C classes, at least 2,"
            f" found one from {images} to {logits}"
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


def model_name(file: Path) -> str:
    """Return what people call the model in `file`: its folder's name, or the file's where that is its own."""
    return file.parent.resolve().name if file.name == MODEL_FILE else file.stem


def model_names(files: Sequence[Path]) -> list[str]:
    """Return what people call the models in `files`: as `model_name`, or by the whole path where that is not unique."""
    names = [model_name(file) for file in files]
    return [name if names.count(name) == 1 else str(file) for name, file in zip(names, files, strict=True)]


def save_model(model: keras.Model, path: Path, label_set: LabelSet) -> None:
    """Save a model to `path`, whole or not at all, with the names of its classes; stock Keras loads it too.

    Args:
        model: from grey values 0..255 [N, 48, 48, 1] to logits [N, C].
        path: the `.keras` file.
        label_set: of C classes.

    Raises:
        FerKerasError: the model has another number of classes.
    """
    path = Path(path)
    metadata = metadata_of(model, label_set)
    with replacing(path) as partial:
        stock = partial.with_name(f"{partial.stem}-stock{partial.suffix}")
        try:
            model.save(stock)
            with zipfile.ZipFile(stock) as old, zipfile.ZipFile(partial, "w") as new:
                for member in old.infolist():
                    new.writestr(member, with_metadata(member.filename, old.read(member), metadata))
        finally:
            stock.unlink(missing_ok=True)


def metadata_of(model: keras.Model, label_set: LabelSet | None) -> dict[str, Any]:
    """Return what is added to the metadata of a model's file.

    Raises:
        FerKerasError: the model has another number of classes than `label_set`.
    """
    if label_set is None:
        return {}
    if model.output_shape[-1] != len(label_set):
        raise FerKerasError(
            f"{model.name}: has {model.output_shape[-1]} outputs, expected {len(label_set)}:"
            f" {', '.join(label_set.classes)}"
        )
    return {"label_set": label_set.name, "classes": list(label_set.classes)}


def with_metadata(member: str, content: bytes, added: Mapping[str, Any]) -> bytes:
    """Return the content of a member of a `.keras` file; where it is the metadata, with `added`."""
    if member != METADATA or not added:
        return content
    return json.dumps({**json.loads(content), **added}).encode()


def _fits(shape: Any, wanted: tuple[int | None, ...]) -> bool:
    """Whether a Keras shape is `wanted`, where None on either side is any size."""
    if not isinstance(shape, tuple) or len(shape) != len(wanted):
        return False
    return all(have is None or want is None or have == want for have, want in zip(shape, wanted, strict=True))
