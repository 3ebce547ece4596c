"""A timeline has a panel for each face, breaks where it is gone, and is thinned instead of growing."""

import numpy as np

from fer_keras.faces import timeline
from fer_keras.faces.following import FollowedFace
from fer_keras.faces.timeline import Timeline
from fer_keras.predict import Prediction

CLASSES = ("happy", "sad")


def seen(face, happy):
    return FollowedFace(face, Prediction("happy", 0, happy, True, np.array([happy, 1 - happy]), CLASSES))


def test_lines_are_the_probabilities_and_break_where_a_face_is_gone():
    times = Timeline(CLASSES)
    for step in range(30):
        faces = [seen(1, 0.5 + step / 100)] if not 10 <= step < 20 else []
        times.add(0.1 * step, [*faces, seen(2, 0.25)])
    lines = times.lines()
    seconds, rows = lines[1]
    assert len(seconds) == 21 and np.flatnonzero(np.isnan(rows[:, 0])).tolist() == [10]
    np.testing.assert_allclose(rows[[0, 9, 11], 0], [0.5, 0.59, 0.7], atol=1e-6)
    np.testing.assert_allclose(lines[2][1], np.tile([0.25, 0.75], (30, 1)))


def test_a_figure_has_a_panel_for_each_of_those_seen_longest():
    times = Timeline(CLASSES)
    for step in range(20):
        times.add(0.1 * step, [seen(face, 0.5) for face in range(1, 12) if step < face + 5])
    figure = times.figure()
    assert [axis.get_ylabel() for axis in figure.axes] == [f"face {face}" for face in range(4, 12)]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == list(CLASSES)
    assert len(Timeline(CLASSES).figure().axes) == 1


def test_it_is_thinned_evenly(monkeypatch):
    monkeypatch.setattr(timeline, "_MOST_POINTS", 100)
    times = Timeline(CLASSES)
    for step in range(1000):
        times.add(0.1 * step, [seen(1, 0.5)])
    seconds, rows = times.lines()[1]
    assert 50 <= len(seconds) <= 100 and not np.isnan(rows).any()
    np.testing.assert_allclose(np.diff(seconds), 1.6)
