"""A data set and a model whose scores are known."""

import keras
import numpy as np
import pytest

from fer_keras.data.dataset import FaceData
from fer_keras.evaluation.metrics import score


def _data(splits, *, labels=None, drawn=True, seed=0):
    """Random images whose top left pixel is 30 times the label, so that a model can read it off."""
    rng = np.random.default_rng(seed)
    count = len(splits)
    labels = np.arange(count) % 7 if labels is None else np.asarray(labels)
    images = rng.integers(0, 256, (count, 48, 48, 1), np.uint8)
    images[:, 0, 0, 0] = 30 * np.maximum(labels, 0)
    return FaceData.create(images, labels, [f"face{i:03d}" for i in range(count)], splits, "made up", drawn)


def _reader(*, softmax=False):
    """A model that calls an image by its top left pixel: logits -(pixel / 30 - class)^2, but for a shift."""
    inputs = keras.Input((48, 48, 1))
    pixel = keras.layers.Flatten()(keras.layers.Cropping2D(((0, 47), (0, 47)))(inputs))
    dense = keras.layers.Dense(7, activation="softmax" if softmax else None)
    model = keras.Model(inputs, dense(pixel))
    classes = np.arange(7.0)
    dense.set_weights([(2 * classes / 30)[None], -(classes**2)])
    return model


def assert_scores(card, split, logits, labels):
    """A card's scores are those of the logits."""
    scores, expected = card["scores"]["splits"][split]["all"], score(logits, labels).to_dict()
    assert scores["nll"] == pytest.approx(expected["nll"])
    assert all(scores[key] == expected[key] for key in ("count", "accuracy_interval", "macro_f1", "confusion"))


@pytest.fixture
def data():
    """70 training images; 14 of each test split, of which private_test's first two copy training images."""
    made = _data(["train"] * 70 + ["public_test"] * 14 + ["private_test"] * 14)
    made.images[84:86] = made.images[0:2]
    return made


@pytest.fixture(scope="session")
def reader():
    return _reader()


@pytest.fixture(scope="session")
def make_data():
    return _data


@pytest.fixture(scope="session")
def make_reader():
    return _reader
