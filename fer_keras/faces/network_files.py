"""The detector's networks as the package has them: weights of fewer digits, packed.

    python -m fer_keras.faces.network_files FOLDER/face_detection_*.tflite

makes them of MediaPipe's own files. Their weights have 16 bits, of which the last ones are as good as random: nothing
makes them smaller, and they tell the detector nothing (fer_keras/faces/models/README.md says what was measured).
"""

import lzma
import sys
from pathlib import Path

import numpy as np

MODELS = Path(__file__).with_name("models")

DIGITS = 6
"""Of each weight's binary digits, the first one included: it is right to 1 part in 128."""

_FLOAT16_DIGITS = 11

_XZ = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 1, "pb": 1}]
"""For numbers of two bytes: their first bytes are unlike their last ones."""


def read_network(name: str) -> bytes:
    """Return the `.tflite` file of a network in models/."""
    return lzma.decompress((MODELS / f"{name}.xz").read_bytes())


def rounded(values: np.ndarray) -> np.ndarray:
    """Return float16 values of any shape with `DIGITS` digits, the nearest ones, halves to even."""
    drop = _FLOAT16_DIGITS - DIGITS
    bits = values.view(np.uint16).astype(np.uint32)
    bits += (1 << drop - 1) - 1 + (bits >> drop & 1)  # a carry goes on into the exponent, where it belongs
    return (bits >> drop << drop).astype(np.uint16).view(np.float16)


def with_rounded_weights(file: bytes) -> bytes:
    """Return a LiteRT file whose float16 weights are rounded; all else stays, but for the names of inner tensors."""
    from fer_keras.export import flatbuffer

    model = flatbuffer.read(file)
    float16 = flatbuffer.schema.TensorType.FLOAT16
    for graph in model.subgraphs:
        for place in {tensor.buffer for tensor in graph.tensors if tensor.type == float16}:
            data = model.buffers[place].data
            if data is not None and len(data):  # what is computed has none
                weights = np.array(data, np.uint8).view(np.float16)
                model.buffers[place].data = rounded(weights).view(np.uint8)
    return flatbuffer.smaller(flatbuffer.write(model))


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        packed = lzma.compress(with_rounded_weights(path.read_bytes()), filters=_XZ)
        (MODELS / f"{path.name}.xz").write_bytes(packed)
