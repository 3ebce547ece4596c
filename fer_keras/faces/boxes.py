"""Boxes [N, 4] of x, y, width and height: how much two overlap, and one box for what was found several times."""

import numpy as np

SAME_FACE = 0.3
"""The overlap from which on two boxes are taken for one face, as in MediaPipe."""


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each of `boxes` [N, 4] with each of `others` [M, 4], float [N, M]."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum((boxes[:, :2] + boxes[:, 2:])[:, None], (others[:, :2] + others[:, 2:])[None])
    inside = np.maximum(high - low, 0).prod(axis=2)
    areas = boxes[:, 2:].prod(axis=1)[:, None] + others[:, 2:].prod(axis=1)[None]
    return inside / np.maximum(areas - inside, np.finfo(np.float32).tiny)


def merged(boxes: np.ndarray, values: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted non-maximum suppression: boxes that overlap the best one become their mean, weighted by score.

    Reference: Bazarevsky et al., "BlazeFace", 2019, arXiv 1907.05047: it steadies boxes from frame to frame.

    Args:
        boxes: float [N, 4].
        values: float [N, D], what is averaged with them; it may hold the boxes.
        scores: float [N].

    Returns:
        `values` float [M, D] and `scores` float [M] of M faces, the likeliest first; a face has the score of its best
        box.
    """
    left = np.argsort(-scores, kind="stable")
    faces, best = [], []
    while left.size:
        same = overlaps(boxes[left[:1]], boxes[left])[0] >= SAME_FACE
        same[0] = True
        group = left[same]
        faces.append(np.average(values[group], axis=0, weights=scores[group]))
        best.append(scores[group[0]])
        left = left[~same]
    return np.array(faces).reshape(-1, values.shape[1]), np.array(best)
