"""Faces in, expressions out: from arrays, files or bytes, without TensorFlow where a LiteRT file is at hand."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np

from fer_keras.data.face_input import Face, as_faces
from fer_keras.errors import FerKerasError
from fer_keras.export.classes import label_set_of_model
from fer_keras.export.formats import LITERT_FLOAT32, LITERT_INT8
from fer_keras.export.litert_runtime import litert_runtime
from fer_keras.export.record import read_exports
from fer_keras.files import CALIBRATION_FILE, EXPORTS_FILE, MODEL_FILE, file_sha256, read_json
from fer_keras.labels import IMAGE_SHAPE, LabelSet
from fer_keras.probabilities import as_logits, softmax

Runtime = Literal["auto", "litert", "keras"]

_SAVED_MODELS = "saved_models"
_BATCH = 64
_HOW_TO_EXPORT = "scripts/export.py, and the package ai-edge-litert (pip install '.[litert]')"


@dataclass(frozen=True, eq=False)
class Prediction:
    """The answer for one face.

    Attributes:
        label: the likeliest expression, one of the model's `classes`.
        class_id: its number, 0..C-1.
        confidence: an estimate of how often such an answer is right, 0 to 1: the largest probability after temperature
            scaling; not scaled where the model has no temperature.
        calibrated: whether it has one.
        probabilities: float32 [C], the model's own, as every exported format gives them: not scaled.
        classes: the names of the C classes, in the model's order.
    """

    label: str
    class_id: int
    confidence: float
    calibrated: bool
    probabilities: np.ndarray
    classes: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the answer as JSON values."""
        named = {name: round(float(value), 6) for name, value in zip(self.classes, self.probabilities, strict=True)}
        answer = {"label": self.label, "confidence": round(self.confidence, 6), "calibrated": self.calibrated}
        return {**answer, "probabilities": named}


class Classifier:
    """A model that answers faces.

    Attributes:
        file: what it was loaded from.
        runtime: `litert` or `keras`.
        temperature: what logits are divided by for the confidence; 1 where none is known.
        calibrated: whether it is known.
        label_set: the classes, in the order of the logits.
        classes_note: what is to be said where the file does not name them; "" where it does.
    """

    def __init__(
        self,
        file: Path,
        runtime: str,
        forward: Callable[[np.ndarray], np.ndarray],
        temperature: float | None,
        label_set: LabelSet,
        classes_note: str = "",
    ) -> None:
        self.label_set = label_set
        self.classes_note = classes_note
        self.file = file
        self.runtime = runtime
        self.calibrated = temperature is not None
        self.temperature = 1.0 if temperature is None else temperature
        self._forward = forward

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits."""
        return self.label_set.classes

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Return float32 logits [N, C] of uint8 images [N, 48, 48, 1]."""
        batches = [self._forward(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH)]
        return np.concatenate(batches) if batches else np.empty((0, len(self.label_set)), np.float32)

    def predict(self, faces: Face | Iterable[Face]) -> list[Prediction]:
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
        return self.answers(as_faces(faces))

    def answers(self, images: np.ndarray) -> list[Prediction]:
        """Classify uint8 images [N, 48, 48, 1]."""
        logits = self.logits(images)
        probabilities, confidences = softmax(logits), softmax(logits / self.temperature).max(axis=1, initial=0.0)
        return [
            Prediction(self.classes[number], int(number), float(confidence), self.calibrated, row, self.classes)
            for number, confidence, row in zip(logits.argmax(axis=1), confidences, probabilities, strict=True)
        ]


def load(
    path_or_name: str | os.PathLike[str], runtime: Runtime = "auto", classes: Sequence[str] | None = None
) -> Classifier:
    """Load a classifier.

    Args:
        path_or_name: the folder of a run or a saved model, a `.keras` or `.tflite` file, or the name of a saved model,
            which is looked for in saved_models/ here and in the checkout that fer_keras is installed from.
        runtime: `litert`, which starts in a fraction of a second; `keras`; or `auto` for LiteRT where the package
            ai-edge-litert is installed and the model has been exported (the float32 file before the int8 one).
        classes: the names of its classes, in the order of its logits; default: those that its file or the
            configuration beside it names, else FER2013's.

    Raises:
        FerKerasError: there is no such model, it cannot be run by `runtime`, or its classes are not known.
    """
    if runtime not in ("auto", "litert", "keras"):
        raise FerKerasError(f"runtime {runtime!r}: expected auto, litert or keras")
    path = find_model(path_or_name)
    keras_file = path if path.is_file() else path / MODEL_FILE
    lite_file = path if path.suffix == ".tflite" else _exported(keras_file)
    temperature = _temperature(path)
    if path.suffix == ".tflite" and runtime == "keras":
        raise FerKerasError(f"{path}: Keras cannot run a LiteRT file, expected a .keras file or a folder")
    if runtime != "keras" and lite_file and (find_spec("ai_edge_litert") or path.suffix == ".tflite"):
        return _classifier(lite_file, "litert", _litert(lite_file), temperature, classes)
    if runtime == "litert":
        raise FerKerasError(f"{path}: no LiteRT file of this model that can be run, expected one from {_HOW_TO_EXPORT}")
    return _classifier(keras_file, "keras", _keras(keras_file), temperature, classes)


