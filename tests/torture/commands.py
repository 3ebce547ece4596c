"""The commands that are killed: what each starts from, what it is told, and what it leaves, compared and checked."""

import hashlib
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from inputs import MODEL

from fer_keras.export.record import artifact_facts
from fer_keras.files import file_sha256, locked, read_json
from fer_keras.models.registry import register_preset

VOLATILE = {
    "seconds", "ended", "attempts", "begun_at", "reviver", "milliseconds", "date_saved", "model_sha256", "file_bytes",
    "bytes", "sha256", "commit",
}  # fmt: skip
"""Columns and keys that two runs of the same command differ in: times, and digests of files that hold a date; those
are checked by `damage_in`."""

NOT_COMPARED = (
    "tensorboard", "tmp", "locks", "lock", ".lock", "digests.json", "report.md", "saved_models", "variables",
    "fingerprint.pb",
)  # fmt: skip
"""Names of files and folders: TensorBoard's and digests hold times, as does the report, which is written last; a link
is not ours; a SavedModel's variables lie now in this order and now in that, and have a digest in exports.json."""

_VERSION = re.compile(r"/\d+/")
"""An export takes the next free version; one that was killed as it had made one leaves that, whole."""

TINY = {"widths": (4, 8, 8), "strides": (4, 2, 2), "dropouts": (0.2, 0.2)}


@dataclass(frozen=True)
class Command:
    """A command that is killed.

    Attributes:
        name: of it, for counts.
        words: (home, base) -> its words.
        lay: (home, base) -> what it starts from is in its home.
        most_kills: in a row: more than three in the same epoch end a search's trial.
    """

    name: str
    words: Callable[[Path, Path], list[object]]
    lay: Callable[[Path, Path], None] = lambda home, base: None
    most_kills: int = 8


def base_words(base: Path) -> Iterator[list[object]]:
    """Yield the commands that make what others start from: a finished run, and the model shipped from it."""
    yield _train(base / "runs", "a", 2)
    yield _ship(base / "runs/a/member-1", base / "saved", "a")


def _train(runs: Path, name: str, epochs: int) -> list[object]:
    options = ["--model", "tiny", "--epochs", epochs, "--batch-size", 64, "--deterministic", "--resume"]
    return ["train_teacher", *options, "--runs", runs, "--name", name]


def _ship(run: Path, saved: Path, name: str) -> list[object]:
    return ["ship", run, name, "--to", saved]


def _shipped(*names: str) -> Callable[[Path, Path], None]:
    """The shipped model, or the named files of it."""

    def lay(home: Path, base: Path) -> None:
        source = base / "saved" / "a"
        for path in [source / name for name in names] if names else [*source.iterdir()]:
            _copy(path, home / "saved" / "m" / path.name)

    return lay


def _another(*names: str) -> Callable[[Path, Path], None]:
    """Named files of another model, with its card and exports."""

    def lay(home: Path, base: Path) -> None:
        for name in (*names, "exports.json", "calibration.json", "model_float32.tflite", "model.onnx"):
            _copy(MODEL / name, home / "saved" / "m" / name)
        if "model.keras" not in names:
            _copy(base / "saved/a/model.keras", home / "saved/m/model.keras")

    return lay


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)


def _distil(home: Path, base: Path) -> list[object]:
    options = ["--model", "tiny", "--epochs", 3, "--cached-views", 3, "--deterministic", "--resume"]
    where = ["--teacher", base / "runs/a/member-1", "--cache", home / "cache", "--runs", home / "runs", "--name", "d"]
    return ["distill", *options, *where]


def _search(home: Path, base: Path) -> list[object]:
    sizes = ["--families", "cnn", "--budgets", 3000, "--trials", 2, "--epochs", 2, "--final-epochs", 3, "--seeds", 1]
    where = ["--teacher", base / "runs/a/member-1", "--cache", home / "cache", "--runs", home / "runs", "--name", "s"]
    return ["search", *sizes, "--control-budgets", "--batch-size", 64, *where]


def _cache(home: Path, base: Path) -> list[object]:
    return ["cache_logits", base / "runs/a/member-1", "--cached-views", 12, "--sample", 16, "--cache", home / "cache"]


def _export(name: str) -> Callable[[Path, Path], list[object]]:
    return lambda home, base: ["export", home / "saved" / "m", "--format", name]


def _ship_m(home: Path, base: Path) -> list[object]:
    return _ship(base / "runs/a/member-1", home / "saved", "m")


