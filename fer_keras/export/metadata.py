"""What an exported file says of itself: classes, the pixels it takes, what its outputs are, temperature, licence.

A LiteRT file has it in TensorFlow Lite's own metadata, with labels.txt in an archive after its end, which runtimes pass
over (https://ai.google.dev/edge/litert/models/metadata); and as JSON by the name fer_keras.json.
"""

import io
import json
import zipfile
from typing import Any

import flatbuffers
import numpy as np

from fer_keras.data.model_classes import LABELS_FILE
from fer_keras.export.flatbuffer import with_metadata
from fer_keras.export.formats import ExportInputs
from fer_keras.labels import IMAGE_SIZE

FACTS = "fer_keras.json"
"""What the JSON is called in a LiteRT file."""

STANDARD = "TFLITE_METADATA"

INPUT = f"uint8 [N, {IMAGE_SIZE}, {IMAGE_SIZE}, 1]: grey values 0 to 255, black to white, as they are"
OUTPUT = "float32 [N, C]: logits; a softmax gives probabilities"

_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every archive member, so that equal models make equal files."""

_IDENTIFIER = b"M001"
_PARSER_VERSION = "1.0.0"
"""The least that reads the fields used here."""
_IMAGE_PROPERTIES, _GREYSCALE, _NORMALISATION, _AXIS_LABELS = np.uint8(2), np.uint8(2), np.uint8(1), np.uint8(2)
"""Numbers of metadata_schema.fbs, as those of fields below."""


def file_facts(inputs: ExportInputs) -> dict[str, Any]:
    """Return what every file says of itself, as JSON values."""
    facts = {"name": inputs.name, "classes": list(inputs.classes), "images": INPUT, "logits": OUTPUT}
    facts |= {"temperature": inputs.temperature} if inputs.temperature is not None else {}
    return facts | ({"license": inputs.license} if inputs.license else {})


def describe_litert(file: bytes, inputs: ExportInputs) -> bytes:
    """Return a LiteRT file's bytes that say what `file_facts` holds."""
    file = with_metadata(file, STANDARD, _standard(inputs))
    buffer = io.BytesIO(with_metadata(file, FACTS, json.dumps(file_facts(inputs)).encode()))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(zipfile.ZipInfo(LABELS_FILE, _DATE), "\n".join(inputs.classes) + "\n")
    return buffer.getvalue()


def _standard(inputs: ExportInputs) -> bytes:
    """TensorFlow Lite's metadata: tables as field number -> value, of metadata_schema.fbs."""
    scaled = "" if inputs.temperature is None else f", calibrated where logits are divided by {inputs.temperature:.6g}"
    properties = {0: _GREYSCALE, 1: {0: np.uint32(IMAGE_SIZE), 1: np.uint32(IMAGE_SIZE)}}
    images = {
        0: "images",
        1: INPUT,
        3: {0: _IMAGE_PROPERTIES, 1: properties},
        4: [{0: _NORMALISATION, 1: {0: np.zeros(1, np.float32), 1: np.ones(1, np.float32)}}],
        5: {0: np.full(1, 255, np.float32), 1: np.zeros(1, np.float32)},
    }
    labels = {0: LABELS_FILE, 1: "the classes, in the order of the logits", 2: _AXIS_LABELS}
    logits = {0: "logits", 1: OUTPUT + scaled, 6: [labels]}
    model = {
        0: inputs.name,
        1: f"Tells facial expressions: {', '.join(inputs.classes)}",
        3: [{2: [images], 3: [logits]}],
        **({5: inputs.license} if inputs.license else {}),
        7: _PARSER_VERSION,
    }
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, model), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, fields: dict[int, Any]) -> int:
    """Write a table after what it refers to; return where it is."""
    places = {n: _place(builder, value) for n, value in fields.items() if not isinstance(value, np.generic)}
    builder.StartObject(max(fields) + 1)
    for number, value in fields.items():
        if number in places:
            builder.PrependUOffsetTRelativeSlot(number, places[number], 0)
        elif isinstance(value, np.uint8):
            builder.PrependUint8Slot(number, int(value), 0)
        else:
            builder.PrependUint32Slot(number, int(value), 0)
    return builder.EndObject()


def _place(builder: flatbuffers.Builder, value: Any) -> int:
    """Write a text, a table, an array or a list of tables; return where it is."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, dict):
        return _table(builder, value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    places = [_table(builder, fields) for fields in value]
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return builder.EndVector()
