"""The classes that a model's file says it has; read without Keras or TensorFlow.

A `.keras` file is a zip whose metadata.json may name them. A LiteRT file has an archive with labels.txt after its end,
as TensorFlow Lite's metadata convention has it (https://ai.google.dev/edge/litert/models/metadata).
"""

import io
import json
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path

from fer_keras.errors import FerKerasError
from fer_keras.files import CONFIG_FILE, read_json
from fer_keras.labels import FER2013, LabelSet, label_set_of

LABELS_FILE = "labels.txt"
"""In a LiteRT file: a name a line."""

_KERAS_METADATA = "metadata.json"
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every archive member, so that equal models make equal files."""


def with_labels_file(file: bytes, classes: Sequence[str]) -> bytes:
    """Return a LiteRT file's bytes with its classes in an archive after its end, which runtimes pass over."""
    buffer = io.BytesIO(file)  # what `file` had after its end is gone already: `flatbuffer.write` leaves it out
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(zipfile.ZipInfo(LABELS_FILE, _DATE), "\n".join(classes) + "\n")
    return buffer.getvalue()


def classes_in(file: Path) -> tuple[str, ...] | None:
    """Return the classes that a `.keras` or `.tflite` file, or the configuration beside it, names; None for none.

    Raises:
        FerKerasError: what should name them cannot be read.
    """
    try:
        found = _classes_in_archive(file) or _classes_beside(file)
    except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise FerKerasError(f"{file}: its classes cannot be read ({error})") from error
    return tuple(found) if found else None


def _classes_in_archive(file: Path) -> Sequence[str] | None:
    if not zipfile.is_zipfile(file):
        return None
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if LABELS_FILE in names:
            return archive.read(LABELS_FILE).decode("utf-8").splitlines()
        return json.loads(archive.read(_KERAS_METADATA)).get("classes") if _KERAS_METADATA in names else None


def _classes_beside(file: Path) -> Sequence[str] | None:
    path = file.parent / CONFIG_FILE
    config = read_json(path) if path.is_file() else {}
    return config.get("config", {}).get("data", {}).get("classes")


def label_set_of_model(file: Path, outputs: int, classes: Sequence[str] | None = None) -> tuple[LabelSet, str]:
    """Return the classes of a model, and what is to be said of them: "" where its file names them.

    Args:
        file: the model's.
        outputs: how many logits it gives.
        classes: names that stand in for those of the file.

    Raises:
        FerKerasError: there are more or fewer names than outputs, or no names and not FER2013's number of outputs.
    """
    names, note = classes or classes_in(file), ""
    if names is None:
        if outputs != len(FER2013):
            raise FerKerasError(
                f"{file}: gives {outputs} logits and does not say of which classes; --classes names them"
            )
        names = FER2013.classes
        note = f"{file} does not say its classes; FER2013's order is taken (--classes names others)"
        logging.getLogger(__name__).warning(note)
    if len(names) != outputs:
        raise FerKerasError(f"{file}: gives {outputs} logits, expected {len(names)}, of {', '.join(names)}")
    known = label_set_of(names)
    # The order is the model's: a known set in another order is a set of its own here.
    return (known if len(known) == len(names) and _same_order(known, names) else LabelSet("own", tuple(names))), note


def _same_order(known: LabelSet, names: Sequence[str]) -> bool:
    return [known.number(name) for name in names] == [*range(len(names))]
