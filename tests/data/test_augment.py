"""Views are functions of (seed, view, image) alone, bit for bit."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from fer_keras.config import ViewConfig
from fer_keras.data.augment import apply_views, make_views, sheet_of_views
from fer_keras.data.random_streams import view_parameters

STILL = ViewConfig(flip=False, rotation=0, shift=0, zoom=0, brightness=0, contrast=0, erasing=0)

IN_ANOTHER_PROCESS = """
import hashlib, sys
import numpy as np, tensorflow as tf
threads = int(sys.argv[1])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)
from fer_keras.data.augment import make_views
from fer_keras.config import ViewConfig
images = np.random.default_rng(0).integers(0, 256, (300, 48, 48, 1)).astype(np.uint8)
print(hashlib.sha256(make_views(ViewConfig(), 5, 2, images, np.arange(300)).tobytes()).hexdigest())
"""


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (300, 48, 48, 1)).astype(np.uint8)


def test_any_order_and_batch_size_makes_the_same_views(images, rng):
    index = np.arange(300)
    whole = make_views(ViewConfig(), 5, 2, images, index)
    order = rng.permutation(300)
    for size in (1, 7, 128):
        for start in range(0, 140, size):
            rows = order[start : start + size]
            np.testing.assert_array_equal(make_views(ViewConfig(), 5, 2, images[rows], index[rows]), whole[rows])


def test_another_process_and_thread_count_makes_the_same_views(images):
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, "4"]
    there = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
    here = make_views(ViewConfig(), 5, 2, images, np.arange(300))
    assert there == hashlib.sha256(here.tobytes()).hexdigest()


def test_inside_a_parallel_pipeline_the_views_are_the_same(images):
    index = np.arange(300)
    drawn = view_parameters(ViewConfig(), 5, 2, index)
    dataset = tf.data.Dataset.from_tensor_slices((images, drawn)).batch(11).map(apply_views, num_parallel_calls=4)
    piped = np.concatenate(list(dataset.as_numpy_iterator()))
    np.testing.assert_array_equal(piped, make_views(ViewConfig(), 5, 2, images, index))


def test_parameters_are_known_numbers():
    """A change of these makes every logit cache wrong: raise augment.VERSION with it."""
    drawn = view_parameters(ViewConfig(), 1, 0, np.array([0, 3]))
    draws = np.random.Generator(np.random.Philox(key=[1, 0])).random((4, 12))[[0, 3]]
    angle = np.radians(15) / 2
    half = np.tan(angle) * (2 * draws[:, 1] - 1)
    turn, zoom = 2 * np.arctan(half), 1 / 1.15 + (1.15 - 1 / 1.15) * draws[:, 2]
    mirror = np.where(draws[:, 0] < 0.5, -1, 1)
    np.testing.assert_allclose(drawn[:, 0], mirror * np.cos(turn) * zoom, rtol=1e-6)
    np.testing.assert_allclose(drawn[:, 3], np.sin(turn) * zoom, atol=1e-7)
    np.testing.assert_allclose(drawn[:, 8], 1 + 0.25 * (2 * draws[:, 5] - 1), rtol=1e-6)


def test_views_differ_by_seed_view_and_image(images):
    index = np.arange(20)
    same = np.repeat(images[:1], 20, axis=0)
    first = make_views(ViewConfig(), 0, 0, same, index)
    assert len({view.tobytes() for view in first}) == 20
    assert (make_views(ViewConfig(), 0, 1, same, index) != first).any(axis=(1, 2, 3)).all()
    assert (make_views(ViewConfig(), 1, 0, same, index) != first).any(axis=(1, 2, 3)).all()


def test_without_any_change_a_view_is_the_face(images):
    np.testing.assert_array_equal(make_views(STILL, 0, 0, images, np.arange(300)), images)


def test_flip_mirrors_about_half_exactly(images):
    from dataclasses import replace

    views = make_views(replace(STILL, flip=True), 0, 0, images, np.arange(300))
    mirrored = (views == images[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (views == images).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 110 < mirrored.sum() < 190


def test_limits_are_kept():
    config = ViewConfig()
    drawn = view_parameters(config, 9, 9, np.arange(5000))
    angle = np.degrees(np.arctan2(drawn[:, 3], drawn[:, 4]))
    assert 14 < np.abs(angle).max() <= 15.001
    zoom = np.hypot(drawn[:, 3], drawn[:, 4])
    assert 1 / 1.1501 < zoom.min() < 0.9 and 1.12 < zoom.max() < 1.1501
    tall, wide = drawn[:, 12] - drawn[:, 10], drawn[:, 13] - drawn[:, 11]
    assert 0.22 < (tall > 0).mean() < 0.28
    assert tall.max() <= np.ceil(0.4 * 48) and wide.max() <= np.ceil(0.4 * 48)
    assert drawn[:, 10:12].min() >= 0 and drawn[:, 12:14].max() <= 48


def test_an_erased_rectangle_is_one_grey(images):
    from dataclasses import replace

    config = replace(STILL, erasing=1.0)
    view = make_views(config, 0, 0, images[:1], np.array([0]))[0, ..., 0]
    top, left, bottom, right, grey = view_parameters(config, 0, 0, np.array([0]))[0, 10:].astype(int)
    assert (view[top:bottom, left:right] == grey).all()
    outside = np.ones((48, 48), bool)
    outside[top:bottom, left:right] = False
    np.testing.assert_array_equal(view[outside], images[0, ..., 0][outside])


def test_the_sheet_begins_with_the_faces(images):
    sheet = sheet_of_views(ViewConfig(), 0, images[:3], np.arange(3), views=4)
    assert sheet.shape == (3, 5, 48, 48, 1)
    np.testing.assert_array_equal(sheet[:, 0], images[:3])
    np.testing.assert_array_equal(sheet[:, 3], make_views(ViewConfig(), 0, 2, images[:3], np.arange(3)))
