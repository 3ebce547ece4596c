"""The gate: an export is kept only if it answers as the Keras model does, in a process of its own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fer_keras.data.dataset import FaceData
from fer_keras.data.synthetic import drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.confidence import softmax
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.evaluation.metrics import majorities
from fer_keras.evaluation.tables import SPLIT_TITLES
from fer_keras.export.formats import MOST_DIFFERENCE, ExportFormat
from fer_keras.export.runtimes import BATCH
from fer_keras.export.serving import BYTES_SIGNATURE, PIXELS_SIGNATURE

EXPECTED_DIFFERENCE = 1e-4
"""What float formats are expected to stay within, in probability; other kernels add in another order."""

DRAWN_ALLOWANCE = 0.05
"""Of agreement, where only drawn faces are at hand: what was trained on photographs is unsure of them, and rounding
tips the balance more often. The least sure student of ours agrees with its int8 file on 94.3% of drawn faces and on
97% of photographs."""

_SPLITS = ("public_test", "test", "val")
_DRAWN = 512


@dataclass(frozen=True, eq=False)
class Reference:
    """The faces of a comparison and the Keras model's answers to them.

    Attributes:
        images: uint8 [N, 48, 48, 1].
        labels: int64 [N], -1 for an image whose votes have no majority; or None where an accuracy on them would say
            nothing.
        source: what they are, for people.
        logits: float [N, C], the Keras model's.
        classes: the names of the C classes.
        split: of which split they are; None of drawn faces that no data is behind.
        drawn: whether they are drawn faces.
    """

    images: np.ndarray
    labels: np.ndarray | None
    source: str
    logits: np.ndarray
    classes: tuple[str, ...]
    split: str | None = None
    drawn: bool = True

    @cached_property
    def probabilities(self) -> np.ndarray:
        """The Keras model's probabilities, float [N, C]."""
        return softmax(self.logits)

    def accuracy(self, probabilities: np.ndarray) -> float | None:
        """Return the share of right answers, None without labels."""
        if self.labels is None:
            return None
        decided = self.labels >= 0
        return float((probabilities.argmax(axis=1) == self.labels)[decided].mean())


def labelled_split(data: FaceData | None) -> str | None:
    """Return the split whose labels answers are scored on: PublicTest, or else `test` or validation; None for none."""
    return next((name for name in _SPLITS if data is not None and (data.split(name).labels >= 0).any()), None)


def reference(model: keras.Model, data: FaceData | None, classes: tuple[str, ...]) -> Reference:
    """Return the Keras model's answers to the `labelled_split` of the data, or to drawn faces where there is none."""
    split = labelled_split(data)
    if split is None:
        faces, labels, source = drawn_faces(_DRAWN, seed=1), None, "drawn faces"
    else:
        faces = data.split(split).labelled()
        labels, source = majorities(faces)[0], f"{SPLIT_TITLES[split]} of {data.source}"
    images = np.ascontiguousarray(faces.images)
    drawn = split is None or data.drawn
    return Reference(images, labels, source, predict_logits(model, images), classes, split, drawn)


def check(export: ExportFormat, artifact: Path, expected: Reference, named: Path) -> dict[str, Any]:
    """Compare an exported file with the Keras model, in a fresh process; also all that a server answers by.

    Args:
        export: the format, which names the runtime and what is tolerated.
        artifact: the file or folder, possibly under a temporary name.
        expected: the faces and the Keras model's answers.
        named: what messages call it.

    Returns:
        JSON values: the faces, the runtime's versions, the largest difference of a probability, the agreement, and
        accuracies where there are labels.

    Raises:
        FerKerasError: it cannot be loaded by its runtime, or its answers are too far from the Keras model's.
    """
    probabilities, process = answers_of(export, artifact, expected.images, named)
    difference = float(np.abs(probabilities - expected.probabilities).max())
    agreement = float((probabilities.argmax(axis=1) == expected.probabilities.argmax(axis=1)).mean())
    if not np.isfinite(probabilities).all():
        raise FerKerasError(f"{named}: gives probabilities that are not finite, so nothing was kept")
    if export.least_agreement is not None:
        least = export.least_agreement - (DRAWN_ALLOWANCE if expected.drawn else 0.0)
        if agreement < least:
            raise FerKerasError(
                f"{named}: names the Keras model's expression on {agreement:.1%} of {len(probabilities):,} faces"
                f" ({expected.source}), expected at least {least:.0%}, so nothing was kept"
            )
    elif difference > export.most_difference:
        raise FerKerasError(f"{named}: {_too_far(difference, export.most_difference)}, so nothing was kept")
    if export.served:
        check_served(process["served"], expected.probabilities[:BATCH], named, expected.classes)
    return {
        "faces": len(probabilities),
        "faces_source": expected.source,
        "largest_probability_difference": difference,
        "agreement": agreement,
        "accuracy": expected.accuracy(probabilities),
        "keras_accuracy": expected.accuracy(expected.probabilities),
        "run_with": process["versions"],
    }


