"""Answer faces by a model file's own runtime, as a program of its own.

    python -P runtimes.py FORMAT FILE FACES.npy ANSWERS.npy    answers them and prints as JSON what answered; of a
                                                               SavedModel also all that a server can be asked
    python -P runtimes.py FORMAT FILE                          answers and times what standard input asks for

So that nothing of ours or of the exporting process can help, and so that each has a memory of its own: this file
imports NumPy and the one runtime.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 64

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
"""Where TF Serving looks for a SavedModel's warm-up requests."""

Answer = Callable[[np.ndarray], np.ndarray]


def saved_model(path: str) -> tuple[Answer, dict[str, str]]:
    """Return the `serving_default` signature of a SavedModel, from uint8 images to probabilities."""
    tf, loaded = _loaded(path)
    call = loaded.signatures["serving_default"]

    def answer(images: np.ndarray) -> np.ndarray:
        # `loaded` must live as long as its signature.
        return call(images=tf.constant(images))["probabilities"].numpy() if loaded else images

    return answer, {"tensorflow": tf.__version__}


def served(path: str, faces: np.ndarray) -> list[dict[str, Any]]:
    """Ask a SavedModel all that a server can be asked: faces by either signature, then its warm-up requests.

    Args:
        path: the version folder.
        faces: uint8 [N, 48, 48, 1]; the signature `bytes` gets each as a PNG.

    Returns:
        For each request its `signature`, whether it is a `warmup` one, how many `images` it holds, and the `outputs`,
        name -> nested lists.

    Raises:
        RuntimeError: a signature is missing or fails.
    """
    tf, loaded = _loaded(path)
    pngs = tf.stack([tf.io.encode_png(face) for face in faces])
    requests = [("serving_default", False, {"images": tf.constant(faces)}), ("bytes", False, {"image_bytes": pngs})]
    requests += [(signature, True, inputs) for signature, inputs in _warmup_requests(tf, path)]
    answers = []
    for signature, warmup, inputs in requests:
        try:
            outputs = loaded.signatures[signature](**inputs)
        except Exception as error:  # of TensorFlow's many; their last lines name neither the signature nor the cause
            raise RuntimeError(f"signature {signature!r} fails: {' '.join(str(error).split())}") from error
        lists = {name: _plain(output.numpy()) for name, output in outputs.items()}
        images = len(next(iter(inputs.values())))
        answers.append({"signature": signature, "warmup": warmup, "images": images, "outputs": lists})
    return answers


@cache
def _loaded(path: str) -> tuple[Any, Any]:
    """TensorFlow, and what it makes of a SavedModel; once, though faces and then a server's requests are answered."""
    sys.modules["keras"] = None  # TensorFlow imports it by itself where it finds it; a server has none
    import tensorflow as tf

    return tf, tf.saved_model.load(path)