def _classifier(
    file: Path,
    runtime: str,
    forward: Callable[[np.ndarray], np.ndarray],
    temperature: float | None,
    classes: Sequence[str] | None,
) -> Classifier:
    outputs = forward(np.zeros((1, *IMAGE_SHAPE), np.uint8)).shape[1]
    return Classifier(file, runtime, forward, temperature, *label_set_of_model(file, outputs, classes))


def find_model(path_or_name: str | os.PathLike[str]) -> Path:
    """Return the file or folder of a model, as `load` finds it.

    Raises:
        FerKerasError: there is no such model.
    """
    path = Path(path_or_name)
    roots = (Path(_SAVED_MODELS), Path(__file__).parents[1] / _SAVED_MODELS)
    for candidate in (path, *(root / path for root in roots if len(path.parts) == 1)):
        if candidate.is_file() or (candidate / MODEL_FILE).is_file():
            return candidate
    names = sorted({file.parent.name for root in roots for file in root.glob(f"*/{MODEL_FILE}")})
    known = f" or one of {', '.join(names)}" if names else ""
    raise FerKerasError(
        f"{path}: there is no such model, expected a .keras or .tflite file, a folder that holds {MODEL_FILE}{known}"
    )


def _exported(keras_file: Path) -> Path | None:
    """The LiteRT file of just this model, float32 before int8, if it is there."""
    if not (keras_file.parent / EXPORTS_FILE).exists():
        return None
    exported = read_exports(keras_file.parent, keras_file)["formats"]
    preferred = (LITERT_FLOAT32, LITERT_INT8)
    files = (keras_file.parent / export.file for export in preferred if exported.get(export.key, {}).get("kept"))
    return next((file for file in files if file.exists()), None)


def _temperature(path: Path) -> float | None:
    """The temperature of just this model: of a folder, a `.keras` file or what a `.tflite` was exported from."""
    keras_file = path if path.suffix == ".keras" else (path if path.is_dir() else path.parent) / MODEL_FILE
    calibration = keras_file.parent / CALIBRATION_FILE
    if not calibration.exists() or not keras_file.exists():
        return None
    if path.is_file() and path != keras_file:
        exported = read_exports(keras_file.parent, keras_file)["formats"].values()
        if file_sha256(path) not in [facts.get("sha256") for facts in exported]:
            return None
    facts = read_json(calibration)
    try:
        return float(facts["temperature"]) if facts["model_sha256"] == file_sha256(keras_file) else None
    except (KeyError, TypeError, ValueError) as error:
        raise FerKerasError(f"{calibration}: expected the temperature of a model") from error


def _litert(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    try:
        interpreter = litert_runtime().Interpreter(model_path=str(file))
        interpreter.allocate_tensors()
        (inputs,), (outputs,) = interpreter.get_input_details(), interpreter.get_output_details()
    except (ValueError, RuntimeError) as error:  # the latter of operations that this runtime lacks
        raise FerKerasError(f"{file}: LiteRT cannot run a model from this file ({error})") from error
    takes = tuple(inputs["shape"][1:]) == IMAGE_SHAPE and inputs["dtype"] == np.uint8
    gives = len(outputs["shape"]) == 2 and outputs["shape"][1] >= 2 and outputs["dtype"] == np.float32
    if not (takes and gives):
        raise FerKerasError(
            f"{file}: expected a model from uint8 images [N, 48, 48, 1] to float32 [N, C], as"
            " scripts/export.py writes it"
        )

    one_at_a_time = Lock()  # an interpreter holds one question and its answer

    def forward(images: np.ndarray) -> np.ndarray:
        with one_at_a_time:
            interpreter.resize_tensor_input(inputs["index"], images.shape)
            interpreter.allocate_tensors()
            interpreter.set_tensor(inputs["index"], images)
            interpreter.invoke()
            return interpreter.get_tensor(outputs["index"])

    return as_logits(forward)


def _keras(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    from fer_keras.models.forward import logits_function
    from fer_keras.models.load import load_model

    return logits_function(load_model(file))
