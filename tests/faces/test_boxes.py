"""Boxes overlap by intersection over union, and those of one face become their weighted mean."""

import numpy as np

from fer_keras.faces.boxes import merged, overlaps


def test_overlap_is_intersection_over_union():
    boxes = np.array([[0.0, 0, 10, 10], [100, 100, 4, 4]])
    others = np.array([[0.0, 0, 10, 10], [5, 0, 10, 10], [10, 0, 10, 10]])
    np.testing.assert_allclose(overlaps(boxes, others), [[1, 50 / 150, 0], [0, 0, 0]])


def test_boxes_of_one_face_become_their_mean_weighted_by_score():
    boxes = np.array([[0.0, 0, 10, 10], [2, 0, 10, 10], [50, 50, 10, 10]])
    values, scores = merged(boxes, boxes, np.array([0.6, 0.9, 0.7]))
    np.testing.assert_allclose(values, [[0.9 * 2 / 1.5, 0, 10, 10], [50, 50, 10, 10]])
    np.testing.assert_allclose(scores, [0.9, 0.7])


def test_nothing_found_is_no_face():
    values, scores = merged(np.empty((0, 4)), np.empty((0, 16)), np.empty(0))
    assert values.shape == (0, 16) and scores.shape == (0,)
