"""What the students of small searches learn from, and a search's ledger made by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from small_search import material

from tuner.frontier import LEDGER_COLUMNS, frontier_points


@pytest.fixture(scope="session")
def made():
    return material()


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
