"""Drawn faces: a stand-in for FER2013 that needs no file, is free to share, and is the same everywhere.

Each face is a set of facial action intensities (what its expression does, weakened, mixed and
disturbed at random) on a random identity, pose and light. Logistic regression on 3,000 of them
scores about 0.46, a three-layer CNN about 0.85, so that a test can tell a model that learns from one
that does not. Scores on drawn faces say nothing about real ones.

References: Ekman and Friesen, "Facial Action Coding System", 1978, and its EMFACS table of the
actions of each emotion.
"""

import math
from collections.abc import Sequence

import numpy as np

from fer_keras.data.dataset import SPLIT_OF_USAGE, FaceData
from fer_keras.data.face_drawing import draw_face
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, IMAGE_SHAPE, IMAGE_SIZE, LabelSet, label_set_of

SOURCE = "drawn faces"

CLASS_SHARES: tuple[float, ...] = (0.14, 0.07, 0.14, 0.21, 0.16, 0.13, 0.15)
"""Share of each class, in the order of `FER2013`'s: FER2013's order of sizes, but milder."""

ACTION_UNITS: tuple[str, ...] = (
    "inner_brow_raise",  # AU1
    "outer_brow_raise",  # AU2
    "brow_lower",  # AU4
    "lid_raise",  # AU5
    "cheek_raise",  # AU6
    "lid_tighten",  # AU7
    "nose_wrinkle",  # AU9
    "lip_raise",  # AU10
    "corner_pull",  # AU12
    "corner_depress",  # AU15
    "lip_depress",  # AU16
    "lip_stretch",  # AU20
    "lip_tighten",  # AU23
    "lips_part",  # AU25
    "jaw_drop",  # AU26
)

EXPRESSION_ACTIONS: dict[str, dict[str, float]] = {
    "angry": {"brow_lower": 1.0, "lid_raise": 0.4, "lid_tighten": 0.6, "lip_tighten": 0.9},
    "disgust": {
        "nose_wrinkle": 1.0, "lip_raise": 0.7, "corner_depress": 0.6, "lip_depress": 0.5, "brow_lower": 0.3,
    },
    "fear": {
        "inner_brow_raise": 0.9, "outer_brow_raise": 0.4, "brow_lower": 0.5, "lid_raise": 0.8,
        "lip_stretch": 0.9, "lips_part": 0.5, "jaw_drop": 0.3,
    },
    "happy": {"cheek_raise": 0.8, "corner_pull": 1.0, "lips_part": 0.5},
    "sad": {"inner_brow_raise": 0.8, "brow_lower": 0.4, "corner_depress": 1.0},
    "surprise": {
        "inner_brow_raise": 0.9, "outer_brow_raise": 1.0, "lid_raise": 0.8, "lips_part": 0.4, "jaw_drop": 0.9,
    },
    "neutral": {},
}  # fmt: skip
"""Mean intensity of each action in each expression; an action that is not named is 0."""

