"""Views mixed with other faces' views, as stateless as the views themselves.

Reference: Zhang et al., "mixup: beyond empirical risk minimization", 2017, arXiv 1710.09412. The shares are uniform
(their Beta distribution with alpha = 1), which NumPy draws with exact operations only; a part of the views stays
unmixed. The teachers are asked about the mixed picture itself, as in Beyer et al., "Knowledge distillation: a good
teacher is patient and consistent", 2021, arXiv 2106.05237.
"""

import numpy as np
import tensorflow as tf

from fer_keras.config import ViewConfig
from fer_keras.data.augment import make_views
from fer_keras.data.face_data import FaceData
from fer_keras.data.random_streams import mix_partners


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
