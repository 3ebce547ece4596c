"""The classes that a model's file says it has; read without Keras or TensorFlow.

A `.keras` file is a zip whose metadata.json may name them. A LiteRT file has an archive with labels.txt after its end,
as TensorFlow Lite's metadata convention has it (https://ai.google.dev/edge/litert/models/metadata).
"""

import json
import logging
import zipfile
import zlib
from pathlib import Path
from typing import Any

from fer_keras.errors import FerKerasError
from fer_keras.files import CONFIG_FILE, MODEL_FILE
from fer_keras.labels import LabelSet, label_set_in_order

_logger = logging.getLogger("fer_keras")

METADATA = "metadata.json"
"""The member of a `.keras` file that says what wrote it; Keras reads nothing else from it."""

LABELS_FILE = "labels.txt"
"""In the archive of a LiteRT file: a name a line."""


def read_label_set(path: str | Path) -> LabelSet | None:
    """Return the classes of a model: those in its file, else those in the config.json beside it, else None.

    Args:
        path: a model's file, or a folder that holds `model.keras`.

    Raises:
        FerKerasError: there is no such file, or what says the classes is damaged.
    """
    path = Path(path)
    file = path / MODEL_FILE if path.is_dir() else path
    found = None
    if file.suffix == ".keras":
        metadata = _member(file, METADATA)
        if metadata is None:
            raise FerKerasError(f"{file}: expected a .keras file with its {METADATA}")
        found = _label_set(file, _object(metadata, f"{file}: {METADATA}"))
    elif file.suffix == ".tflite" and zipfile.is_zipfile(file) and (names := _member(file, LABELS_FILE)):
        found = _label_set(file, {"classes": names.decode(errors="replace").splitlines()})
    if found is None and (config := file.with_name(CONFIG_FILE)).is_file():
        part = _object(config.read_bytes(), config)
        for name in ("config", "data"):
            part = part.get(name, {})
            if not isinstance(part, dict):
                raise FerKerasError(f"{config}: expected an object under {name!r}")
        found = _label_set(config, {"classes": part.get("classes")})
    return found


def label_set_or_note(path: str | Path) -> LabelSet | None:
    """Return `read_label_set`; where a model does not say its classes, log that those of the data are taken."""
    label_set = read_label_set(path)
    if label_set is None:
        _logger.warning("%s does not say its classes; those of the data are taken, in their order", path)
    return label_set


def _member(file: Path, name: str) -> bytes | None:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.read(name) if name in archive.namelist() else None
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, RuntimeError) as error:
        raise FerKerasError(f"{file}: expected a {file.suffix} file with its {name} ({error})") from error


def _object(text: bytes, where: object) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FerKerasError(f"{where}: expected JSON, found something else ({error})") from error
    if not isinstance(value, dict):
        raise FerKerasError(f"{where}: expected an object")
    return value


def _label_set(file: Path, facts: dict[str, Any]) -> LabelSet | None:
    """The known set of exactly these classes, or one of their own: the order is that of the model's outputs."""
    classes, name = facts.get("classes"), facts.get("label_set", "own")
    if classes is None:
        return None
    if not isinstance(classes, list) or not all(isinstance(text, str) for text in (*classes, name)):
        raise FerKerasError(f"{file}: expected the names of classes under 'classes'")
    try:
        return label_set_in_order(classes, name)
    except FerKerasError as error:
        raise FerKerasError(f"{file}: {error}") from error