def _too_far(difference: float, most: float) -> str:
    return f"is up to {difference:.2g} off the Keras model's probabilities, expected at most {most:g}"


def check_served(
    served: Sequence[Mapping[str, Any]], expected: np.ndarray, named: Path, classes: Sequence[str]
) -> None:
    """Check every output of every request that `fer_keras.export.runtimes.served` made.

    Args:
        served: what it returns.
        expected: float [N, C], the Keras model's probabilities of the faces that it asked for.
        named: as of `check`.
        classes: the names of the C classes.

    Raises:
        FerKerasError: the warm-up requests leave a signature out, outputs do not go together, or the probabilities of
            the faces are too far from the Keras model's.
    """
    warmed = sorted(request["signature"] for request in served if request["warmup"])
    if warmed != sorted((PIXELS_SIGNATURE, BYTES_SIGNATURE)):
        raise FerKerasError(
            f"{named}: has warm-up requests of the signatures {warmed}, expected one of {PIXELS_SIGNATURE!r} and one"
            f" of {BYTES_SIGNATURE!r}, so nothing was kept"
        )
    for request in served:
        wrong = _wrong_output(request["outputs"], request["images"], None if request["warmup"] else expected, classes)
        if wrong:
            by = f"signature {request['signature']!r}{' of a warm-up request' if request['warmup'] else ''}"
            raise FerKerasError(f"{named}: {by} {wrong}, so nothing was kept")


def _wrong_output(
    outputs: Mapping[str, list], images: int, expected: np.ndarray | None, classes: Sequence[str]
) -> str | None:
    """What is wrong with the answer to one request, or None."""
    if outputs.keys() != {"probabilities", "class_id", "class_name", "classes"}:
        return f"gives {sorted(outputs)}, expected probabilities, class_id, class_name and classes"
    probabilities = np.array(outputs["probabilities"])
    if probabilities.shape != (images, len(classes)) or not np.isfinite(probabilities).all():
        return f"gives probabilities {list(probabilities.shape)}, expected finite ones [{images}, {len(classes)}]"
    if expected is not None and (difference := np.abs(probabilities - expected).max()) > MOST_DIFFERENCE:
        return _too_far(difference, MOST_DIFFERENCE)
    numbers = probabilities.argmax(axis=1).tolist()
    names = [classes[number] for number in numbers]
    right = {"class_id": numbers, "class_name": names, "classes": [list(classes)] * images}
    wrong = [name for name, values in right.items() if outputs[name] != values]
    return f"gives {' and '.join(wrong)} that are not those of its probabilities" if wrong else None


def answers_of(
    export: ExportFormat, artifact: Path, images: np.ndarray, named: Path
) -> tuple[np.ndarray, dict[str, Any]]:
    """Return an exported file's probabilities [N, C] for uint8 [N, 48, 48, 1], and what its process says of itself.

    Args:
        export: as of `check`.
        artifact: as of `check`.
        images: the faces.
        named: as of `check`.

    Raises:
        FerKerasError: the process fails; the sentence ends in the last line of what it said.
    """
    with tempfile.TemporaryDirectory() as scratch:
        faces, answers = Path(scratch, "faces.npy"), Path(scratch, "answers.npy")
        np.save(faces, images)
        # -P: the folder of the program holds an onnx.py, which must not stand in for the package.
        words = [sys.executable, "-P", "-W", "ignore", *export.program, artifact, faces, answers]
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
            raise FerKerasError(f"{named}: its own runtime cannot use it ({lines[-1]}), so nothing was kept")
        return np.load(answers), json.loads(done.stdout.splitlines()[-1])
