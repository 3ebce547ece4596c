"""Mixed views are functions of (seed, view, image) too, and exact."""

import numpy as np
import pytest
import tensorflow as tf

from fer_keras.config import ViewConfig
from fer_keras.data.augment import make_views
from fer_keras.data.mixup import make_mixed_views, mix
from fer_keras.data.random_streams import epoch_order, label_view_seed, mix_partners
from fer_keras.distill.objective import ViewSchedule
from fer_keras.training.pipeline import BatchOrder, training_dataset


class Logits:
    members, views = 1, 2

    def view(self, view):
        return (np.arange(100, dtype=np.float16)[:, None, None] * np.ones((1, 1, 7))).astype(np.float16)


@pytest.fixture
def train(faces):
    return faces.split("train").take(np.arange(100))


def test_half_of_the_images_are_mixed_and_keep_at_least_half_of_themselves():
    partners, share = mix_partners(0.5, 3, 1, 20_000)
    assert sorted(partners) == list(range(20_000))
    assert (share == 1).mean() == pytest.approx(0.5, abs=0.02)
    mixed = share[share < 1]
    assert 0.5 <= mixed.min() < 0.51 and mixed.mean() == pytest.approx(0.75, abs=0.01)
    np.testing.assert_array_equal(256 * share, np.round(256 * share))


def test_draws_depend_on_seed_and_view_alone():
    first = mix_partners(0.5, 3, 1, 50)
    for other, same in (((0.5, 3, 1), True), ((0.5, 3, 2), False), ((0.5, 4, 1), False)):
        again = mix_partners(*other, 50)
        assert all((a == b).all() for a, b in zip(first, again, strict=True)) is same


def test_mixing_is_the_rounded_weighted_mean(rng):
    a, b = rng.integers(0, 256, (2, 4, 48, 48, 1)).astype(np.uint8)
    share = np.array([1.0, 0.5, 0.75, 131 / 256], np.float32)
    weight = share.astype(np.float64)[:, None, None, None]
    mixed = mix(tf.constant(a), tf.constant(b), tf.constant(share)).numpy()
    np.testing.assert_array_equal(mixed, np.round(weight * a + (1 - weight) * b))
    np.testing.assert_array_equal(mixed[0], a[0])


def test_a_part_of_the_images_gets_the_same_pixels_as_the_whole(train):
    whole = make_mixed_views(train, np.arange(100), ViewConfig(), 5, 2, 0.7)
    rows = np.array([40, 3, 99])
    np.testing.assert_array_equal(make_mixed_views(train, rows, ViewConfig(), 5, 2, 0.7), whole[rows])


def test_without_mixup_they_are_the_plain_views(train):
    plain = make_views(ViewConfig(), 5, 2, train.images, train.index)
    np.testing.assert_array_equal(make_mixed_views(train, np.arange(100), ViewConfig(), 5, 2, 0.0), plain)


def mixed_targets(train, partners, share):
    return share[:, None] * train.targets + (1 - share[:, None]) * train.targets[partners]


def test_students_see_the_pictures_that_the_teachers_saw_with_both_labels(train):
    schedule = ViewSchedule(4, 3, mixup=0.5)
    batches = list(training_dataset(train, schedule, Logits(), epochs=range(1, 2), order=BatchOrder(64, 9)))
    order = epoch_order(9, 1, 100)
    partners, share = mix_partners(0.5, 4, 1, 100)
    np.testing.assert_array_equal(
        np.concatenate([images for images, _ in batches]),
        make_mixed_views(train, np.arange(100), ViewConfig(), 4, 1, 0.5)[order],
    )
    targets = {name: np.concatenate([y[name] for _, y in batches]) for name in batches[0][1]}
    np.testing.assert_array_equal(targets["targets"], mixed_targets(train, partners, share)[order])
    np.testing.assert_array_equal(targets["teacher_logits"][:, 0, 0], order)


def test_teachers_learn_from_mixed_views_of_their_own_stream(train):
    schedule = ViewSchedule(label_view_seed(9), mixup=0.5)
    batches = list(training_dataset(train, schedule, epochs=range(3, 4), order=BatchOrder(64, 9)))
    order, seed = epoch_order(9, 3, 100), label_view_seed(9)
    partners, share = mix_partners(0.5, seed, 3, 100)
    np.testing.assert_array_equal(
        np.concatenate([images for images, _ in batches]),
        make_mixed_views(train, np.arange(100), ViewConfig(), seed, 3, 0.5)[order],
    )
    targets = np.concatenate([targets for _, targets in batches])
    np.testing.assert_array_equal(targets, mixed_targets(train, partners, share)[order])
