"""Views mixed with other faces' views, as stateless as the views themselves.

Reference: Zhang et al., "mixup: beyond empirical risk minimization", 2017, arXiv 1710.09412. The shares are uniform
(their Beta distribution with alpha = 1), which NumPy draws with exact operations only; a part of the views stays
unmixed. The teachers are asked about the mixed picture itself, as in Beyer et al., "Knowledge distillation: a good
teacher is patient and consistent", 2021, arXiv 2106.05237.
"""

import numpy as np
import tensorflow as tf

from fer_keras.augment import make_views
from fer_keras.config import ViewConfig
from fer_keras.data.dataset import FaceData

# The stream of (seed, view) beside those of the views, which have the plain seeds; see `training.pipeline`.
_MIX = 2**34
_SHARES = 256


def mix_partners(mixup: float, seed: int, view: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw with whom each image of a data set is mixed in one view, and how much of it is left.

    Args:
        mixup: share of the images that are mixed, 0..1.
        seed: of the views.
        view: the number of the view.
        count: N, the images of the data set.

    Returns:
        int64 [N], the row of each image's partner, and float32 [N], the image's own share: 1 where it is not mixed,
        else a multiple of 1/256 from 1/2 to 1, so that mixing grey values is exact and the first is never the lesser.
    """
    rng = np.random.Generator(np.random.Philox(key=[_MIX + seed, view]))
    partners = rng.permutation(count)
    draws = rng.random((count, 2))
    own = 1.0 - np.floor(draws[:, 1] * (_SHARES // 2 + 1)) / _SHARES
    return partners, np.where(draws[:, 0] < mixup, own, 1.0).astype(np.float32)


def mix(images: tf.Tensor, others: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Return share * images + (1 - share) * others, rounded: uint8 [N, 48, 48, 1] twice, float32 [N] -> uint8."""
    own = share[:, None, None, None]
    mixed = own * tf.cast(images, tf.float32) + (1.0 - own) * tf.cast(others, tf.float32)
    return tf.cast(tf.round(mixed), tf.uint8)


def make_mixed_views(
    data: FaceData, rows: np.ndarray, config: ViewConfig, seed: int, view: int, mixup: float
) -> np.ndarray:
    """Make one view of some images of `data`, mixed with views of other images of it.

    Args:
        data: all images, among which the partners are.
        rows: int [N], which of them to make.
        config: how far the views go.
        seed: of the views.
        view: the number of the view.
        mixup: share of the images that are mixed; with 0 these are the plain views.

    Returns:
        uint8 [N, 48, 48, 1].
    """
    own = make_views(config, seed, view, data.images[rows], data.index[rows])
    if not mixup:
        return own
    partners, share = mix_partners(mixup, seed, view, len(data))
    others = partners[rows]
    other = make_views(config, seed, view, data.images[others], data.index[others])
    with tf.device("CPU"):
        return mix(tf.constant(own), tf.constant(other), tf.constant(share[rows])).numpy()
