"""The export formats: a record holds all that is said of one. One more is a file of its own and an entry here.

Nothing heavy is imported before a model is written: what only reads exported files looks up their names here too.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer_keras.errors import FerKerasError

if TYPE_CHECKING:
    import keras

MOST_DIFFERENCE = 1e-3
"""Float formats are refused beyond, in probability."""

LEAST_AGREEMENT = 0.95
"""The share of faces on which 8-bit integers must name the expression that the Keras model names."""


@dataclass(frozen=True, eq=False)
class ExportInputs:
    """What a writer gets besides the model.

    Attributes:
        name: the model's.
        classes: the names of its C classes, which the file shall say.
        warmup_faces: uint8 [N, 48, 48, 1], a few to ask a server first.
        calibration_faces: uint8 [N, 48, 48, 1] that decide the ranges of integers; None where no format needs them.
        temperature: what logits are divided by for a calibrated confidence; None where it is not known.
        license: of the model, as SPDX calls it; empty where it is not known.
    """

    name: str
    classes: tuple[str, ...]
    warmup_faces: np.ndarray
    calibration_faces: np.ndarray | None = None
    temperature: float | None = None
    license: str = ""


Writer = Callable[["keras.Model", Path, ExportInputs], None]
"""Writes a model to a path. The model is of stock layers that compute in float32, from grey values 0..255
[N, 48, 48, 1] to logits [N, C]; the file takes uint8 [N, 48, 48, 1]. May raise whatever stops it."""


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """One format that models are exported to.

    Attributes:
        key: of exports.json, such as `litert_int8`.
        name: what `--format` calls it; one name may make several exports.
        title: for people.
        file: the file's name in the model's folder; None: a numbered version folder, as TF Serving wants it.
        write: makes the file, or the folder.
        runtime: what answers for it in a process of its own: a name of `fer_keras.export.runtimes.RUNTIMES`, or a
            program that is called as that file is, with the key as its FORMAT.
        runtime_title: for people, where answers are timed; empty: `title`.
        colour: of its points in figures, `#rrggbb`.
        precision: what it computes in, for people.
        most_difference: it is refused where a probability differs by more from the Keras model's.
        least_agreement: where given, it is refused below this share of faces on which both name the same expression,
            however far the probabilities differ.
        needs_faces: whether faces decide the ranges of its integers.
        served: whether its runtime also tells what a server answers by every signature, which is checked too.
        same_as: the key of another format that computes the same for a batch, so that only that one is timed.
        converters: packages whose versions go into exports.json as what it was made with.
    """

    key: str
    name: str
    title: str
    file: str | None
    write: Writer
    runtime: str | Path
    runtime_title: str = ""
    colour: str = "#666666"
    precision: str = "float32"
    most_difference: float = MOST_DIFFERENCE
    least_agreement: float | None = None
    needs_faces: bool = False
    served: bool = False
    same_as: str = ""
    converters: tuple[str, ...] = ("tensorflow", "keras")

    @property
    def timed_title(self) -> str:
        """What tables of timings call it."""
        return self.runtime_title or self.title

    @property
    def program(self) -> tuple[Path, str]:
        """The program that answers for it, and the FORMAT to call it with."""
        if isinstance(self.runtime, Path):
            return self.runtime, self.key
        return Path(__file__).with_name("runtimes.py"), self.runtime


def _writer(module: str, function: str) -> Writer:
    """A writer of this room, imported once it is asked for."""

    def write(model: "keras.Model", path: Path, inputs: ExportInputs) -> None:
        getattr(import_module(f"fer_keras.export.{module}"), function)(model, path, inputs)

    return write


SAVED_MODEL = ExportFormat(
    key="saved_model",
    name="saved_model",
    title="SavedModel",
    file=None,
    write=_writer("saved_model", "save_for_serving"),
    runtime="saved_model",
    colour="#0072B2",
    served=True,
)
LITERT_FLOAT32 = ExportFormat(
    key="litert_float32",
    name="litert",
    title="LiteRT float32",
    file="model_float32.tflite",
    write=_writer("litert", "save_float32"),
    runtime="litert",
    colour="#009E73",
)
LITERT_FLOAT32_1 = ExportFormat(
    key="litert_float32_1",
    name="litert",
    title="LiteRT float32, one face at a time",
    file="model_float32_1.tflite",
    write=_writer("litert", "save_float32_single"),
    runtime="litert",
    same_as="litert_float32",
)
LITERT_INT8 = ExportFormat(
    key="litert_int8",
    name="litert",
    title="LiteRT int8",
    file="model_int8.tflite",
    write=_writer("litert", "save_int8"),
    runtime="litert",
    colour="#D55E00",
    precision="int8",
    least_agreement=LEAST_AGREEMENT,
    needs_faces=True,
)
LITERT_INT8_1 = ExportFormat(
    key="litert_int8_1",
    name="litert",
    title="LiteRT int8, one face at a time",
    file="model_int8_1.tflite",
    write=_writer("litert", "save_int8_single"),
    runtime="litert",
    precision="int8",
    least_agreement=LEAST_AGREEMENT,
    needs_faces=True,
    same_as="litert_int8",
)
ONNX = ExportFormat(
    key="onnx",
    name="onnx",
    title="ONNX",
    file="model.onnx",
    write=_writer("onnx", "save_onnx"),
    runtime="onnx",
    runtime_title="ONNX Runtime",
    colour="#CC79A7",
    converters=("tensorflow", "keras", "tf2onnx"),
)

FORMATS: dict[str, ExportFormat] = {
    entry.key: entry for entry in (SAVED_MODEL, LITERT_FLOAT32, LITERT_FLOAT32_1, LITERT_INT8, LITERT_INT8_1, ONNX)
}
"""The records by their keys, in the order in which exports are made and tables name them."""


def register_format(entry: ExportFormat) -> ExportFormat:
    """Add a format, or replace the one of its key.

    Returns:
        The record itself.

    Raises:
        FerKerasError: its file has the name of another format's.
    """
    for other in FORMATS.values():
        if entry.file is not None and other.file == entry.file and other.key != entry.key:
            raise FerKerasError(f"{entry.key}: the file {entry.file} is {other.key}'s, expected a name of its own")
    FORMATS[entry.key] = entry
    return entry


def format_names() -> tuple[str, ...]:
    """Return what `--format` can name."""
    return tuple(dict.fromkeys(entry.name for entry in FORMATS.values()))


def formats_named(names: Iterable[str]) -> list[ExportFormat]:
    """Return the records of what `--format` names, in that order.

    Raises:
        FerKerasError: there is no such format.
    """
    names = [*names]
    for name in names:
        if name not in format_names():
            raise FerKerasError(f"--format {name}: there is none, expected some of {', '.join(format_names())}")
    return [entry for name in names for entry in FORMATS.values() if entry.name == name]
