"""What was exported of a model, and how it fared: exports.json in the model's folder."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_keras.errors import FerKerasError
from fer_keras.export.formats import FORMATS
from fer_keras.files import CALIBRATION_FILE, EXPORTS_FILE, file_sha256, read_json, write_json


def read_exports(folder: Path, model: Path) -> dict[str, Any]:
    """Return exports.json of `folder`: `model_sha256` and `formats`, export -> what is known of it.

    Args:
        folder: the model's folder.
        model: the `.keras` file; exports of another one do not count, and all do where it is left out, as in a wheel.

    Raises:
        FerKerasError: exports.json is damaged.
    """
    path, sha256 = folder / EXPORTS_FILE, file_sha256(model) if model.is_file() else None
    if path.exists():
        written = read_json(path)
        formats = written.get("formats") if isinstance(written, dict) else None
        whole = isinstance(formats, dict) and all(
            isinstance(facts, dict) and isinstance(facts.get("file", ""), str | None) for facts in formats.values()
        )
        if not whole or "model_sha256" not in written:
            raise FerKerasError(f"{path}: expected the exports of a model")
        if sha256 in (None, written["model_sha256"]):
            return written
    return {"model_sha256": sha256, "formats": {}}


def record_export(
    folder: Path, model: Path, export: str, facts: Mapping[str, Any], made_from: str | None = None
) -> None:
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
    written = read_exports(folder, model)
    if made_from not in (None, written["model_sha256"]):
        raise FerKerasError(f"{model}: has been replaced while it was exported, expected the same model throughout")
    before = written["formats"].get(export, {})
    if facts["kept"] or not (before.get("kept") and (folder / before["file"]).exists()):
        written["formats"][export] = dict(facts)
        write_json(folder / EXPORTS_FILE, written)


def remove_stale(folder: Path, model: Path) -> None:
    """Remove exported files and the temperature of another model than `model`, which took its place.

    Version folders stay: a server may be reading them, and a new model gets a new number.

    Raises:
        FerKerasError: the other model may well be there: `model` is one of several `.keras` files in the folder.
    """
    exported = [entry.file for entry in FORMATS.values() if entry.file is not None]
    owned = {EXPORTS_FILE: (EXPORTS_FILE, *exported), CALIBRATION_FILE: (CALIBRATION_FILE,)}
    for list_of_them, names in owned.items():
        path = folder / list_of_them
        if path.exists() and _subject_of(path) != file_sha256(model):
            if len([*folder.glob("*.keras")]) > 1:
                raise FerKerasError(f"{path}: is of another model than {model.name}, expected a folder for each model")
            for name in names:
                (folder / name).unlink(missing_ok=True)


def _subject_of(path: Path) -> str | None:
    """The SHA-256 of the model that a list of exports or a temperature is of."""
    written = read_json(path)
    return written.get("model_sha256") if isinstance(written, dict) else None


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
