"""Export a model: load and check it, make each format beside its place, replace what passes, delete what is stale."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fer_keras.cards.model_card import CARD_FILE, LICENSE
from fer_keras.cards.sample import sample_faces
from fer_keras.cli import quiet_stderr
from fer_keras.config import require
from fer_keras.data.dataset import FaceData
from fer_keras.data.synthetic import SOURCE as DRAWN
from fer_keras.data.synthetic import drawn_faces
from fer_keras.endings import NO_ROOM
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.calibration import write_calibration
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.evaluation.metrics import majorities
from fer_keras.export import litert, parity, record
from fer_keras.export.classes import label_set_of_model
from fer_keras.export.formats import ExportFormat, ExportInputs, format_names, formats_named
from fer_keras.export.saved_model import free_version
from fer_keras.files import CALIBRATION_FILE, CONFIG_FILE, EXPORTS_FILE, file_sha256, locked, replacing
from fer_keras.jobs.own_data import as_trained_on
from fer_keras.jobs.shipping import add_exports
from fer_keras.models.fast_layers import FAST, for_shipping
from fer_keras.models.forward import outputs_function
from fer_keras.models.load import load_model, model_file, model_name
from fer_keras.predict import find_model
from fer_keras.probabilities import gives_probabilities

_WARMUP_FACES = 2
_SEED = 2013
_DRAWN_FACES = 512
"""Instead of real ones: more of them are no better."""


@dataclass(frozen=True)
class ExportOptions:
    """What an export is told besides the model and the data.

    Attributes:
        formats: some of `fer_keras.export.formats.format_names()`; default: all.
        version: the number of the SavedModel's folder; default: the next free one.
        to: another folder for the files than the model's own, in which exports.json stays.
        classes: of the model, in the order of its outputs; default: those that its file names.
        scale: what the model wants grey values 0..255 multiplied by.
        say: takes a line for people.
    """

    formats: Sequence[str] | None = None
    version: int | None = None
    to: Path | None = None
    classes: Sequence[str] | None = None
    scale: float = 1.0
    say: Callable[[str], None] = print


@dataclass(frozen=True, eq=False)
class _Subject:
    """What is exported.

    Attributes:
        file: the `.keras` file.
        folder: where the exports go.
        model: what is in the file, of stock layers.
        inputs: what writers get besides the model.
        faces_source: what the faces for 8-bit calibration are, for people.
        expected: the Keras model's answers to the faces of the comparison.
    """

    file: Path
    folder: Path
    model: keras.Model
    inputs: ExportInputs
    faces_source: str
    expected: parity.Reference


def export_model(
    path: Path, formats: Sequence[str] | None = None, data: FaceData | None = None, **options: Any
) -> record.Exports:
    """Export a model to each format and write exports.json, and its card where it has one.

    Args:
        path: a `.keras` file, a folder that holds `model.keras`, or the name of a saved model.
        formats: as of `ExportOptions`.
        data: the images it was trained on, for 8-bit calibration and the confidence's temperature, and those to
            score each format on; without them drawn faces stand in and no accuracy is given.
        **options: the others of `ExportOptions`.

    Returns:
        What exports.json holds.

    Raises:
        FerKerasError: there is no such model, it gives probabilities, it is being trained or exported, the version is
            taken, or the folder holds the exports of another model: all is as it was then. Or a format cannot be made
            or does not answer as the model does: of that one nothing is kept, and the others are there.
        OSError: the disk is full, or a folder cannot be written.
    """
    options = ExportOptions(formats, **options)
    require("--scale", options.scale, 1e-6, 1e6)
    chosen = formats_named(format_names() if formats is None else formats)
    file = model_file(find_model(path))
    home, folder = file.parent, options.to or file.parent
    number = free_version(folder, options.version) if any(export.file is None for export in chosen) else 0
    # Nobody trains the model or puts another in its place meanwhile.
    with locked(home, wait=False):
        record.read_exports(home, file)
        stale, made_from = record.stale_files(home, file), file_sha256(file)
        subject = _subject(file, data, options, integers=any(export.needs_faces for export in chosen))
        failed, made, kept = [], [], folder.resolve() == home.resolve()
        for export in chosen:
            try:
                facts = _export(export, subject, number)
            except FerKerasError as error:
                failed.append(str(error))
                continue
            made.append(facts["file"])
            # Before exports.json is of this model: afterwards nothing would say whose the others are, after a kill too.
            for old in stale if kept else ():
                if old.name not in (EXPORTS_FILE, *made) and not (old.name == CALIBRATION_FILE and _calibrated(file)):
                    old.unlink(missing_ok=True)
            record.record_export(home, file, export.key, {**facts, "kept": kept}, made_from)
            options.say(_summary(export, folder / facts["file"], facts))
        if made and (home / CARD_FILE).exists():
            options.say(f"card: {add_exports(home)}")
    if failed:
        raise FerKerasError("; ".join(failed))
    return record.read_exports(home, file)


def _calibrated(file: Path) -> float | None:
    calibration = record.read_calibration(file.parent, file)
    return calibration["temperature"] if calibration else None


def _subject(file: Path, data: FaceData | None, options: ExportOptions, *, integers: bool) -> _Subject:
    """Load what is exported; `integers` asks for faces to calibrate 8-bit integers with."""
    model = scaled(of_stock_layers(load_model(file)), options.scale)
    if gives_probabilities(outputs_function(model)):
        raise FerKerasError(f"{file}: its outputs are probabilities, expected a model of logits, without a softmax")
    label_set, note = label_set_of_model(file, model.output_shape[-1], options.classes)
    if note:
        options.say(f"note: {note}, multiplied by {options.scale:g} (--scale)")
    marked = _own_data(file, data, options.say)
    data = None if data is None else data.with_label_set(label_set)
    expected = parity.reference(model, data if marked is None else marked, label_set.classes)
    if marked is not None and _calibrated(file) is None:
        val = marked.split("val")
        splits = {"val": (predict_logits(model, val.images), *majorities(val))}
        if expected.split not in (None, "val"):
            splits[expected.split] = (expected.logits, *majorities(marked.split(expected.split)))
        write_calibration(file, splits, marked.source, marked.classes)
    faces, source = calibration_faces(data if marked is None else marked) if integers else (None, "")
    if source == DRAWN:
        options.say("calibration of 8-bit integers: on drawn faces, not FER2013 (give --data for real ones)")
    inputs = replace(
        writer_inputs(model_name(file), label_set.classes, faces),
        temperature=_calibrated(file),
        license=LICENSE if (file.parent / CARD_FILE).exists() else "",
    )
    return _Subject(file, options.to or file.parent, model, inputs, source, expected)


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
        count, train = _DRAWN_FACES, drawn_faces(2 * _DRAWN_FACES, seed=_SEED).split("train")
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


def _export(export: ExportFormat, subject: _Subject, number: int) -> dict[str, Any]:
    """Write one format beside its place, check it there, and rename it: so it is there whole and right, or not."""
    name = str(number) if export.file is None else export.file
    target = subject.folder / name
    facts: dict[str, Any] = {"file": name, "classes": list(subject.inputs.classes)}
    if export.needs_faces:
        facts["calibration"] = {"source": subject.faces_source, "images": len(subject.inputs.calibration_faces)}
    if export.file is None:
        subject.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=subject.folder) as scratch:
            partial = Path(scratch, name)
            facts |= _converted(export, partial, subject, target)
            record.move_version(partial, target)
        return facts
    with replacing(target) as partial:
        facts |= _converted(export, partial, subject, target)
    return facts


def _converted(export: ExportFormat, partial: Path, subject: _Subject, target: Path) -> dict[str, Any]:
    try:
        with quiet_stderr():  # converters chat
            export.write(subject.model, partial, subject.inputs)
    except FerKerasError:
        raise
    except Exception as error:  # converters raise whatever stopped them
        for number in NO_ROOM:  # which converters say in words of their own
            if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
                raise OSError(number, os.strerror(number), str(target)) from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FerKerasError(f"{target}: the model cannot be converted to this format ({reason})") from error
    return {
        **record.artifact_facts(partial),
        "made_with": {name: installed(name) for name in export.converters},
        **parity.check(export, partial, subject.expected, target),
    }


def _summary(export: ExportFormat, path: Path, facts: dict[str, Any]) -> str:
    difference = facts["largest_probability_difference"]
    line = (
        f"{export.key}: {path}: {facts['bytes']:,} bytes, agrees on {facts['agreement']:.2%} of {facts['faces']:,}"
        f" faces ({facts['faces_source']}), probabilities differ by at most {difference:.2g}"
    )
    if facts["accuracy"] is not None:
        line += f", accuracy {facts['accuracy']:.2%} (Keras {facts['keras_accuracy']:.2%})"
    if export.least_agreement is None and difference > parity.EXPECTED_DIFFERENCE:
        line += f"; more than the {parity.EXPECTED_DIFFERENCE:g} that rounding explains"
    return line
