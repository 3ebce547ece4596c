"""A portrait in the public domain, and what tests do with photos."""

import io
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

PORTRAIT = Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")
FACE = (152, 101, 228, 228)


def overlap(one, other):
    """Intersection over union of two boxes."""
    low = np.maximum(one[:2], other[:2])
    high = np.minimum(np.add(one[:2], one[2:]), np.add(other[:2], other[2:]))
    inside = np.prod(np.maximum(high - low, 0))
    return inside / (one[2] * one[3] + other[2] * other[3] - inside)


def jpeg(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def sideways():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the left, so it is shown turned to the right
    return exif


def difference(image, other):
    return np.abs(np.asarray(image, np.float32) - np.asarray(other, np.float32)).mean()
