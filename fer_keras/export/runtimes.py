"""Answer faces by an exported file's own runtime: `python -P runtimes.py FORMAT FILE FACES.npy ANSWERS.npy`.

Run as a program of its own, so that nothing of ours, of Keras or of the exporting process can help: this file imports
NumPy and the one runtime, and prints as JSON which versions it used and what else was in memory.
"""

import json
import sys
from collections.abc import Callable

import numpy as np

BATCH = 64

Answer = Callable[[np.ndarray], np.ndarray]


def saved_model(path: str) -> tuple[Answer, dict[str, str]]:
    """Return the `serving_default` signature of a SavedModel, from uint8 images to probabilities."""
    sys.modules["keras"] = None  # TensorFlow imports it by itself where it finds it; a server has none
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    call = loaded.signatures["serving_default"]

    def answer(images: np.ndarray) -> np.ndarray:
        # `loaded` must live as long as its signature.
        return call(images=tf.constant(images))["probabilities"].numpy() if loaded else images

    return answer, {"tensorflow": tf.__version__}


def litert(path: str) -> tuple[Answer, dict[str, str]]:
    """Return a LiteRT file, from uint8 images to probabilities."""
    from importlib.metadata import version

    try:
        from ai_edge_litert.interpreter import Interpreter

        versions = {"ai-edge-litert": version("ai-edge-litert")}
    except ImportError:
        import tensorflow as tf

        Interpreter, versions = tf.lite.Interpreter, {"tensorflow": tf.__version__}
    interpreter = Interpreter(model_path=path, num_threads=1)
    (inputs,), (outputs,) = interpreter.get_input_details(), interpreter.get_output_details()

    def answer(images: np.ndarray) -> np.ndarray:
        interpreter.resize_tensor_input(inputs["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(inputs["index"], images)
        interpreter.invoke()
        return softmax(interpreter.get_tensor(outputs["index"]))

    return answer, versions


def onnx(path: str) -> tuple[Answer, dict[str, str]]:
    """Return an ONNX file, from uint8 images to probabilities."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    versions = {"onnxruntime": onnxruntime.__version__}
    return lambda images: softmax(session.run(["logits"], {"images": images})[0]), versions


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities of logits [N, 7]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


RUNTIMES = {"saved_model": saved_model, "litert_float32": litert, "litert_int8": litert, "onnx": onnx}


def main() -> None:
    """Answer the faces of one file, write the probabilities, print the versions."""
    runtime, path, faces, answers = sys.argv[1:]
    answer, versions = RUNTIMES[runtime](path)
    images = np.load(faces)
    batches = [answer(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    np.save(answers, np.concatenate(batches))
    helpers = sorted(
        {"fer_keras", "keras", "tensorflow"}
        & {name.partition(".")[0] for name, module in sys.modules.items() if module}
    )
    print(json.dumps({"versions": versions, "helpers": helpers}))


if __name__ == "__main__":
    main()
