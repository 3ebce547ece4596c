"""What families do with the same number of parameters: the facts behind the question which of them wins, and why."""

import json

import keras
import numpy as np
import pandas as pd

from fer_keras.models.budget import parameters
from fer_keras.models.geometry import mixing_widths, receptive_field
from fer_keras.models.registry import build

EVIDENCE_FILE = "evidence.csv"


def family_evidence(points: pd.DataFrame) -> pd.DataFrame:
    """Return the shape of the best network of each family and budget beside how well it fits and generalises.

    Args:
        points: of `tuner.frontier.frontier_points`.

    Returns:
        A row a point: `family`, `budget`, `parameters`, `multiply_adds`, `multiply_adds_per_parameter`;
        `dense_share`, of the parameters that are in dense layers and so used once; `layers`, convolutions that mix
        channels; `mean_width`, their mean output channels; `receptive_field`, the side in pixels of what a place of
        the last map sees; `train_accuracy` on augmented views in the last epoch, `val_accuracy` and
        `public_test_accuracy`.
    """
    rows = []
    for point in points.to_dict("records"):
        model = build(point["family"], **json.loads(point["options"]))
        widths = mixing_widths(model)
        dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
        rows.append(
            {
                **{name: point[name] for name in ("family", "budget", "parameters", "multiply_adds")},
                "multiply_adds_per_parameter": round(point["multiply_adds"] / point["parameters"], 2),
                "dense_share": round(sum(map(parameters, dense)) / point["parameters"], 4),
                "layers": len(widths),
                "mean_width": round(float(np.mean(widths)), 2),
                "receptive_field": receptive_field(model),
                **{name: point[name] for name in ("train_accuracy", "val_accuracy", "public_test_accuracy")},
            }
        )
    return pd.DataFrame(rows)