def _warmup_requests(tf: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    """The signature and inputs of each."""
    from tensorflow_serving.apis import prediction_log_pb2

    records = tf.data.TFRecordDataset(str(Path(path, WARMUP_FILE)))
    logs = [prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request for record in records]
    return [
        (log.model_spec.signature_name, {k: tf.constant(tf.make_ndarray(value)) for k, value in log.inputs.items()})
        for log in logs
    ]


def _plain(array: np.ndarray) -> list:
    return (np.char.decode(array.astype(np.bytes_)) if array.dtype == object else array).tolist()


def litert(path: str) -> tuple[Answer, dict[str, str]]:
    """Return a LiteRT file, from uint8 images to probabilities; one of a fixed batch gets as many as it takes."""
    from importlib.metadata import version

    try:
        from ai_edge_litert.interpreter import Interpreter

        versions = {"ai-edge-litert": version("ai-edge-litert")}
    except ImportError:
        import tensorflow as tf

        Interpreter, versions = tf.lite.Interpreter, {"tensorflow": tf.__version__}
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    (inputs,), (outputs,) = interpreter.get_input_details(), interpreter.get_output_details()
    shape, fixed = tuple(inputs["shape"]), inputs["shape_signature"][0] > 0

    def answer(images: np.ndarray) -> np.ndarray:
        nonlocal shape
        if fixed and images.shape != shape:
            return np.concatenate([answer(images[at : at + shape[0]]) for at in range(0, len(images), shape[0])])
        if images.shape != shape:
            interpreter.resize_tensor_input(inputs["index"], images.shape)
            interpreter.allocate_tensors()
            shape = images.shape
        interpreter.set_tensor(inputs["index"], images)
        interpreter.invoke()
        return probabilities(interpreter.get_tensor(outputs["index"]))

    return answer, versions


def onnx(path: str) -> tuple[Answer, dict[str, str]]:
    """Return an ONNX file, from uint8 images to probabilities."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    versions = {"onnxruntime": onnxruntime.__version__}
    return lambda images: probabilities(session.run(["logits"], {"images": images})[0]), versions


def keras(path: str) -> tuple[Answer, dict[str, str]]:
    """Return a Keras file, of stock layers, from images to probabilities."""
    import keras

    model = keras.models.load_model(path, compile=False)
    return lambda images: probabilities(model.predict_on_batch(images)), {"keras": keras.__version__}


def probabilities(outputs: np.ndarray) -> np.ndarray:
    """Return the probabilities of logits [N, C]; outputs that are probabilities are returned as they are."""
    if outputs.min() >= 0.0 and np.allclose(outputs.sum(axis=1), 1.0, atol=0.02):
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


RUNTIMES = {"keras": keras, "saved_model": saved_model, "litert": litert, "onnx": onnx}


def main() -> None:
    """Answer the faces of one file and print what answered, or serve requests."""
    runtime, path, *files = sys.argv[1:]
    answer, versions = RUNTIMES[runtime](path)
    if not files:
        serve(answer, versions)
        return
    answer_file(answer, *files)
    facts: dict[str, Any] = {"versions": versions}
    if runtime == "saved_model":
        facts["served"] = served(path, np.load(files[0], mmap_mode="r")[:BATCH])
    imported = {name.partition(".")[0] for name, module in sys.modules.items() if module}
    print(json.dumps({**facts, "helpers": sorted({"fer_keras", "keras", "tensorflow"} & imported)}))


def serve(answer: Answer, versions: dict[str, str]) -> None:
    """Print the versions, then a line of JSON for each line of it on standard input.

    A request has `images`, a file [N, H, W, 1]; and `answers`, where to write their probabilities, or `batch` and
    `seconds`, to answer the first `batch` of them again and again for about that long.
    """
    print(json.dumps({"versions": versions}), flush=True)
    for line in sys.stdin:
        request, facts = json.loads(line), {}
        if "answers" in request:
            answer_file(answer, request["images"], request["answers"])
        else:
            images = np.ascontiguousarray(np.load(request["images"], mmap_mode="r")[: request["batch"]])
            facts = timed(answer, images, request["seconds"])
        print(json.dumps({**facts, "peak_memory": peak_memory()}), flush=True)


def answer_file(answer: Answer, faces: str, answers: str) -> None:
    """Write the probabilities of a file's faces to another."""
    images = np.load(faces, mmap_mode="r")
    batches = [answer(np.ascontiguousarray(images[at : at + BATCH])) for at in range(0, len(images), BATCH)]
    np.save(answers, np.concatenate(batches))


def timed(answer: Answer, images: np.ndarray, seconds: float) -> dict[str, float]:
    """Answer `images` once unmeasured, then again and again for about `seconds`.

    Returns:
        `calls`, and what they took together: `seconds` on the clock and `cpu_seconds` of all threads.
    """
    answer(images)
    calls, start, cpu_start = 0, time.perf_counter(), time.process_time()
    while (elapsed := time.perf_counter() - start) < seconds:
        answer(images)
        calls += 1
    return {"calls": calls, "seconds": elapsed, "cpu_seconds": time.process_time() - cpu_start}


def peak_memory() -> int:
    """Return the most bytes that this process has had in memory."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's getrusage would also count what the parent had at the fork
        return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
