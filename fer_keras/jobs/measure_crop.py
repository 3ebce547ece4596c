"""Measure the crop that is made of a found face: how near it comes to FER2013's own, and what it costs.

    python scripts/measure_crop.py separable-93k --data fer2013.zip

A minute on one core for the 3,589 faces of PublicTest. Every face is enlarged and put into a larger picture, then
once more, turned by up to --turn degrees; it is found, cropped with and without levelling the eyes, and classified, by
one square and by the mean over two, as in `photo`. The accuracy through the detector stands beside that on the original
crops of the same faces. Writes crop.csv.
"""

import argparse
import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_keras import cli, load
from fer_keras.errors import FerKerasError
from fer_keras.faces.crop import LEVEL_TO, Crop, crop_of, cut
from fer_keras.faces.detector import FoundFace
from fer_keras.faces.expressions import averaging, faces_of_crops
from fer_keras.faces.finder import FaceFinder
from fer_keras.faces.framing import FramedFace, framed
from fer_keras.files import write_text

NEVER = 180.0
LEVELLINGS = {"never": NEVER, f"to {LEVEL_TO:g} degrees": LEVEL_TO, "always": 0.0}
"""How a row is called -> the most degrees that the eyes' line may lean by."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A framed face and what was found of it, None for nothing."""

    framed: FramedFace
    found: FoundFace | None


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="what classifies the crops")
    parser.add_argument("--split", default="public_test", help="default %(default)s; val is what choices are made by")
    parser.add_argument("--images", type=int, help="so many of the split, at random; default all")
    parser.add_argument("--turn", type=float, default=30.0, help="degrees at most; default %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of frames and turns; default %(default)s")
    parser.add_argument("--to", type=Path, default=Path("runs/measurements"), help="folder; default %(default)s")
    cli.add_data_options(parser)
    return parser


def main() -> None:
    """Parse, measure, print and write."""
    args = parser().parse_args()
    from fer_keras.data.dataset import mark_validation

    data = cli.load_data(args)
    if args.split == "val" and not (data.splits == "val").any():
        data = mark_validation(data)
    data = data.split(args.split)
    usable = np.flatnonzero((data.labels >= 0) & (data.images.min((1, 2, 3)) < data.images.max((1, 2, 3))))
    usable = np.sort(np.random.default_rng(args.seed).permutation(usable)[: args.images])
    if not usable.size:
        raise FerKerasError(f"--split {args.split}: expected a split with labelled images")
    with cli.quiet_stderr():
        classifier = load(args.model)
    rows = []
    for turn in (0.0, args.turn):
        samples = find_all(data.images[usable], turn, args.seed)
        originals = classifier.logits(data.images[usable]).argmax(1) == data.labels[usable]
        for name, level_to in LEVELLINGS.items():
            crops = [None if sample.found is None else crop_of(sample.found, level_to) for sample in samples]
            pairs = [(s.framed.picture, crop) for s, crop in zip(samples, crops, strict=True) if crop]
            found = np.array([crop is not None for crop in crops])
            labels = data.labels[usable][found]
            one = classifier.logits(np.concatenate([cut(*pair) for pair in pairs])).argmax(1) == labels
            both = np.concatenate([faces_of_crops(picture, [crop]) for picture, crop in pairs])
            right = averaging(classifier).logits(both).argmax(1) == labels
            rows.append(
                {
                    "turned_up_to": turn,
                    "levelled": name,
                    "images": len(found),
                    "found": round(float(found.mean()), 4),
                    **_error_columns(crop_errors(samples, crops)),
                    **_accuracy_columns(originals[found], one, right),
                }
            )
    text = as_csv(rows)
    print(text, end="")
    write_text(args.to / "crop.csv", text)


def find_all(images: np.ndarray, turn: float, seed: int) -> list[Sample]:
    """Frame faces uint8 [N, 48, 48, 1], each turned by up to `turn` degrees, and look for them."""
    rng, finder, samples = np.random.default_rng(seed), FaceFinder(), []
    for image in images:
        sample = framed(image, rng, rng.uniform(-turn, turn))
        samples.append(Sample(sample, sample.nearest(finder.find(sample.picture))))
    return samples


def crop_errors(samples: Iterable[Sample], crops: Iterable[Crop | None]) -> np.ndarray:
    """Return float [N, 2] of the N found: the crop's side and the distance of its centre, in the true crop's sides."""
    pairs = [(sample.framed.crop, crop) for sample, crop in zip(samples, crops, strict=True) if crop]
    return np.array([(c.side / t.side, np.hypot(c.x - t.x, c.y - t.y) / t.side) for t, c in pairs])


def _error_columns(errors: np.ndarray) -> dict[str, float]:
    side = np.quantile(errors[:, 0], [0.25, 0.5, 0.75])
    centre = np.quantile(errors[:, 1], [0.5, 0.9])
    return {
        **{f"side_{name}": round(float(value), 3) for name, value in zip(("q1", "median", "q3"), side, strict=True)},
        **{f"centre_{name}": round(float(value), 3) for name, value in zip(("median", "p90"), centre, strict=True)},
    }


def _accuracy_columns(originals: np.ndarray, one: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Of what is right, bool [N] each: on the original crops, by one square, and by the mean over two."""
    accuracies = {"original": originals, "one_square": one, "found": right}
    return {
        **{f"accuracy_{name}": round(float(values.mean()), 4) for name, values in accuracies.items()},
        "points_lost": round(100 * float(originals.mean() - right.mean()), 2),
    }


def as_csv(rows: list[dict[str, object]]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
