"""Finding faces with BlazeFace, through LiteRT: boxes, key points and scores.

The two networks in models/ are MediaPipe's, under Apache-2.0; models/README.md says where they come from.

Reference: Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019, arXiv 1907.05047.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from fer_keras.errors import FerKerasError
from fer_keras.export.inference import litert_runtime
from fer_keras.faces.boxes import merged
from fer_keras.faces.network_files import read_network

KEY_POINTS = ("right_eye", "left_eye", "nose", "mouth", "right_ear", "left_ear")
"""The person's own right and left."""

MIN_SCORE = 0.5
"""What the detector is less sure of is no face, unless one asks for it."""

REDUCING_GAP = 2.0
"""A picture is made small by whole numbers first, to this many times the size that the network takes."""


class Network(NamedTuple):
    """One of the detector's networks.

    Attributes:
        file: its name in models/, without the ending .xz.
        side: of the square picture that it takes, in pixels.
        grid: stride in pixels -> the number of anchors at each of its places.
    """

    file: str
    side: int
    grid: dict[int, int]


NETWORKS = {
    "full": Network("face_detection_full_range_sparse.tflite", 192, {4: 1}),
    "short": Network("face_detection_short_range.tflite", 128, {8: 2, 16: 6}),
}
"""`full` for photos; `short`, three times as fast, for faces within two metres of a camera."""


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face in a picture.

    Attributes:
        box: float64 [4], x, y, width and height in pixels; it may reach beyond the picture.
        points: float64 [6, 2], x and y of `KEY_POINTS` in pixels.
        score: how sure the detector is, 0 to 1.
    """

    box: np.ndarray
    points: np.ndarray
    score: float


class FaceDetector:
    """BlazeFace on one thread; it holds one question and its answer, so each thread needs a detector of its own.

    Args:
        network: of `NETWORKS`.
        min_score: what is less sure is no face, 0 to 1.

    Raises:
        FerKerasError: there is no such network, or no package that runs LiteRT files.
    """

    def __init__(self, network: str = "full", min_score: float = MIN_SCORE) -> None:
        if network not in NETWORKS:
            raise FerKerasError(f"face detector {network!r}: expected one of {', '.join(NETWORKS)}")
        self._network = NETWORKS[network]
        self._min_logit = _logit(min_score)
        self._anchors = _anchors(self._network)
        self._interpreter = litert_runtime().Interpreter(model_content=read_network(self._network.file), num_threads=1)
        self._interpreter.allocate_tensors()
        (self._input,) = (details["index"] for details in self._interpreter.get_input_details())
        self._outputs = [details["index"] for details in self._interpreter.get_output_details()]

    def find(self, picture: Image.Image) -> list[FoundFace]:
        """Return the faces of a picture of any mode and size, from left to right."""
        side = self._network.side
        scale = side / max(picture.size)
        width, height = (max(1, round(scale * length)) for length in picture.size)
        small = picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=REDUCING_GAP).convert("RGB")
        square = np.full((side, side, 3), -1.0, np.float32)  # black around it, as in MediaPipe
        left, top = (side - width) // 2, (side - height) // 2
        square[top : top + height, left : left + width] = np.asarray(small, np.float32) / 127.5 - 1.0
        values, scores = self._answers(square)
        values -= np.tile((left, top), 8) * _IS_PLACE
        values *= np.tile(np.divide(picture.size, (width, height)), 8)
        return faces_of(values, scores)

    def _answers(self, square: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Float [N, 16], the box and the key points in pixels of `square`, and scores float [N], before merging."""
        self._interpreter.set_tensor(self._input, square[np.newaxis])
        self._interpreter.invoke()
        raw, logits = (self._interpreter.get_tensor(index)[0] for index in self._outputs)
        sure = np.flatnonzero(logits[:, 0] >= self._min_logit)
        values = raw[sure].astype(np.float64)
        values += np.tile(self._anchors[sure], 8) * _IS_PLACE
        values[:, :2] -= values[:, 2:4] / 2  # it gives the centre
        return values, 1.0 / (1.0 + np.exp(-logits[sure, 0].astype(np.float64)))


_IS_PLACE = np.repeat([1.0, 0.0, 1.0], [2, 2, 12])
"""Of the 16 values of a face, all but its width and height move with it."""


def faces_of(values: np.ndarray, scores: np.ndarray) -> list[FoundFace]:
    """Return what was found, perhaps several times, as faces: each once, from left to right.

    Args:
        values: float64 [N, 16], the boxes, then the key points.
        scores: float64 [N].
    """
    real = (values[:, 2:4] > 0).all(axis=1)
    values, scores = merged(values[real, :4], values[real], scores[real])
    order = np.argsort(values[:, 0], kind="stable")
    return [FoundFace(values[at, :4], values[at, 4:].reshape(6, 2), float(scores[at])) for at in order]


def _anchors(network: Network) -> np.ndarray:
    """Float [N, 2], the x and y of each anchor in pixels of the network's square, row by row, stride by stride."""
    grids = []
    for stride, anchors in network.grid.items():
        centres = (np.arange(network.side // stride) + 0.5) * stride
        grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
        grids.append(np.repeat(grid, anchors, axis=0))
    return np.concatenate(grids)


def _logit(probability: float) -> float:
    if not 0.0 < probability < 1.0:
        raise FerKerasError(f"least score of a face {probability:g}: expected a number between 0 and 1")
    return float(np.log(probability / (1.0 - probability)))
