"""Measure what shipped models gain by batch statistics of their own.

    python scripts/measure_statistics.py separable-93k separable-25k --data fer2013.zip

What is shipped are averaged weights, while a batch normalisation's moving mean and variance come from the weights as
they were while they learned. Here they are computed again, with the averaged weights, over views of training images
(Izmailov et al., "Averaging weights leads to wider optima", 2018, arXiv 1803.05407, section 3.2). A minute a model on
one core. Writes batch_statistics.csv, accuracies in percent.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fer_keras import cli
from fer_keras.files import write_text

if TYPE_CHECKING:
    import keras
    import numpy as np
    import pandas as pd

    from fer_keras.data.dataset import FaceData

SPLITS = ("val", "public_test")
BATCH = 256


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="a shipped model's name, or a path")
    parser.add_argument("--batches", type=int, default=40, help=f"batches of {BATCH} views; default %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of images and views; default %(default)s")
    parser.add_argument("--to", type=Path, default=Path("runs/measurements"), help="folder; default %(default)s")
    cli.add_data_options(parser)
    return parser


def main() -> None:
    """Parse, measure, print and write."""
    args = parser().parse_args()
    cli.set_up(args)
    import numpy as np
    import pandas as pd

    from fer_keras.config import ViewConfig
    from fer_keras.data.augment import make_views
    from fer_keras.jobs.own_data import with_own_validation
    from fer_keras.models.load import load_model, model_file, model_name
    from fer_keras.predict import find_model

    published, rows = cli.load_data(args), []
    for name in args.models:
        file = model_file(find_model(name))
        data = with_own_validation([file], published)
        train, model = data.split("train"), load_model(file)
        chosen = np.random.default_rng(args.seed).permutation(len(train))[: args.batches * BATCH]
        views = make_views(ViewConfig(), args.seed, 0, train.images[chosen], train.index[chosen])
        before = _accuracies(model, data)
        recompute_statistics(model, [views[at : at + BATCH] for at in range(0, len(views), BATCH)])
        after = {f"{split}_recomputed": percent for split, percent in _accuracies(model, data).items()}
        rows.append({"model": model_name(file), **before, **after})
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    write_text(args.to / "batch_statistics.csv", pd.DataFrame(rows).to_csv(index=False))


def _accuracies(model: "keras.Model", data: "FaceData") -> dict[str, float]:
    """Split -> percent of its labelled images right."""
    from fer_keras.evaluation.evaluate import evaluate

    splits = evaluate(model, data, splits=SPLITS).splits
    return {name: round(100 * result.all.accuracy, 2) for name, result in splits.items()}


def recompute_statistics(model: "keras.Model", batches: "Sequence[np.ndarray]") -> None:
    """Set the moments of every batch normalisation to the mean of those of some batches, with the weights as they are.

    Args:
        model: a network with `keras.layers.BatchNormalization` layers; changed in place.
        batches: grey values 0..255 [B, 48, 48, 1] each, of equal sizes.
    """
    import keras

    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for count, batch in enumerate(batches):
        for layer in layers:
            layer.momentum = count / (count + 1)  # so that the moving average is the mean of all
        model(batch.astype("float32"), training=True)


def statistics_table(results: "pd.DataFrame") -> str:
    """Return batch_statistics.csv as a Markdown table, in points."""
    from fer_keras.evaluation.tables import SPLIT_TITLES, table

    header = [""] + [f"{SPLIT_TITLES[split]}{end}" for split in SPLITS for end in ("", ", recomputed")]
    columns = ["model"] + [f"{split}{end}" for split in SPLITS for end in ("", "_recomputed")]
    rows = results[columns].itertuples(index=False)
    return table(header, [(row[0], *(f"{percent:.1f}" for percent in row[1:])) for row in rows])
