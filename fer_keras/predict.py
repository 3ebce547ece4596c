"""Faces in, expressions out: from arrays, files or bytes, without TensorFlow where an exported file is at hand."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict, get_args

import numpy as np

from fer_keras import DEFAULT_MODEL
from fer_keras.config import checked, require
from fer_keras.data.face_input import Face, as_faces
from fer_keras.data.model_classes import read_label_set
from fer_keras.errors import FerKerasError, not_installed
from fer_keras.export.archive import read_archive
from fer_keras.export.classes import label_set_of_model
from fer_keras.export.formats import LITERT_FLOAT32, LITERT_INT8, ONNX
from fer_keras.export.inference import Forward, litert_logits, onnx_logits, try_litert
from fer_keras.export.record import TEMPERATURES, read_exports
from fer_keras.files import CALIBRATION_FILE, EXPORTS_FILE, MODEL_FILE, read_json
from fer_keras.labels import IMAGE_SHAPE, LabelSet
from fer_keras.probabilities import Prediction, Predictions, softmax

Runtime = Literal["auto", "litert", "onnx", "keras"]

_BATCH = 64
_PREFERRED = (LITERT_FLOAT32, LITERT_INT8, ONNX)
_SIGNS = (MODEL_FILE, EXPORTS_FILE)
"""A folder with one of them holds a model."""


class _Temperature(TypedDict):
    """What is read of calibration.json; older and newer ones hold more or less beside it."""

    model_sha256: str
    temperature: float


@dataclass(frozen=True, eq=False)
class Classifier:
    """A model that answers faces.

    Attributes:
        file: what it was loaded from.
        runtime: `litert`, `onnx` or `keras`.
        forward: uint8 [N, 48, 48, 1] -> float32 logits [N, C].
        temperature: what logits are divided by for the confidence; None where it is not known, and 1 is taken.
        label_set: the classes, in the order of the logits.
        classes_note: what is to be said where the file does not name them; "" where it does.
    """

    file: Path
    runtime: str
    forward: Forward = field(repr=False)
    temperature: float | None
    label_set: LabelSet
    classes_note: str = ""

    @property
    def calibrated(self) -> bool:
        """Whether a temperature makes the confidence an estimate of how often the answer is right."""
        return self.temperature is not None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits."""
        return self.label_set.classes

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Return float32 logits [N, C] of uint8 images [N, 48, 48, 1].

        Raises:
            FerKerasError: the images are others, or a logit is not a finite number.
        """
        if getattr(images, "dtype", None) != np.uint8 or images.shape[1:][-3:] != IMAGE_SHAPE:
            raise FerKerasError("logits: expected images uint8 [N, 48, 48, 1]; `predict` takes faces of any form")
        batches = [self.forward(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH)]
        logits = np.concatenate(batches) if batches else np.empty((0, len(self.label_set)), np.float32)
        if not np.isfinite(logits).all():
            raise FerKerasError(f"{self.file}: gives logits that are no numbers, expected a model that is not damaged")
        return logits

    def predict(self, faces: Face | Iterable[Face]) -> Predictions:
        """Classify one face or many, whatever their size: each is made upright and grey and scaled to 48x48.

        Args:
            faces: an array or nested lists of one face (grey [H, W] or [H, W, 1], grey and alpha [H, W, 2], RGB
                [H, W, 3] or RGBA [H, W, 4]) or of many (the same after N), uint8 or float, 0..255; an image of Pillow;
                a file's name; a PNG's or JPEG's bytes; or several of these, one face each.

        Returns:
            One answer a face, in order.

        Raises:
            FerKerasError: an array of another shape or range, an item that is not just one face, or an image that
                cannot be read.
        """
        if isinstance(faces, Iterator) and not hasattr(faces, "read"):  # an open file is one face
            faces = [*faces]
        return self.answers(as_faces(faces), _names(faces))

    def answers(self, images: np.ndarray, names: Sequence[str] = ()) -> Predictions:
        """Classify uint8 images [N, 48, 48, 1], called `names` or else by their numbers."""
        logits = self.logits(images)
        confidences = softmax(logits / (self.temperature or 1.0)).max(axis=1, initial=0.0)
        names = names if len(names) == len(images) else [str(number) for number in range(len(images))]
        rows = zip(names, logits.argmax(axis=1), confidences, softmax(logits), strict=True)
        answers = (
            Prediction(self.classes[n], int(n), float(confidence), self.calibrated, row, self.classes, name)
            for name, n, confidence, row in rows
        )
        return Predictions(answers, self.classes)


def _names(faces: Any) -> list[str]:
    """What tables call the faces of a list of files."""
    items = [faces] if isinstance(faces, str | os.PathLike) else faces if isinstance(faces, list | tuple) else []
    return [
        os.fsdecode(item) if isinstance(item, str | os.PathLike) else str(number) for number, item in enumerate(items)
    ]


def load(
    path_or_name: str | os.PathLike[str] = DEFAULT_MODEL,
    runtime: Runtime = "auto",
    classes: Sequence[str] | None = None,
) -> Classifier:
    """Load a classifier.

    Args:
        path_or_name: one of `list_models`, the folder of a run or a saved model, or a `.keras`, `.tflite` or `.onnx`
            file; default: the student of most use.
        runtime: `litert` or `onnx`, which start in a fraction of a second; `keras`; or `auto` for the first of them
            that is installed and has a file of the model (of LiteRT's, the float32 one before the int8 one).
        classes: the names of its classes, in the order of its logits; default: those that its file or the
            configuration beside it names, else FER2013's.

    Raises:
        FerKerasError: there is no such model, it cannot be run by `runtime`, it is damaged, or its classes are not
            known.
    """
    if runtime not in (names := get_args(Runtime)):
        raise FerKerasError(f"runtime {runtime!r}: expected {', '.join(names)}")
    path = find_model(path_or_name)
    folder = path if path.is_dir() else path.parent
    keras_file = path if path.suffix == ".keras" else folder / MODEL_FILE
    exports, packed = read_exports(folder, keras_file), read_archive(folder)
    files = [path]
    if path.suffix not in (".tflite", ".onnx"):
        kept = [entry.file for entry in _PREFERRED if exports["formats"].get(entry.key, {}).get("kept")]
        candidates = [*(folder / name for name in kept), keras_file]
        files = [file for file in candidates if file.name in packed or file.is_file()]
    file = _first_that_runs(path, files, runtime)
    content = packed[file.name] if file.name in packed else file.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    digests = {facts.get("file"): facts.get("sha256") for facts in exports["formats"].values()}
    if digests.get(file.name) not in (None, sha256):
        raise FerKerasError(f"{file}: damaged or another model's, expected the file that {EXPORTS_FILE} names")
    if file.suffix == ".tflite" and sha256 not in digests.values():
        try_litert(file)
    try:
        forward, own_classes = _RUNNERS[file.suffix].read(file, content)
        outputs = forward(np.zeros((1, *IMAGE_SHAPE), np.uint8)).shape[1]
    except ImportError as error:
        raise not_installed(error) from error
    label_set, note = label_set_of_model(file, outputs, classes or own_classes)
    own = sha256 in (exports["model_sha256"], *digests.values())
    temperature = _temperature(folder, exports["model_sha256"]) if own else None
    return Classifier(file, _RUNNERS[file.suffix].name, forward, temperature, label_set, note)


def list_models() -> list[str]:
    """Return the names that `load` knows: of the models in saved_models/ here, in the checkout and in the package."""
    folders = {file.parent for root in _roots() for name in _SIGNS for file in root.glob(f"*/{name}")}
    return sorted({folder.name for folder in folders if not _has_several_heads(folder)})


def _has_several_heads(folder: Path) -> bool:
    """Whether a model is there to teach, not to be asked."""
    try:
        label_set = read_label_set(folder) if (folder / MODEL_FILE).is_file() else None
    except FerKerasError:  # `load` will say so
        return False
    return label_set is not None and len(label_set.heads) > 1


def _roots() -> list[Path]:
    package = Path(__file__).parent
    return [folder / "saved_models" for folder in (Path(), package.parent, package)]


def find_model(path_or_name: str | os.PathLike[str]) -> Path:
    """Return the file or the folder that `load` takes by this path or name.

    Raises:
        FerKerasError: there is none.
    """
    try:
        name = os.fspath(path_or_name)
        inside = _roots() if len(Path(name).parts) == 1 else []
        for candidate in (Path(name), *(root / name for root in inside)) if name else ():  # "" is no folder
            if candidate.suffix in _RUNNERS and candidate.is_file():
                return candidate
            if any((candidate / sign).is_file() for sign in _SIGNS):
                return candidate
    except (TypeError, OSError) as error:
        raise FerKerasError(f"{path_or_name!r:.300}: expected the name or the path of a model ({error})") from error
    raise FerKerasError(
        f"{name or repr(name)}: there is no such model, expected a {', '.join(_RUNNERS)} file, a folder that holds"
        f" {MODEL_FILE}, or one of {', '.join(list_models())}"
    )


def _first_that_runs(path: Path, files: Sequence[Path], runtime: str) -> Path:
    runners = {suffix: runner for suffix, runner in _RUNNERS.items() if runtime in ("auto", runner.name)}
    for file in files:
        if file.suffix in runners and find_spec(runners[file.suffix].module):
            return file
    fitting = {file.suffix: runners[file.suffix].package for file in files if file.suffix in runners}
    if fitting:
        packages = " or ".join(fitting.values())
        raise FerKerasError(f"{path}: nothing that is installed runs this model: pip install {packages}")
    raise FerKerasError(
        f"{path}: no file of this model can be run here, expected one of {', '.join(runners)} as scripts/export.py"
        f" writes it, and what runs it: pip install {' or '.join(runner.package for runner in runners.values())}"
    )


def _temperature(folder: Path, model_sha256: str | None) -> float | None:
    """The temperature of just this model."""
    path = folder / CALIBRATION_FILE
    if not path.is_file():
        return None
    facts = checked(_Temperature, read_json(path), f"{path}: expected the temperature of a model")
    require(f"{path}: temperature", facts["temperature"], *TEMPERATURES)
    return float(facts["temperature"]) if facts["model_sha256"] == model_sha256 else None


def _keras(file: Path, content: bytes) -> tuple[Forward, None]:
    from fer_keras.models.forward import logits_function
    from fer_keras.models.load import load_model

    return logits_function(load_model(file)), None


class _Runner(NamedTuple):
    """What runs files of one ending: the module that must be there, the package that brings it, how a file is read.

    It is read out of its bytes; its path is what sentences call it.
    """

    name: str
    module: str
    package: str
    read: Callable[[Path, bytes], tuple[Forward, Sequence[str] | None]]


_RUNNERS = {
    ".tflite": _Runner("litert", "ai_edge_litert", "ai-edge-litert", litert_logits),
    ".onnx": _Runner("onnx", "onnxruntime", "onnxruntime", onnx_logits),
    ".keras": _Runner("keras", "keras", "'fer_keras[train]'", _keras),
}
