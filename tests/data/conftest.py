"""One small set of random images."""

from types import SimpleNamespace

import numpy as np
import pytest
from face_files import FOLDER_NAMES, USAGES, png


@pytest.fixture
def drawn():
    """28 images: 14 of Training, 7 each of the tests, every class in each, in a shuffled class order.

    `members` are those of the alphabetical archive; image i has the name that the CSV's line i + 2 gets.
    """
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (28, 48, 48), dtype=np.uint8)
    labels = np.concatenate([rng.permutation(7) for _ in range(4)])
    usages = ["Training"] * 14 + ["PublicTest"] * 7 + ["PrivateTest"] * 7
    names = [f"{usage}_{row + 2:08d}" for row, usage in enumerate(usages)]
    members = {
        f"{USAGES[usage]}/{FOLDER_NAMES[label]}/{name}.png": png(image)
        for usage, label, name, image in zip(usages, labels, names, images, strict=True)
    }
    members = dict(sorted(members.items()))  # alphabetical classes, as Kaggle has them
    return SimpleNamespace(images=images, labels=labels, usages=usages, names=names, members=members)