COMMANDS = {
    command.name: command
    for command in (
        Command("cache", _cache),
        Command("ship", _ship_m),
        Command("ship-over", _ship_m, _another("model.keras", "card.json", "card.md", "sample.json", "metrics.csv")),
        Command("export", _export("onnx"), _shipped("model.keras", "card.json", "config.json")),
        Command("export-over", _export("onnx"), _another()),
        Command("card", lambda home, base: ["evaluate", home / "saved" / "m", "--card"], _shipped()),
        Command("train", lambda home, base: _train(home / "runs", "t", 4)),
        Command("distill", _distil),
        Command("search", _search, most_kills=2),
        Command("export-saved", _export("saved_model"), _shipped("model.keras")),
        Command("export-litert", _export("litert"), _shipped("model.keras")),
    )
}
ROUND = (
    "cache", "ship", "ship-over", "export", "export-over", "card", "train", "cache", "ship-over", "export", "ship",
    "export-over", "card", "distill", "cache", "ship-over", "export", "search", "ship", "cache", "export-over",
    "export-saved", "card", "train", "cache", "ship-over", "export-litert",
)  # fmt: skip
"""Their turns: those that take seconds have more of them."""


def know_tiny() -> None:
    """Add the preset that these commands train, and have all draw fewer faces."""
    from fer_keras.data import synthetic
    from fer_keras.jobs import export_subject

    export_subject.DRAWN_FACES = 70
    register_preset("tiny", "separable", **TINY)
    draw = synthetic.drawn_faces
    faces = draw(420, seed=5)
    synthetic.drawn_faces = lambda *args, **options: draw(*args, **options) if args or options.get("seed") else faces


def files_of(home: Path) -> dict[str, Path]:
    """Relative path -> file, of what a command leaves; unfinished ones too."""
    files = {path.relative_to(home): path for path in home.rglob("*") if path.is_file()}
    return {
        str(short): path
        for short, path in sorted(files.items())
        if not {*short.parts} & {*NOT_COMPARED} and "tfevents" not in short.name
    }


def facts(home: Path) -> dict[str, str]:
    """Relative path -> a digest of what matters in it, equal for equal work."""
    return {
        _VERSION.sub("/VERSION/", name): hashlib.sha256(_what_matters(path, home)).hexdigest()
        for name, path in files_of(home).items()
    }


def _what_matters(path: Path, home: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".json" or path.name == "done":
        text = json.dumps(_lasting(json.loads(content))).replace(str(home), "HOME")
        return re.sub(r'"file": "\d+"', '"file": "VERSION"', text).encode()
    if path.suffix == ".csv":
        table = pd.read_csv(path, dtype=str)
        return table[[name for name in table if name not in VOLATILE]].to_csv().encode()
    if path.suffix == ".md":
        return re.sub(rb"[\d.,]+ (MB|s|min|minutes?|hours?|seconds?|bytes on disk)\b|commit [\w-]+", b"", content)
    if path.suffix in (".keras", ".npz"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        return b"".join(
            name.encode() + (_what_matters_of_json(data) if name.endswith(".json") else data)
            for name, data in members.items()
        )
    if path.suffix == ".onnx":  # its converter orders nodes now in this way and now in that
        return _what_matters_of_onnx(content)
    return content


def _what_matters_of_onnx(data: bytes) -> bytes:
    import onnx

    graph = onnx.load_model_from_string(data).graph
    weights = sorted(hashlib.sha256(onnx.numpy_helper.to_array(part)).hexdigest() for part in graph.initializer)
    return str(sorted(node.op_type for node in graph.node) + weights).encode()


def _what_matters_of_json(data: bytes) -> bytes:
    return json.dumps(_lasting(json.loads(data))).encode()


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(item) for key, item in value.items() if key not in VOLATILE}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


def damage_in(home: Path) -> list[str]:
    """Return what is not whole, at any moment: a file that has its name is whole, whatever was killed."""
    found = []
    for name, path in files_of(home).items():
        if ".partial-" in name:
            continue
        try:
            _read(path)
        except Exception as error:
            found.append(f"{name} is damaged: {error!r}"[:300])
    for version in home.rglob("saved/m/[0-9]*"):
        lacking = [part for part in ("saved_model.pb", "variables/variables.index") if not (version / part).is_file()]
        found += [f"{version.relative_to(home)} lacks {part}" for part in lacking]
    return found


def _read(path: Path) -> None:
    content = path.read_bytes()
    if path.suffix == ".json":
        json.loads(content)
    elif path.suffix in (".keras", ".npz"):
        with zipfile.ZipFile(path) as archive:
            if bad := archive.testzip():
                raise ValueError(bad)
    elif path.suffix == ".csv":
        pd.read_csv(path)
    elif not content:
        raise ValueError("empty")


def contradictions_in(home: Path) -> list[str]:
    """Return what is wrong at the end: files that speak of others than lie beside them, locks that are held."""
    found = []
    for path in home.rglob("saved/m/*.json"):
        told, model = read_json(path), path.with_name("model.keras")
        if told.get("model_sha256") not in (None, file_sha256(model)):
            found.append(f"{path.name} is of another model than lies beside it")
        for export in told.get("formats", {}).values():
            file = path.with_name(export["file"])
            if file.exists() and artifact_facts(file)["sha256"] != export["sha256"]:
                found.append(f"{export['file']} is another than {path.name} says")
    for lock in home.rglob(".lock"):
        try:
            with locked(lock.parent, wait=False):
                pass
        except Exception as error:
            found.append(str(error))
    return found