FACE_RANGES: dict[str, tuple[float, float]] = {
    # identity
    "skin": (110.0, 220.0), "hair": (15.0, 150.0), "background": (10.0, 245.0),
    "face_width": (0.68, 0.84), "jaw_taper": (0.1, 0.45), "hairline": (-0.85, -0.6), "fringe": (-0.2, 0.2),
    "hair_length": (-0.3, 1.0), "eye_gap": (0.31, 0.4), "eye_y": (-0.2, -0.08), "eye_width": (0.15, 0.2),
    "eye_open": (0.07, 0.12), "gaze": (-0.05, 0.05), "iris": (15.0, 85.0), "brow_height": (0.22, 0.34),
    "brow_tilt": (-0.025, 0.025), "brow_arch": (0.0, 0.06), "brow_thick": (0.022, 0.06), "brow": (0.2, 0.6),
    "nose_width": (0.1, 0.17), "nose_y": (0.17, 0.28), "mouth_y": (0.5, 0.6), "mouth_width": (0.25, 0.35),
    "mouth_rest": (-0.02, 0.02), "lip": (0.03, 0.06), "lip_tone": (0.55, 0.85), "teeth": (170.0, 250.0),
    "wrinkles": (0.0, 0.1),
    # what may be in the way
    "glasses": (0.0, 1.0), "frame": (10.0, 120.0), "moustache": (0.0, 1.0), "hand": (0.0, 1.0),
    "hand_x": (-0.7, 0.7), "hand_y": (0.2, 0.9), "clutter_x": (-1.2, 1.2), "clutter_y": (-1.2, 1.2),
    "clutter": (10.0, 245.0),
    # pose
    "roll": (-0.14, 0.14), "yaw": (-0.16, 0.16), "pitch": (-0.08, 0.08), "scale": (0.9, 1.06),
    "shift_x": (-0.05, 0.05), "shift_y": (-0.1, 0.0),
    # light and camera
    "light_angle": (0.0, 2.0 * math.pi), "light": (0.0, 0.4), "roundness": (0.0, 0.5),
    "gamma": (0.7, 1.4), "contrast": (0.7, 1.15), "brightness": (-25.0, 25.0), "blur": (0.0, 0.7),
    "noise": (1.0, 9.0),
}  # fmt: skip
"""Range of each number that makes a face other than its expression; all are drawn uniformly."""

_ID_PREFIXES = {split: usage for usage, split in SPLIT_OF_USAGE.items()}

_CHUNK = 512
"""Faces lit at once: bounds the memory that a large set takes."""

_SET_STREAM = 2**63
"""The random stream of labels and copies, out of reach of any image's number."""


