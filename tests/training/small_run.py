"""A small student's run, for tests to start, kill and start again: python small_run.py FOLDER [--resume]."""

import signal
import sys
from functools import cache
from pathlib import Path

import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.config.experimental.enable_op_determinism()

from fer_keras import endings  # noqa: E402
from fer_keras.config import DataConfig, FitConfig, StudentConfig  # noqa: E402
from fer_keras.data.dataset import mark_validation  # noqa: E402
from fer_keras.data.synthetic import drawn_faces  # noqa: E402
from fer_keras.training.run import Run  # noqa: E402
from fer_keras.training.student import train_student  # noqa: E402

OPTIONS = {"widths": (4, 8, 8), "strides": (4, 2, 2), "dropouts": (0.2, 0.2)}
CONFIG = StudentConfig(
    DataConfig("drawn", ""), ("made up",), "reference-separable", OPTIONS, cached_views=3,
    fit=FitConfig(epochs=6, batch_size=32, learning_rate=5e-3),
)  # fmt: skip


class MadeUpLogits:
    """Two teachers' logits that a NumPy generator made up."""

    members, views = 2, CONFIG.cached_views

    def __init__(self, count):
        self.count = count

    def view(self, view):
        return np.random.default_rng(view).normal(0, 3, (self.count, 2, 7)).astype(np.float16)


@cache
def data():
    return mark_validation(drawn_faces(300, seed=1))


def run(folder, resume, config=CONFIG):
    train, val = data().split("train"), data().split("val")
    return train_student(Run(folder, config, resume=resume), train, val, MadeUpLogits(len(train)))


if __name__ == "__main__":
    # Tests that a shell runs in the background are deaf to Ctrl-C, and so would be what they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    endings.run(lambda: run(Path(sys.argv[1]), "--resume" in sys.argv) and 0)
