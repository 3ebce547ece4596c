"""Drawn faces: a stand-in for FER2013 that needs no file, is free to share, and is the same everywhere.

Each face is a set of facial action intensities (what its expression does, weakened, mixed and
disturbed at random) on a random identity, pose and light. Logistic regression on 3,000 of them
scores about 0.46, a three-layer CNN about 0.85, so that a test can tell a model that learns from one
that does not. Scores on drawn faces say nothing about real ones.
"""

import math
from collections.abc import Sequence

import numpy as np

from fer_keras.data.expressions import ACTION_UNITS, CLASS_SHARES, EXPRESSION_ACTIONS, FACE_RANGES
from fer_keras.data.face_data import SPLIT_OF_USAGE, FaceData
from fer_keras.data.face_drawing import draw_face
from fer_keras.data.votes import COLUMNS
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, FERPLUS, IMAGE_SHAPE, IMAGE_SIZE, label_set_of

SOURCE = "drawn faces"

_ID_PREFIXES = {split: usage for usage, split in SPLIT_OF_USAGE.items()}

_CHUNK = 512
"""Faces lit at once: bounds the memory that a large set takes."""
_SET_STREAM, _VOTES_STREAM = 2**63, 2**63 + 1
"""The random streams of labels and copies, and of votes, out of reach of any image's number."""

_EXPRESSIONS = tuple(EXPRESSION_ACTIONS)
_VOTERS = 10
_UNSURE = 0.03
"""Share of the votes that are for `unknown`."""


