"""Export a model: make each format beside its place, replace what passes, delete what is stale."""

import os
import tempfile
from collections.abc import Sequence
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from fer_keras.cards.model_card import CARD_FILE
from fer_keras.cli import quiet_stderr
from fer_keras.config import require
from fer_keras.data.dataset import FaceData
from fer_keras.endings import NO_ROOM
from fer_keras.errors import FerKerasError
from fer_keras.export import parity, record
from fer_keras.export.formats import ExportFormat, format_names, formats_named
from fer_keras.export.saved_model import free_version
from fer_keras.files import CALIBRATION_FILE, EXPORTS_FILE, file_sha256, locked, replacing
from fer_keras.jobs.export_subject import ExportOptions, Subject, load_subject
from fer_keras.jobs.shipping import add_exports
from fer_keras.models.load import model_file
from fer_keras.predict import find_model

_USUAL = ExportOptions()


def export_model(
    path: Path,
    formats: Sequence[str] | None = None,
    data: FaceData | None = None,
    options: ExportOptions = _USUAL,
) -> record.Exports:
    """Export a model to each format and write exports.json, and its card where it has one.

    Args:
        path: a `.keras` file, a folder that holds `model.keras`, or the name of a saved model.
        formats: some of `fer_keras.export.formats.format_names()`; default: all.
        data: the images it was trained on, for 8-bit calibration and the confidence's temperature, and those to
            score each format on; without them drawn faces stand in and no accuracy is given.
        options: how.

    Returns:
        What exports.json holds.

    Raises:
        FerKerasError: there is no such model, it gives probabilities, it is being trained or exported, the version is
            taken, or the folder holds the exports of another model: all is as it was then. Or a format cannot be made
            or does not answer as the model does: of that one nothing is kept, and the others are there.
        OSError: the disk is full, or a folder cannot be written.
    """
    require("--scale", options.scale, 1e-6, 1e6)
    chosen = formats_named(format_names() if formats is None else formats)
    file = model_file(find_model(path))
    home, folder = file.parent, options.to or file.parent
    number = free_version(folder, options.version) if any(export.file is None for export in chosen) else 0
    # Nobody trains the model or puts another in its place meanwhile.
    with locked(home, wait=False):
        record.read_exports(home, file)
        stale, made_from = record.stale_files(home, file), file_sha256(file)
        subject = load_subject(file, data, options, integers=any(export.needs_faces for export in chosen))
        calibrated, kept = subject.inputs.temperature is not None, folder.resolve() == home.resolve()
        failed, new = [], {EXPORTS_FILE, *([CALIBRATION_FILE] if calibrated else [])}
        for export in chosen:
            try:
                facts = _export(export, subject, number)
            except FerKerasError as error:
                failed.append(str(error))
                continue
            new.add(facts["file"])
            # Before exports.json is of this model: afterwards nothing would say whose the others are, after a kill too.
            for old in stale if kept else ():
                if old.name not in new:
                    old.unlink(missing_ok=True)
            record.record_export(home, file, export.key, {**facts, "kept": kept}, made_from)
            options.say(_summary(export, folder / facts["file"], facts))
        if len(failed) < len(chosen) and (home / CARD_FILE).exists():
            options.say(f"card: {add_exports(home)}")
    if failed:
        raise FerKerasError("; ".join(failed))
    return record.read_exports(home, file)


def _export(export: ExportFormat, subject: Subject, number: int) -> dict[str, Any]:
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


def _converted(export: ExportFormat, partial: Path, subject: Subject, target: Path) -> dict[str, Any]:
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
