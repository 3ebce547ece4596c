"""An exported file as a function from faces to logits, in this process; neither Keras nor TensorFlow is imported."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import ModuleType

import numpy as np

from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE
from fer_keras.probabilities import as_logits

Forward = Callable[[np.ndarray], np.ndarray]
"""uint8 [N, 48, 48, 1] -> float32 [N, C]."""


def litert_runtime() -> ModuleType:
    """Return the module with `Interpreter` and `OpResolverType`: LiteRT's own where installed, else TensorFlow's.

    TensorFlow's warns that it will be taken away, and takes seconds to import.

    Raises:
        FerKerasError: neither is installed.
    """
    try:
        import ai_edge_litert.interpreter as runtime
    except ImportError:
        try:
            from tensorflow.lite.python import interpreter as runtime
        except ImportError as error:
            raise FerKerasError("LiteRT is not installed, expected it: pip install ai-edge-litert") from error
    return runtime


_TRIAL = """
import signal, sys
if hasattr(signal, "alarm"):
    signal.alarm(90)  # whoever waits for this process may have been killed
import numpy
from pathlib import Path
from fer_keras.export.inference import litert_logits
file = Path(sys.argv[1])
forward, _ = litert_logits(file, file.read_bytes())
for count in (1, 3, 64):
    forward(numpy.zeros((count, 48, 48, 1), numpy.uint8))
"""
_TRIAL_SECONDS = 60


def try_litert(file: Path) -> None:
    """Run a `.tflite` file in another process first: LiteRT checks little, and one that is damaged may end its process.

    Raises:
        FerKerasError: the other process crashed or hung.
    """
    words = [sys.executable, "-P", "-c", _TRIAL, str(file)]
    ours = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(words, env=ours, capture_output=True, check=False, timeout=_TRIAL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise FerKerasError(f"{file}: damaged, LiteRT takes more than {_TRIAL_SECONDS} s for 64 faces") from error
    except OSError:  # a system without other processes
        return
    if done.returncode < 0:  # another status is that of an exception, whose sentence will come
        raise FerKerasError(f"{file}: damaged, LiteRT crashes over it (signal {-done.returncode})")


def litert_logits(file: Path, content: bytes) -> tuple[Forward, None]:
    """Return a `.tflite` file's bytes as a function to logits; `fer_keras.export.classes` reads the classes in it.

    Raises:
        FerKerasError: LiteRT cannot run it, or it takes or gives something else.
    """
    with _sentences(file, "LiteRT"):
        interpreter = litert_runtime().Interpreter(model_content=content)
        interpreter.allocate_tensors()
        (inputs,), (outputs,) = interpreter.get_input_details(), interpreter.get_output_details()
    shape, gives = inputs["shape_signature"], outputs["shape"]
    fits = inputs["dtype"] == np.uint8 and outputs["dtype"] == np.float32 and len(gives) == 2
    _check(file, fits and tuple(shape[1:]) == IMAGE_SHAPE and gives[1] >= 2)
    one_at_a_time = Lock()  # an interpreter holds one question and its answer

    def answer(images: np.ndarray) -> np.ndarray:
        if tuple(interpreter.get_input_details()[0]["shape"]) != images.shape:
            interpreter.resize_tensor_input(inputs["index"], images.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(inputs["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(outputs["index"])

    def forward(images: np.ndarray) -> np.ndarray:
        with one_at_a_time, _sentences(file, "LiteRT"):
            if shape[0] == 1:  # a file for browsers and microcontrollers, which takes no more at once
                return np.concatenate([answer(images[[number]]) for number in range(len(images))])
            return answer(images)

    return as_logits(forward), None


def onnx_logits(file: Path, content: bytes) -> tuple[Forward, Sequence[str] | None]:
    """Return an `.onnx` file's bytes as a function to logits, and the classes that it names; None for none.

    Raises:
        FerKerasError: ONNX Runtime cannot run it, or it takes or gives something else.
    """
    import onnxruntime

    with _sentences(file, "ONNX Runtime"):
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        (inputs,), (outputs,) = session.get_inputs(), session.get_outputs()
        classes = json.loads(session.get_modelmeta().custom_metadata_map.get("classes", "null"))
    fits = inputs.type == "tensor(uint8)" and outputs.type == "tensor(float)" and len(outputs.shape) == 2
    _check(file, fits and tuple(inputs.shape[1:]) == IMAGE_SHAPE)
    if not isinstance(classes, list | None) or not all(isinstance(name, str) for name in classes or ()):
        raise FerKerasError(f"{file}: expected the names of classes under 'classes'")

    def forward(images: np.ndarray) -> np.ndarray:
        with _sentences(file, "ONNX Runtime"):
            return session.run([outputs.name], {inputs.name: images})[0]

    return as_logits(forward), classes


@contextmanager
def _sentences(file: Path, runtime: str) -> Iterator[None]:
    """Make one sentence of what a runtime says of a file that it can read and not run."""
    try:
        yield
    except (FerKerasError, ImportError, MemoryError):
        raise
    except Exception as error:  # of kinds that ONNX Runtime does not publish, all derived from Exception alone
        reason = " ".join(str(error).split())
        raise FerKerasError(f"{file}: {runtime} cannot run a model from this file ({reason})") from error


def _check(file: Path, fits: bool) -> None:
    if not fits:
        raise FerKerasError(
            f"{file}: expected a model from uint8 images [N, 48, 48, 1] to float32 [N, C],"
            " as scripts/export.py writes it"
        )