def draw_faces(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Draw one face per label, int [N], each of FER2013's numbers 0..6: uint8 [N, 48, 48, 1].

    Image i depends on `seed`, from 0, i and `labels[i]` only, so a longer list starts with the same faces.

    Raises:
        FerKerasError: another number.
    """
    labels = np.asarray(labels, np.int64)
    wrong = labels[(labels < 0) | (labels >= len(FER2013))]
    if len(wrong):
        raise FerKerasError(f"drawn faces: label {wrong[0]}, expected 0..6")
    return _draw(labels, labels, np.zeros(len(labels)), seed)


def drawn_faces(
    count: int = 4000,
    seed: int = 0,
    *,
    test_fraction: float = 0.2,
    duplicates: float = 0.02,
    classes: Sequence[str] | None = None,
    ambiguous: float | None = None,
) -> FaceData:
    """Draw a data set with FER2013's splits, ids and faults.

    Args:
        count: number of images of all splits together: train, public_test, private_test, every class in each.
        seed: equal seeds give equal data; 0 or more.
        test_fraction: share of the images in public_test and private_test together, half each.
        duplicates: share of the images of each split that are exact copies of another training image with the same
            label, at least one a split; 0 for none. FER2013 has 4% in training and 8% in each test split.
        classes: some of the expressions, in any known spelling; default: FER2013's seven.
        ambiguous: share of the faces that are drawn between their expression and another of FER+'s eight, so that ten
            drawn people disagree; with it the data have `votes`. Other faces, and all where it is None, are the same.

    Raises:
        FerKerasError: an option is out of range, a class is no expression, or a split would lack one of the classes.
    """
    for name, value, most in (("duplicates", duplicates, 0.5), ("ambiguous", ambiguous or 0.0, 1.0)):
        if not 0.0 <= value <= most:
            raise FerKerasError(f"option {name} {value}: expected a number from 0 to {most}")
    if not 0.0 < test_fraction < 1.0:
        raise FerKerasError(f"option test_fraction {test_fraction}: expected a number between 0 and 1")
    label_set = FER2013 if classes is None else label_set_of(classes)
    expressions = [FER2013.number(name) for name in label_set.classes]
    if None in expressions:
        name = label_set.classes[expressions.index(None)]
        raise FerKerasError(f"option classes {name!r}: expected one of {', '.join(FER2013.classes)}")
    test = round(count * test_fraction / 2)
    sizes = {"train": count - 2 * test, "public_test": test, "private_test": test}
    if min(sizes.values()) < 2 * len(label_set):
        need = math.ceil(2 * len(label_set) / min(test_fraction / 2, 1.0 - test_fraction))
        raise FerKerasError(f"option count {count}: expected at least {need} drawn faces")
    rng = _generator(seed, _SET_STREAM)
    labels = np.concatenate([rng.permutation(_class_quota(size, expressions)) for size in sizes.values()])
    splits = np.repeat(list(sizes), list(sizes.values()))
    first = np.array(expressions)[labels]
    second, share, votes = first, np.zeros(count), None
    if ambiguous is not None:
        second, share, votes = _crowd(first, ambiguous, _generator(seed, _VOTES_STREAM))
    images = _draw(first, second, share, seed)
    if duplicates:
        originals = _copies(labels, splits, duplicates, rng)
        images = images[originals]
        votes = None if votes is None else votes[originals]
    ids = [f"{_ID_PREFIXES[split]}_{number:05d}" for split, size in sizes.items() for number in range(1, size + 1)]
    return FaceData.create(images, labels, ids, splits, SOURCE, drawn=True, label_set=label_set, votes=votes)


def _generator(seed: int, stream: int) -> np.random.Generator:
    """Return the same numbers for the same arguments, whatever was drawn before."""
    if not 0 <= seed < 2**63:
        raise FerKerasError(f"option seed {seed}: expected a whole number of 0 or more")
    return np.random.Generator(np.random.Philox(key=np.array([seed, stream], np.uint64)))


def _class_quota(size: int, expressions: list[int]) -> np.ndarray:
    """Return int64 [size]: `CLASS_SHARES` in whole numbers, at least one of each class."""
    shares = np.cumsum(np.array(CLASS_SHARES)[expressions])
    if len(expressions) < len(CLASS_SHARES):
        shares /= shares[-1]
    edges = np.round(shares * (size - len(expressions))).astype(np.int64)
    return np.repeat(np.arange(len(expressions)), np.diff(edges, prepend=0) + 1)


def _crowd(first: np.ndarray, ambiguous: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Say between which expressions faces are, and how ten people each vote on them.

    Each person sees the second expression with a chance that is its share in the face, so that on some faces most
    disagree with the label, as they do on FER2013's. The share is 0 for a face that is not ambiguous.
    """
    count, others = len(first), len(_EXPRESSIONS) - 1
    chosen = rng.permutation(count)[: round(ambiguous * count)]
    second = first.copy()
    second[chosen] = (first[chosen] + 1 + np.arange(len(chosen)) % others) % len(_EXPRESSIONS)
    share = np.zeros(count)
    share[chosen] = 0.2 + 0.6 * rng.random(len(chosen))
    draws = rng.random((2, count, _VOTERS))
    seen = np.where(draws[0] < share[:, np.newaxis], second[:, np.newaxis], first[:, np.newaxis])
    column = np.array([FERPLUS.number(name) for name in _EXPRESSIONS])[seen]
    column = np.where(draws[1] < _UNSURE, COLUMNS.index("unknown"), column)
    votes = (column[:, :, np.newaxis] == np.arange(len(COLUMNS))).sum(axis=1).astype(np.uint8)
    return second, share, votes


def _copies(labels: np.ndarray, splits: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return int64 [N]: of which image each is a copy; a share of each split of training images of the same label."""
    originals = np.arange(len(labels))
    for split in _ID_PREFIXES:
        rows = np.flatnonzero(splits == split)
        # The first image of each class stays, so that there is always one to copy.
        _, first = np.unique(labels[rows], return_index=True)
        chosen = rng.permutation(np.delete(rows, first))[: max(1, round(share * len(rows)))]
        kept = np.setdiff1d(np.flatnonzero(splits == "train"), chosen)
        for row in chosen:
            originals[row] = originals[rng.choice(kept[labels[kept] == labels[row]])]
    return originals


def _draw(first: np.ndarray, second: np.ndarray, share: np.ndarray, seed: int) -> np.ndarray:
    """Return uint8 [N, 48, 48, 1]: faces between two expressions, the second's share being `share`."""
    images = np.empty((len(first), *IMAGE_SHAPE), np.uint8)
    table = np.array([[actions.get(unit, 0.0) for unit in ACTION_UNITS] for actions in EXPRESSION_ACTIONS.values()])
    for start in range(0, len(first), _CHUNK):
        part = slice(start, min(start + _CHUNK, len(first)))
        of_second = share[part, np.newaxis]
        actions = (1.0 - of_second) * table[first[part]] + of_second * table[second[part]]
        images[part, ..., 0] = _draw_chunk(actions, np.arange(part.start, part.stop), seed)
    return images


def _draw_chunk(mean: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return uint8 [N, 48, 48] for the mean intensities of the action units, float64 [N, 15]."""
    names = list(FACE_RANGES)
    low, high = np.array(list(FACE_RANGES.values())).T
    luck = np.empty((len(rows), len(names) + 2 * len(ACTION_UNITS) + 1))
    grain = np.empty((len(rows), IMAGE_SIZE, IMAGE_SIZE), np.float32)
    for i, row in enumerate(rows):
        rng = _generator(seed, row)
        luck[i] = rng.random(luck.shape[1])
        # The sum of two uniform numbers is near enough to film grain and, unlike a normal one, it needs
        # no logarithm, so that it is the same number on every machine.
        grain[i] = rng.random((2, IMAGE_SIZE, IMAGE_SIZE), np.float32).sum(axis=0) - 1.0
    faces = low + luck[:, : len(names)] * (high - low)
    luck, units = luck[:, len(names) :], len(ACTION_UNITS)
    own = mean * (0.5 + 0.6 * luck[:, :1]) * (0.6 + 0.7 * luck[:, 1 : units + 1])
    # Some faces also do something that is not part of their expression, such as talking.
    stray = np.maximum(0.0, luck[:, units + 1 :] - 0.92) / 0.08 * 0.5
    actions = np.maximum(own, stray)
    pairs = zip(faces.tolist(), actions.tolist(), strict=True)
    flat = [draw_face(dict(zip(names, f, strict=True)), dict(zip(ACTION_UNITS, a, strict=True))) for f, a in pairs]
    return _photograph(np.stack(flat), dict(zip(names, faces.T[..., None, None], strict=True)), grain)


def _photograph(flat: np.ndarray, face: dict[str, np.ndarray], grain: np.ndarray) -> np.ndarray:
    """Light, blur and grain: uint8 [N, 48, 48] to the same."""
    image = flat.astype(np.float32)
    axis = np.linspace(-1.0, 1.0, IMAGE_SIZE, dtype=np.float32)
    x, y = axis[None, None, :], axis[None, :, None]
    slope = np.cos(face["light_angle"]) * x + np.sin(face["light_angle"]) * y
    # Heads are round: less light comes back from their rim.
    rim = ((x - face["shift_x"]) / 0.85) ** 2 + (y - face["shift_y"]) ** 2
    light = (1.0 + face["light"] * slope) * (1.0 - face["roundness"] * np.minimum(rim, 1.0) ** 2)
    image *= light.astype(np.float32)
    image = 255.0 * np.clip(image / 255.0, 0.0, 1.0) ** face["gamma"].astype(np.float32)
    image = 128.0 + face["contrast"].astype(np.float32) * (image - 128.0) + face["brightness"]
    edge = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = (edge[:, :-2] + edge[:, 1:-1] + edge[:, 2:]) / 3.0
    soft = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 3.0
    image += face["blur"] * (soft - image)
    image += 2.0 * face["noise"] * grain
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
