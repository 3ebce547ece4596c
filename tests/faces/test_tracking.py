"""Faces keep their ids while they move, pass in front of each other, and are lost for a moment."""

import numpy as np
import pytest

from fer_keras.faces.detector import FoundFace
from fer_keras.faces.tracking import Tracker


def face(x, y=100.0, side=50.0):
    return FoundFace(np.array([x, y, side, side]), np.tile([x, y], (6, 1)), 0.9)


def ids(tracker, seconds, *faces):
    return [track.number for track in tracker.update(list(faces), seconds)]


def test_faces_get_their_numbers_in_the_order_in_which_they_come():
    tracker = Tracker()
    assert ids(tracker, 0.0, face(0), face(200)) == [1, 2]
    assert ids(tracker, 0.1, face(5), face(100), face(195)) == [1, 3, 2]


def test_faces_that_cross_keep_their_numbers():
    tracker = Tracker()
    for step in range(41):
        left, right = face(8.0 * step), face(320 - 8.0 * step)
        hidden = abs(left.box[0] - right.box[0]) < 30  # the detector sees one of them
        found = [face((left.box[0] + right.box[0]) / 2)] if hidden else sorted([left, right], key=lambda f: f.box[0])
        numbers = ids(tracker, 0.05 * step, *found)
    assert numbers == [2, 1]


def test_one_who_is_lost_for_a_moment_is_the_same_where_he_is_expected():
    tracker = Tracker()
    for step in range(10):
        assert ids(tracker, 0.1 * step, face(20.0 * step)) == [1]
    assert ids(tracker, 1.0) == []
    assert ids(tracker, 1.5, face(300.0)) == [1]


def test_one_who_is_gone_for_longer_is_another():
    tracker = Tracker(patience=1.0)
    assert ids(tracker, 0.0, face(0)) == [1]
    assert ids(tracker, 1.0, face(0)) == [1]
    assert ids(tracker, 2.01, face(0)) == [2]


def test_without_a_detector_faces_go_on_as_they_moved():
    tracker = Tracker()
    for step in range(20):
        tracker.update([face(10.0 * step, 100.0)], 0.1 * step)
    (track,) = tracker.expected(2.0)
    assert track.number == 1 and track.face.box[0] == pytest.approx(200.0, abs=2.0)
    assert track.face.points[0] == pytest.approx(track.face.box[:2])


def test_a_face_that_was_not_found_last_is_not_expected():
    tracker = Tracker()
    tracker.update([face(0), face(200)], 0.0)
    tracker.update([face(0)], 0.1)
    assert [track.number for track in tracker.expected(0.2)] == [1]
    assert Tracker().expected(1.0) == []
