"""What was exported of a model, and how it fared: exports.json in the model's folder."""

import hashlib
import shutil
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from fer_keras.config import checked, require
from fer_keras.errors import FerKerasError
from fer_keras.export.formats import FORMATS
from fer_keras.files import CALIBRATION_FILE, EXPORTS_FILE, file_sha256, read_json, write_json

TEMPERATURES = (0.01, 100)
"""What the temperature of a confidence may be."""


class CalibrationFaces(TypedDict):
    """The faces that decided the ranges of integers."""

    source: str
    images: int


class ExportFacts(TypedDict):
    """One export: its file, what made it, and how its own runtime's answers compare with the Keras model's."""

    file: str
    bytes: int
    sha256: str
    kept: bool
    faces: int
    faces_source: str
    largest_probability_difference: float
    agreement: float
    accuracy: float | None
    keras_accuracy: float | None
    made_with: dict[str, str]
    run_with: dict[str, str]
    classes: NotRequired[list[str]]
    calibration: NotRequired[CalibrationFaces]


class Exports(TypedDict):
    """exports.json; `formats` are by the keys of `fer_keras.export.formats.FORMATS`."""

    model_sha256: str | None
    formats: dict[str, ExportFacts]


Pair = tuple[float, float]
"""Two numbers; in JSON a list."""


class Change(TypedDict):
    """What logits are worth as they are, and divided by the temperature."""

    nll: Pair
    calibration_error: Pair


class Calibration(TypedDict):
    """calibration.json; pairs are of the logits as they are, then divided by the temperature."""

    model_sha256: str
    temperature: float
    source: str
    images: int
    nll: Pair
    calibration_error: Pair
    tested_on: dict[str, "Change"]


def read_exports(folder: Path, model: Path) -> Exports:
    """Return exports.json of `folder`.

    Args:
        folder: the model's folder.
        model: the `.keras` file; exports of another one do not count, and all do where it is left out, as in a wheel.

    Raises:
        FerKerasError: exports.json is damaged; the sentence names the key.
    """
    path, sha256 = folder / EXPORTS_FILE, file_sha256(model) if model.is_file() else None
    if path.exists():
        exports = checked(Exports, read_json(path), path)
        for key, facts in exports["formats"].items():
            if Path(facts["file"]).name != facts["file"]:
                raise FerKerasError(f"{path}: formats.{key}.file {facts['file'][:80]!r}: expected a name in its folder")
        if sha256 in (None, exports["model_sha256"]):
            return exports
    return {"model_sha256": sha256, "formats": {}}


def read_calibration(folder: Path, model: Path) -> Calibration | None:
    """Return calibration.json of `folder`; None where there is none, or that of another model than `model`.

    Raises:
        FerKerasError: it is damaged, or its temperature is out of range.
    """
    path = folder / CALIBRATION_FILE
    if not path.exists():
        return None
    calibration = checked(Calibration, read_json(path), path)
    require(f"{path}: temperature", calibration["temperature"], *TEMPERATURES)
    return calibration if calibration["model_sha256"] == file_sha256(model) else None


def kept_file(folder: Path, facts: ExportFacts | None) -> Path | None:
    """Return an exported file or folder that is kept beside its model, its digest checked; None where it is not there.

    Raises:
        FerKerasError: it is not what was exported.
    """
    path = folder / facts["file"] if facts and facts["kept"] else None
    if path is None or not path.exists():
        return None
    if artifact_facts(path)["sha256"] != facts["sha256"]:
        again = f"`python scripts/export.py {folder}` makes it again"
        raise FerKerasError(f"{path}: damaged or of another model, expected the one that {EXPORTS_FILE} lists; {again}")
    return path


def record_export(folder: Path, model: Path, export: str, facts: ExportFacts, made_from: str | None = None) -> None:
    """Put the facts of one export into exports.json; exports of another model than `model` are dropped from it.

    One that is not `kept`, which is elsewhere and so not there for the next reader, takes the place of none that is.

    Args:
        folder: the model's.
        model: the `.keras` file.
        export: a key of exports.json.
        facts: of it.
        made_from: the SHA-256 of the file that was exported; default: that of `model`.

    Raises:
        FerKerasError: `model` is another file by now.
    """
    exports = read_exports(folder, model)
    if made_from not in (None, exports["model_sha256"]):
        raise FerKerasError(f"{model}: has been replaced while it was exported, expected the same model throughout")
    before = exports["formats"].get(export)
    if facts["kept"] or not (before and before["kept"] and (folder / before["file"]).exists()):
        exports["formats"][export] = facts
        write_json(folder / EXPORTS_FILE, exports)


def stale_files(folder: Path, model: Path) -> list[Path]:
    """Return the exports and the temperature in a folder that are of another model than `model`, which took its place.

    Version folders are not among them: a server may be reading them, and a new model gets a new number.

    Raises:
        FerKerasError: the other model may well be there: `model` is one of several `.keras` files in the folder.
    """
    files = [entry.file for entry in FORMATS.values() if entry.file is not None]
    stale = []
    for name, owned in ((EXPORTS_FILE, [*files, EXPORTS_FILE]), (CALIBRATION_FILE, [CALIBRATION_FILE])):
        path = folder / name
        if path.exists() and _model_of(path) != file_sha256(model):
            if len([*folder.glob("*.keras")]) > 1:
                raise FerKerasError(f"{path}: is of another model than {model.name}, expected a folder for each model")
            stale += [folder / file for file in owned if (folder / file).exists()]
    return stale


def _model_of(path: Path) -> Any:
    """The SHA-256 of the model that a list of exports or a temperature is of; None where it is damaged."""
    try:
        value = read_json(path)
    except FerKerasError:  # it goes, once there is better
        return None
    return value.get("model_sha256") if isinstance(value, dict) else None


def artifact_facts(path: Path) -> dict[str, Any]:
    """Return bytes and SHA-256 of a file, or of a folder: then of its files' relative paths and contents, by path."""
    if path.is_file():
        return {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    files = sorted(file for file in path.rglob("*") if file.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(path).as_posix()}\0{file_sha256(file)}\n".encode())
    return {"bytes": sum(file.stat().st_size for file in files), "sha256": digest.hexdigest()}


def move_version(partial: Path, target: Path) -> None:
    """Give a finished version folder its name, in one step and only if no other has it.

    Raises:
        FerKerasError: another process was faster.
    """
    try:
        partial.rename(target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise FerKerasError(f"{target}: this version is there already and is never overwritten") from error
