"""A data set and a model whose scores are known, and a search's ledger made by hand."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

from fer_keras.data.dataset import FaceData
from fer_keras.evaluation.frontier import LEDGER_COLUMNS, frontier_points


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


# stage, family, budget, parameters, multiply-adds, ms, then (validation, PublicTest) of two seeds
ROWS = [
    ("final", "cnn", 5_000, 4_990, 900_000, 0.2, (0.50, 0.48), (0.52, 0.50)),
    ("control", "cnn", 5_000, 4_990, 900_000, np.nan, (0.46, 0.45), (0.48, 0.47)),
    ("final", "cnn", 50_000, 49_900, 5_000_000, 0.9, (0.60, 0.59), (0.60, 0.59)),
    ("final", "mobilenet", 5_000, 4_980, 400_000, 0.3, (0.55, 0.54), (0.57, 0.55)),
    ("final", "mobilenet", 50_000, 49_800, 3_000_000, 0.8, (0.59, 0.58), (0.59, 0.60)),
]


def made_options(family, budget):
    """A network of that family, another for each budget."""
    width = budget // 1_000
    if family == "cnn":
        return {"widths": [width, 2 * width], "depths": [1, 1], "dense_widths": []}
    return {"widths": [width, 2 * width], "strides": [2, 2], "dropouts": []}


def made_ledger():
    rows = []
    for stage, family, budget, parameters, multiply_adds, ms, *seeds in ROWS:
        for seed, (val, public) in enumerate(seeds):
            costs = {"parameters": parameters, "multiply_adds": multiply_adds, "milliseconds": ms}
            trial = f"{len(rows):04d}"
            rows.append(
                {
                    "trial": trial,
                    "stage": stage,
                    "family": family,
                    "budget": budget,
                    **costs,
                    "seed": seed,
                    "epochs": 60,
                }
                | {"val_accuracy": val, "public_test_accuracy": public, "train_accuracy": val + 0.02}
                | {
                    "status": "completed",
                    "options": json.dumps(made_options(family, budget)),
                    "model": f"trial_{trial}/m/model.keras",
                }
            )
    rows.append({**rows[0], "trial": "9998", "stage": "search", "val_accuracy": 0.99})
    rows.append({**rows[0], "trial": "9999", "status": "running", "val_accuracy": np.nan})
    return pd.DataFrame(rows, columns=list(LEDGER_COLUMNS))


@pytest.fixture
def ledger():
    return made_ledger()


@pytest.fixture
def points(ledger):
    return frontier_points(ledger)


@pytest.fixture
def row_of():
    """Points, a family and a budget -> the row."""

    def found(points, family, budget):
        return points[(points["family"] == family) & (points["budget"] == budget)].iloc[0]

    return found
