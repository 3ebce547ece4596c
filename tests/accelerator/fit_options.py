"""What both processes of the test fit."""

import numpy as np

from fer_keras.config import DataConfig, FitConfig, StudentConfig, TeacherConfig
from fer_keras.data.dataset import FaceData
from fer_keras.data.synthetic import drawn_faces
from fer_keras.training.data import training_data

NETWORK = {"widths": (8, 16), "strides": (4, 2), "dropouts": ()}
FIT = FitConfig(epochs=2, batch_size=64, learning_rate=3e-3, label_smoothing=0.1)
FACES = drawn_faces(700, seed=3)
LANES = {"mixed": {"mixup": 0.5}, "dist": {"loss": "dist", "alpha": 0.5}, "labels": {}}
"""The first two side by side, the last alone."""


def images_of() -> tuple[FaceData, FaceData, DataConfig]:
    """Two whole batches to learn from, some to choose by, and what they are."""
    data, data_config = training_data(FACES)
    return data.split("train").take(np.arange(2 * FIT.batch_size)), data.split("val"), data_config


def config_of(lane: str, data: DataConfig, teacher: str) -> StudentConfig | TeacherConfig:
    """The recipe of a lane."""
    if lane == "labels":
        return TeacherConfig(data, "separable-25k", options=NETWORK, fit=FIT, **LANES[lane])
    return StudentConfig(
        data, (teacher,), "separable-25k", options=NETWORK, cached_views=2, cache_precision="float32", fit=FIT,
        **LANES[lane],
    )  # fmt: skip
