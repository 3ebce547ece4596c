"""Parts of the training images, each of which some teachers leave out.

An image is then taught by networks that never saw its label: cross-fitting, as in Dao et al., "Knowledge distillation
as semiparametric inference", 2021, arXiv 2104.09732.
"""

import numpy as np

from fer_keras.data.dataset import FaceData


def fold_of(data: FaceData, folds: int) -> np.ndarray:
    """Return int64 [N], 1 to `folds`: the part that each image is in.

    It follows from the pixels alone, so exact copies are in one part, and an image is in the same part of any subset of
    its data set in any order.
    """
    halves = np.ascontiguousarray(data.image_hashes).view("<u8").reshape(len(data), 2)
    return (halves[:, 0] % np.uint64(folds)).astype(np.int64) + 1
