"""A framed face lies where its crop says."""

import numpy as np
import pytest
from drawn_video import drawn_face

from fer_keras.faces.crop import cut
from fer_keras.faces.detector import FoundFace
from fer_keras.faces.finder import FaceFinder
from fer_keras.faces.framing import framed


@pytest.mark.parametrize("angle", [0.0, 25.0])
def test_the_crop_gives_the_face_back(angle):
    face = np.asarray(drawn_face(108, 48))[..., np.newaxis]
    for seed in range(4):
        sample = framed(face, np.random.default_rng(seed), angle)
        again = cut(sample.picture, sample.crop)[0].astype(int)
        assert np.abs(again - face)[4:-4, 4:-4].mean() < 4


def test_what_is_found_elsewhere_is_another_face():
    face = np.asarray(drawn_face(108, 48))[..., np.newaxis]
    sample = framed(face, np.random.default_rng(0))
    found = FaceFinder(tiles=False).find(sample.picture)
    assert sample.nearest(found) in found
    way = np.array([0.4 * sample.crop.side, 0.0])
    away = [FoundFace(face.box + np.concatenate([way, (0.0, 0.0)]), face.points + way, 1.0) for face in found]
    assert sample.nearest(away) is None and sample.nearest([]) is None
