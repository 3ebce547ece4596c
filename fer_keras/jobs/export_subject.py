"""What is exported: a model of stock layers, what writers get besides it, and its answers to compare with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from fer_keras.cards.model_card import CARD_FILE, LICENSE
from fer_keras.cards.sample import sample_faces
from fer_keras.data.dataset import FaceData
from fer_keras.data.synthetic import SOURCE as DRAWN
from fer_keras.data.synthetic import drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.calibration import write_calibration
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.evaluation.metrics import majorities
from fer_keras.export import litert, parity
from fer_keras.export.classes import label_set_of_model
from fer_keras.export.formats import ExportInputs
from fer_keras.export.record import read_calibration
from fer_keras.files import CONFIG_FILE
from fer_keras.jobs.own_data import as_trained_on
from fer_keras.models.fast_layers import FAST, for_shipping
from fer_keras.models.forward import outputs_function
from fer_keras.models.load import load_model, model_name
from fer_keras.probabilities import gives_probabilities

_WARMUP_FACES = 2
_SEED = 2013
DRAWN_FACES = 512
"""Instead of real ones: more of them are no better."""


@dataclass(frozen=True)
class ExportOptions:
    """How a model is exported.

    Attributes:
        version: the number of the SavedModel's folder; default: the next free one.
        to: another folder for the files than the model's own, in which exports.json stays.
        classes: of the model, in the order of its outputs; default: those that its file names.
        scale: what the model wants grey values 0..255 multiplied by.
        say: takes a line for people.
    """

    version: int | None = None
    to: Path | None = None
    classes: Sequence[str] | None = None
    scale: float = 1.0
    say: Callable[[str], None] = print


@dataclass(frozen=True, eq=False)
class Subject:
    """What is exported.

    Attributes:
        folder: where the exports go.
        model: what is in the file, of stock layers.
        inputs: what writers get besides the model.
        faces_source: what the faces for 8-bit calibration are, for people.
        expected: the Keras model's answers to the faces of the comparison.
    """

    folder: Path
    model: keras.Model
    inputs: ExportInputs
    faces_source: str
    expected: parity.Reference


def load_subject(file: Path, data: FaceData | None, options: ExportOptions, *, integers: bool) -> Subject:
    """Load what is exported, and fit the temperature of its confidence where it has none and the data are its own.

    Args:
        file: the `.keras` file.
        data: as of `export_model`.
        options: the model's classes and scale, and who is told what is to be known.
        integers: whether faces are asked for to calibrate 8-bit integers with.

    Raises:
        FerKerasError: the model cannot be read, gives probabilities, or its classes are not known.
    """
    model = scaled(of_stock_layers(load_model(file)), options.scale)
    if gives_probabilities(outputs_function(model)):
        raise FerKerasError(f"{file}: its outputs are probabilities, expected a model of logits, without a softmax")
    label_set, note = label_set_of_model(file, model.output_shape[-1], options.classes)
    if note:
        options.say(f"note: {note}, multiplied by {options.scale:g} (--scale)")
    marked = _own_data(file, data, options.say)
    data = None if data is None else data.with_label_set(label_set)
    expected = parity.reference(model, data if marked is None else marked, label_set.classes)
    if marked is not None and _temperature(file) is None:
        _fit_temperature(file, model, marked, expected)
    faces, source = calibration_faces(data if marked is None else marked) if integers else (None, "")
    if source == DRAWN:
        options.say("calibration of 8-bit integers: on drawn faces, not FER2013 (give --data for real ones)")
    inputs = replace(
        writer_inputs(model_name(file), label_set.classes, faces),
        temperature=_temperature(file),
        license=LICENSE if (file.parent / CARD_FILE).exists() else "",
    )
    return Subject(options.to or file.parent, model, inputs, source, expected)


def _fit_temperature(file: Path, model: keras.Model, marked: FaceData, expected: parity.Reference) -> None:
    val = marked.split("val")
    splits = {"val": (predict_logits(model, val.images), *majorities(val))}
    if expected.split not in (None, "val"):
        splits[expected.split] = (expected.logits, *majorities(marked.split(expected.split)))
    write_calibration(file, splits, marked.source, marked.classes)


def _temperature(file: Path) -> float | None:
    calibration = read_calibration(file.parent, file)
    return calibration["temperature"] if calibration else None


def of_stock_layers(model: keras.Model) -> keras.Model:
    """Return a model with stock layers alone that compute in float32: `model` itself where it is one."""
    fast = any(type(layer) in FAST.values() or layer.compute_dtype != "float32" for layer in model.layers)
    return for_shipping(model) if fast else model


def scaled(model: keras.Model, scale: float) -> keras.Model:
    """Return a model of grey values 0..255 that multiplies them by `scale` before it does what `model` does."""
    if scale == 1.0:
        return model
    images = keras.Input(model.input_shape[1:])
    return keras.Model(images, model(keras.layers.Rescaling(scale)(images)))


def calibration_faces(data: FaceData | None) -> tuple[np.ndarray, str]:
    """Return the faces that decide the ranges of 8-bit integers, uint8 [N, 48, 48, 1], and what they are, for people.

    Args:
        data: a sample of its training images is taken; without any, drawn faces.
    """
    train = None if data is None else data.split("train")
    source = DRAWN if train is None or not len(train) else f"training images of {train.source}"
    count = litert.CALIBRATION_FACES
    if source == DRAWN:
        count, train = DRAWN_FACES, drawn_faces(2 * DRAWN_FACES, seed=_SEED).split("train")
    rows = np.random.default_rng(_SEED).permutation(len(train))[:count]
    return np.ascontiguousarray(train.images[np.sort(rows)]), source


def _own_data(file: Path, data: FaceData | None, say: Callable[[str], None]) -> FaceData | None:
    """The labelled images with the model's own validation marked, or None where it was trained on others."""
    if data is None or not (file.parent / CONFIG_FILE).exists():
        return None
    try:
        return as_trained_on(file.parent, data).labelled()
    except FerKerasError as error:
        say(f"no temperature is fitted for the confidence: {error}")
        return None


def writer_inputs(name: str, classes: Sequence[str], faces: np.ndarray | None) -> ExportInputs:
    """Return what the writers of formats get besides a model.

    Args:
        name: the model's.
        classes: the names of its classes.
        faces: uint8 [N, 48, 48, 1] that decide the ranges of 8-bit integers; None where no format needs them.
    """
    return ExportInputs(name, tuple(classes), sample_faces()[:_WARMUP_FACES], faces)
