"""FER+'s votes (Barsoum et al., 2016, arXiv 1608.01041) on FER2013's images, as shares and as majorities."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.errors import FerKerasError

VOTE_CLASSES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
COLUMNS = (*VOTE_CLASSES, "unknown", "NF")


def read_votes(path: Path, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the votes of images by their ids.

    Args:
        path: a CSV with the columns `id` and `COLUMNS`.
        ids: str [N].

    Returns:
        float32 [N, 8] twice: the shares of the votes after single ones are dropped, and the majority one-hot. A row
        of zeros: no votes, or none of the eight has more than half of them all.
    """
    table = pd.read_csv(path).set_index("id")
    missing = set(COLUMNS) - set(table.columns)
    if missing:
        raise FerKerasError(f"{path}: expected the column {min(missing)}")
    votes = table.reindex(ids)[list(COLUMNS)].fillna(0).to_numpy(np.float32)
    votes = np.where(votes > 1, votes, 0.0)
    eight = votes[:, :8]
    shares = eight / np.maximum(eight.sum(1, keepdims=True), 1.0)
    majority = (eight > votes.sum(1, keepdims=True) / 2).astype(np.float32)
    return shares.astype(np.float32), majority