def draw_faces(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Draw one face per label.

    Image i depends on `seed`, i and `labels[i]` only, so a longer list starts with the same faces.

    Args:
        labels: integers [N], each 0..6, FER2013's numbers.
        seed: equal seeds give equal pixels; 0 or more.

    Returns:
        uint8 [N, 48, 48, 1].

    Raises:
        FerKerasError: a label is not 0..6, or the seed is negative.
    """
    labels = np.asarray(labels, np.int64)
    if labels.size and not (labels.min() >= 0 and labels.max() < len(FER2013)):
        wrong = labels[(labels < 0) | (labels >= len(FER2013))][0]
        raise FerKerasError(f"drawn faces: label {wrong}, expected 0..6")
    _check_seed(seed)
    images = np.empty((len(labels), *IMAGE_SHAPE), np.uint8)
    for start in range(0, len(labels), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(labels)))
        images[rows, ..., 0] = _draw_chunk(labels[rows], rows, seed)
    return images


def drawn_faces(
    count: int = 4000,
    seed: int = 0,
    *,
    test_fraction: float = 0.2,
    duplicates: float = 0.02,
    classes: Sequence[str] | None = None,
) -> FaceData:
    """Draw a data set with FER2013's splits, ids and faults.

    Args:
        count: number of images of all splits together.
        seed: equal seeds give equal data; 0 or more.
        test_fraction: share of the images in public_test and private_test together, half each.
        duplicates: share of the images of each split that are exact copies of another training image
            with the same label, at least one a split; 0 for none. FER2013 has 4% in training and 8% in
            each test split.
        classes: some of the expressions, in any known spelling; default: FER2013's seven.

    Returns:
        FaceData of `count` images, marked as drawn, in the order train, public_test, private_test, every
        class in each.

    Raises:
        FerKerasError: an option is out of range, a class is no expression, or a split would be left without one of
            the classes.
    """
    if not 0.0 < test_fraction < 1.0:
        raise FerKerasError(f"option test_fraction {test_fraction}: expected a number between 0 and 1")
    if not 0.0 <= duplicates <= 0.5:
        raise FerKerasError(f"option duplicates {duplicates}: expected a number from 0 to 0.5")
    _check_seed(seed)
    label_set = FER2013 if classes is None else label_set_of(classes)
    expressions = _expressions(label_set)
    test = round(count * test_fraction / 2)
    sizes = {"train": count - 2 * test, "public_test": test, "private_test": test}
    if min(sizes.values()) < 2 * len(label_set):
        need = math.ceil(2 * len(label_set) / min(test_fraction / 2, 1.0 - test_fraction))
        raise FerKerasError(f"option count {count}: expected at least {need} drawn faces")
    rng = _generator(seed, _SET_STREAM)
    labels = np.concatenate([rng.permutation(_class_quota(size, expressions)) for size in sizes.values()])
    splits = np.repeat(list(sizes), list(sizes.values()))
    images = draw_faces(expressions[labels], seed)
    if duplicates:
        _copy_some(images, labels, splits, duplicates, rng)
    ids = [f"{_ID_PREFIXES[split]}_{number:05d}" for split, size in sizes.items() for number in range(1, size + 1)]
    return FaceData.create(images, labels, ids, splits, SOURCE, drawn=True, label_set=label_set)


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**63:
        raise FerKerasError(f"option seed {seed}: expected a whole number of 0 or more")


def _generator(seed: int, stream: int) -> np.random.Generator:
    """Return the same numbers for the same arguments, whatever was drawn before."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, stream], np.uint64)))


def _expressions(label_set: LabelSet) -> np.ndarray:
    """Return int64 [C]: the number in FER2013 of each class."""
    numbers = [FER2013.number(name) for name in label_set.classes]
    if None in numbers:
        name = label_set.classes[numbers.index(None)]
        raise FerKerasError(f"option classes {name!r}: expected one of {', '.join(FER2013.classes)}")
    return np.array(numbers, np.int64)


def _class_quota(size: int, expressions: np.ndarray) -> np.ndarray:
    """Return int64 [size]: `CLASS_SHARES` in whole numbers, at least one of each class."""
    shares = np.cumsum(np.array(CLASS_SHARES)[expressions])
    if len(expressions) < len(CLASS_SHARES):
        shares /= shares[-1]
    edges = np.round(shares * (size - len(expressions))).astype(np.int64)
    return np.repeat(np.arange(len(expressions)), np.diff(edges, prepend=0) + 1)


def _copy_some(
    images: np.ndarray, labels: np.ndarray, splits: np.ndarray, share: float, rng: np.random.Generator
) -> None:
    """Overwrite a share of each split with copies of training images of the same label."""
    for split in _ID_PREFIXES:
        rows = np.flatnonzero(splits == split)
        # The first image of each class stays, so that there is always one to copy.
        _, first = np.unique(labels[rows], return_index=True)
        chosen = rng.permutation(np.delete(rows, first))[: max(1, round(share * len(rows)))]
        kept = np.setdiff1d(np.flatnonzero(splits == "train"), chosen)
        for row in chosen:
            images[row] = images[rng.choice(kept[labels[kept] == labels[row]])]


def _draw_chunk(labels: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return uint8 [N, 48, 48]."""
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
    actions = _intensities(labels, luck[:, len(names) :])
    flat = np.stack(
        [
            draw_face(dict(zip(names, face, strict=True)), dict(zip(ACTION_UNITS, action, strict=True)))
            for face, action in zip(faces.tolist(), actions.tolist(), strict=True)
        ]
    )
    return _photograph(flat, dict(zip(names, faces.T[..., None, None], strict=True)), grain)


def _intensities(labels: np.ndarray, luck: np.ndarray) -> np.ndarray:
    """Return float64 [N, 15]: intensity of each action unit, from the label and uniform numbers."""
    table = np.array([[EXPRESSION_ACTIONS[name].get(unit, 0.0) for unit in ACTION_UNITS] for name in FER2013.classes])
    units = len(ACTION_UNITS)
    strength = 0.5 + 0.6 * luck[:, :1]
    own = table[labels] * strength * (0.6 + 0.7 * luck[:, 1 : units + 1])
    # Some faces also do something that is not part of their expression, such as talking.
    stray = np.maximum(0.0, luck[:, units + 1 :] - 0.92) / 0.08 * 0.5
    return np.maximum(own, stray)


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
