"""Everything a run draws at random, by NumPy: views, mixing partners, the order of images.

Each is a function of (seed, number) alone, so any process draws the same again. NumPy computes in float64 and with
IEEE-exact operations only (no sin, cos, exp or log, whose last bit differs between machines).

Reference: Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox, whose key is (seed, number)).
"""

import numpy as np

from fer_keras.config import ViewConfig
from fer_keras.labels import IMAGE_SIZE

# Cached views have the plain seeds, below 2^31; the others have streams of their own beside them, so that no teacher
# was trained on the very views it is asked about.
_LABEL_VIEWS, _ORDER, _MIX = 2**32, 2**33, 2**34

_DRAWS = 12
_MID_GREY = 127.5
_SHARES = 256


def label_view_seed(seed: int) -> int:
    """Return the seed of the views that a run with `seed` learns labels from."""
    return _LABEL_VIEWS + seed


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """Return int64 [count]: the order in which epoch `epoch` sees the images."""
    return np.random.Generator(np.random.Philox(key=[_ORDER + seed, epoch])).permutation(count)


def mix_partners(mixup: float, seed: int, view: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw with whom each of `count` images is mixed in one view, of which a share of `mixup` is, and how much is left.

    Returns:
        int64 [N], the row of each image's partner, and float32 [N], the image's own share: 1 where it is not mixed,
        else a multiple of 1/256 from 1/2 to 1, so that mixing grey values is exact and the first is never the lesser.
    """
    rng = np.random.Generator(np.random.Philox(key=[_MIX + seed, view]))
    partners = rng.permutation(count)
    draws = rng.random((count, 2))
    own = 1.0 - np.floor(draws[:, 1] * (_SHARES // 2 + 1)) / _SHARES
    return partners, np.where(draws[:, 0] < mixup, own, 1.0).astype(np.float32)


def view_parameters(config: ViewConfig, seed: int, view: int, index: np.ndarray) -> np.ndarray:
    """Draw the parameters of one view of some images, whose `FaceData.index` are int [N].

    Row i of the stream (seed, view) belongs to image i of the source, so the other images asked for make no
    difference.

    Returns:
        float32 [N, 15]: eight coefficients of the projective transform from output to input pixels, gain and
        offset of the grey values, then the erased rectangle: top, left, bottom, right (exclusive) and its grey.
    """
    if len(index) == 0:
        return np.empty((0, 15), np.float32)
    rng = np.random.Generator(np.random.Philox(key=[seed, view]))
    draws = rng.random((int(np.max(index)) + 1, _DRAWS))[index]
    transform = _transforms(config, *draws[:, :5].T)
    contrast, brightness = 2.0 * draws[:, 5:7].T - 1.0
    gain = 1.0 + config.contrast * contrast
    offset = _MID_GREY * (1.0 - gain) + 255.0 * config.brightness * brightness
    box = _rectangles(config, *draws[:, 7:12].T)
    return np.column_stack([*transform, gain, offset, *box]).astype(np.float32)


def _transforms(config: ViewConfig, *draws: np.ndarray) -> list[np.ndarray]:
    """Return the eight coefficients a0..a7: input x = a0 x + a1 y + a2, y = a3 x + a4 y + a5 of output x, y."""
    flip, turn, zoom, shift_x, shift_y = draws
    mirror = np.where((flip < 0.5) & config.flip, -1.0, 1.0)
    # Half-angle tangent: sine and cosine by division alone. The largest tangent is a constant of the run,
    # rounded so that its own last bits cannot differ either.
    half_tangent = round(float(np.tan(np.radians(config.rotation) / 2.0)), 9) * (2.0 * turn - 1.0)
    cosine = (1.0 - half_tangent**2) / (1.0 + half_tangent**2)
    sine = 2.0 * half_tangent / (1.0 + half_tangent**2)
    low, high = 1.0 / (1.0 + config.zoom), 1.0 + config.zoom
    scale = low + (high - low) * zoom
    center = (IMAGE_SIZE - 1) / 2.0
    move_x, move_y = (config.shift * IMAGE_SIZE * (2.0 * draw - 1.0) for draw in (shift_x, shift_y))
    a, b = mirror * cosine * scale, -mirror * sine * scale
    c, d = sine * scale, cosine * scale
    zero = np.zeros_like(a)
    return [
        a, b, center - a * center - b * center + move_x,
        c, d, center - c * center - d * center + move_y,
        zero, zero,
    ]  # fmt: skip


def _rectangles(config: ViewConfig, *draws: np.ndarray) -> list[np.ndarray]:
    """Return top, left, bottom, right and grey of the erased rectangle (Zhong et al., arXiv 1708.04896)."""
    chance, height, width, position, grey = draws
    longest = config.erasing_side * IMAGE_SIZE
    erased = chance < config.erasing
    tall, wide = (np.where(erased, np.ceil(longest * (0.25 + 0.75 * side)), 0.0) for side in (height, width))
    # One draw gives both coordinates: its leading part the row, what is left of it the column.
    coarse = np.floor(position * 1024.0)
    top = np.floor((IMAGE_SIZE - tall + 1.0) * coarse / 1024.0)
    left = np.floor((IMAGE_SIZE - wide + 1.0) * (position * 1024.0 - coarse))
    return [top, left, top + tall, left + wide, np.floor(256.0 * grey)]
