"""The range of each activation that 8-bit integers stand for: the one with the smallest rounding error.

The converter takes everything that calibration saw, from the smallest value to the largest. Those two are far out
(in a student's stages twice the 99.99th percentile), and each of the 256 levels is coarser for it. Giving up the
outermost values costs less than it brings.

Reference: Nagel et al., "A white paper on neural network quantization", 2021, arXiv 2106.08295, section 3.1 ("MSE").
"""

import numpy as np

from fer_keras.export.flatbuffer import read, write
from fer_keras.export.inference import litert_runtime

_BINS = 4096
_SHARES = np.geomspace(0.05, 1.0, 40)
"""Of an end of the full range, tried as the end of the clipped one."""
_ROUNDS = 3
"""How often both ends are chosen, each given the other."""
_CHUNK = 16
"""Faces at a time: every activation of theirs is in memory."""


def with_smallest_error(calibrated: bytes, faces: np.ndarray) -> bytes:
    """Return a calibrated LiteRT file with each activation's range clipped to where the rounding error is smallest.

    Args:
        calibrated: a float32 `.tflite` file with the smallest and largest value of each activation written in, as the
            converter makes it before it quantises. Its input keeps its range.
        faces: float32 or uint8 [N, 48, 48, 1], whose activations are to be rounded well.
    """
    model = read(calibrated)
    graph = model.subgraphs[0]
    ranges = {
        number: (float(tensor.quantization.min[0]), float(tensor.quantization.max[0]))
        for number, tensor in enumerate(graph.tensors)
        if number not in graph.inputs and tensor.quantization is not None and tensor.quantization.min is not None
    }
    counts = _histograms(calibrated, faces, ranges)
    for number, (low, high) in ranges.items():
        quantization = graph.tensors[number].quantization
        low, high = smallest_error_range(counts[number], low, high)
        quantization.min, quantization.max = np.array([low], np.float32), np.array([high], np.float32)
    return write(model)


def _histograms(file: bytes, faces: np.ndarray, ranges: dict[int, tuple[float, float]]) -> dict[int, np.ndarray]:
    """Count the values of tensors: number -> int64 [_BINS], bins of equal width over its range."""
    runtime = litert_runtime()
    interpreter = runtime.Interpreter(
        model_content=file,
        # A delegate has no tensors to show between its first and its last.
        experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    (images,) = interpreter.get_input_details()
    counts = {number: np.zeros(_BINS, np.int64) for number in ranges}
    for start in range(0, len(faces), _CHUNK):
        chunk = faces[start : start + _CHUNK].astype(np.float32)
        interpreter.resize_tensor_input(images["index"], chunk.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(images["index"], chunk)
        interpreter.invoke()
        for number, limits in ranges.items():
            counts[number] += np.histogram(interpreter.get_tensor(number), _BINS, limits)[0]
    return counts


def smallest_error_range(counts: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Return the range that 256 levels stand for with the smallest squared error, clipped values included.

    Args:
        counts: int [B], how many values lie in each of B bins of equal width.
        low: where the first bin begins.
        high: where the last bin ends.
    """
    edges = np.linspace(low, high, len(counts) + 1)
    values = (edges[1:] + edges[:-1]) / 2

    def error(bottom: float, top: float) -> float:
        # LiteRT's ranges hold zero, so that padding has a level of its own.
        bottom, top = min(bottom, 0.0), max(top, 0.0)
        step = (top - bottom) / 255
        if step == 0:
            return float("inf")
        rounded = bottom + step * np.clip(np.round((values - bottom) / step), 0, 255)
        return float(counts @ np.square(rounded - values))

    bottom, top = low, high
    for _ in range(_ROUNDS):
        if high > 0:
            top = min(high * _SHARES, key=lambda end: error(bottom, end))
        if low < 0:
            bottom = min(low * _SHARES, key=lambda end: error(end, top))
    return float(bottom), float(top)
