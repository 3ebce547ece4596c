"""A smoothed value is the mean of what was seen, weighted by age."""

import numpy as np
import pytest

from fer_keras.faces.smoothing import Smoother


def test_weights_fall_by_e_in_a_time_constant():
    smoother = Smoother(0.5)
    assert smoother.add(1, 0.0, np.array([1.0])) == [1.0]
    assert smoother.add(1, 0.5, np.array([0.0])) == pytest.approx(np.exp(-1) / (1 + np.exp(-1)))
    expected = np.exp(-1) * np.exp(-2) / (np.exp(-1) * np.exp(-2) + np.exp(-2) + 1)
    assert smoother.add(1, 1.5, np.array([0.0])) == pytest.approx(expected)


def test_it_settles_on_what_stays():
    smoother = Smoother(0.2)
    smoother.add(1, 0.0, np.array([1.0, 0.0]))
    for step in range(1, 41):
        smoothed = smoother.add(1, 0.05 * step, np.array([0.0, 1.0]))
    np.testing.assert_allclose(smoothed, [0.0, 1.0], atol=1e-4)


def test_each_face_has_its_own():
    smoother = Smoother(1.0)
    smoother.add(1, 0.0, np.array([1.0]))
    assert smoother.add(2, 0.1, np.array([0.0])) == [0.0]


def test_none_gives_back_what_was_given():
    smoother = Smoother(0.0)
    smoother.add(1, 0.0, np.array([1.0]))
    assert smoother.add(1, 0.1, np.array([0.25])) == [0.25]


def test_faces_that_are_gone_are_forgotten():
    smoother = Smoother(0.1)
    for face in range(100):
        smoother.add(face, float(face), np.zeros(7))
    assert len(smoother._state) <= 2
