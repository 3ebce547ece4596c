"""The batches of an epoch are a function of (seed, epoch)."""

import numpy as np
import pytest
from soft_targets import one_hot

from fer_keras.config import WEAK_VIEWS, ViewConfig
from fer_keras.data.augment import make_views
from fer_keras.data.random_streams import epoch_order, label_view_seed
from fer_keras.distill.objective import ViewSchedule
from fer_keras.training.metrics import LabelledAccuracy, MacroF1
from fer_keras.training.pipeline import (
    BatchOrder,
    evaluation_dataset,
    steps_per_epoch,
    training_dataset,
)

LABELS = ViewSchedule(label_view_seed(9))
"""Of a network that learns from labels with seed 9."""


class Logits:
    """Logits that say which view and image they are of."""

    members, views = 2, 3

    def view(self, view):
        rows = np.arange(100, dtype=np.float16)[:, None, None]
        return np.concatenate([rows * np.ones((1, 1, 7)), view * np.ones((100, 1, 7))], 1).astype(np.float16)


@pytest.fixture
def train(faces):
    return faces.split("train").take(np.arange(100))


def epochs_of(dataset, steps):
    batches = list(dataset.as_numpy_iterator())
    return [batches[start : start + steps] for start in range(0, len(batches), steps)]


def test_each_epoch_has_its_own_order_and_a_fresh_view(train):
    dataset = training_dataset(train, LABELS, epochs=range(2, 4), order=BatchOrder(32, 9))
    steps = steps_per_epoch(100, 32)
    epochs = epochs_of(dataset, steps)
    assert steps == 4 and len(epochs) == 2
    for epoch, batches in zip((2, 3), epochs, strict=True):
        order = epoch_order(9, epoch, 100)
        np.testing.assert_array_equal(np.concatenate([targets for _, targets in batches]), train.targets[order])
        views = make_views(ViewConfig(), label_view_seed(9), epoch, train.images, train.index)
        np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), views[order])


def test_starting_later_gives_the_same_epochs(train):
    def last(first):
        dataset = training_dataset(train, LABELS, epochs=range(first, 3), order=BatchOrder(32, 9))
        return np.concatenate([images for images, _ in epochs_of(dataset, 4)[-1]])

    np.testing.assert_array_equal(last(0), last(2))


def test_the_last_epochs_may_see_weak_views_none_of_them_mixed(train):
    schedule = ViewSchedule(4, mixup=1.0, weak_from=3)
    dataset = training_dataset(train, schedule, epochs=range(2, 4), order=BatchOrder(100, 9))
    (mixed, mixed_targets), (weak, targets) = dataset.as_numpy_iterator()
    order = epoch_order(9, 3, 100)
    np.testing.assert_array_equal(weak, make_views(WEAK_VIEWS, 4, 3, train.images, train.index)[order])
    np.testing.assert_array_equal(targets, train.targets[order])
    order = epoch_order(9, 2, 100)
    assert (mixed != make_views(ViewConfig(), 4, 2, train.images, train.index)[order]).any()
    assert (mixed_targets.max(axis=1) < 1).any()


def test_the_accuracy_of_two_heads_is_the_mean_of_theirs_over_the_images_that_each_has():
    targets = np.array([[1, 0, 0, 0, 1], [0, 1, 0, 0, 0], [0, 0, 0.2, 0.6, 0.2]], np.float32)
    logits = np.array([[2, 1, 0, 0, 3], [2, 1, 9, 0, 0], [0, 0, 5, 1, 0]], np.float32)
    both, first, second = (LabelledAccuracy(heads) for heads in ([(0, 2), (2, 5)], [(0, 2)], [(2, 5)]))
    for metric in (both, first, second):
        metric.update_state(targets[:2], logits[:2])
        metric.update_state(targets[2:], logits[2:])
    assert [float(metric.result()) for metric in (first, second, both)] == [0.5, 0.5, 0.5]
    both.reset_state()
    both.update_state(targets[:1], logits[:1])
    assert float(both.result()) == 1.0
    again = LabelledAccuracy.from_config(both.get_config())
    assert again.heads == both.heads


def test_epoch_e_uses_view_e_mod_k_with_its_own_logits(train):
    dataset = training_dataset(train, ViewSchedule(4, 3), Logits(), epochs=range(5), order=BatchOrder(64, 9))
    for epoch, batches in enumerate(epochs_of(dataset, 2)):
        images = np.concatenate([images for images, _ in batches])
        targets = {name: np.concatenate([y[name] for _, y in batches]) for name in batches[0][1]}
        order = epoch_order(9, epoch, 100)
        np.testing.assert_array_equal(targets["teacher_logits"][:, 0, 0], order)
        assert (targets["teacher_logits"][:, 1] == epoch % 3).all()
        np.testing.assert_array_equal(targets["targets"], train.targets[order])
        np.testing.assert_array_equal(images, make_views(ViewConfig(), 4, epoch % 3, train.images, train.index)[order])


def test_evaluation_sees_the_faces_as_they_are_in_order(train):
    batches = list(evaluation_dataset(train, 64).as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), train.images)
    np.testing.assert_array_equal(np.concatenate([targets for _, targets in batches]), train.targets)


def test_autotune_is_off_everywhere(train):
    for dataset in (
        evaluation_dataset(train),
        training_dataset(train, LABELS, epochs=range(1), order=BatchOrder(8, 0)),
    ):
        assert dataset.options().autotune.enabled is False


@pytest.mark.parametrize("weighted", [False, True])
def test_macro_f1_is_scikit_learns(rng, weighted):
    from sklearn.metrics import confusion_matrix, f1_score

    labels, logits = rng.integers(0, 6, 200), rng.normal(size=(200, 7)).astype(np.float32)
    weights = rng.random(200).astype(np.float32) if weighted else None
    metric = MacroF1(7)
    for start in range(0, 200, 64):
        rows = slice(start, start + 64)
        metric.update_state(one_hot(labels[rows]), logits[rows], None if weights is None else weights[rows])
    guesses = logits.argmax(-1)
    expected = f1_score(labels, guesses, average="macro", labels=range(7), zero_division=0, sample_weight=weights)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    counted = confusion_matrix(labels, guesses, labels=range(7), sample_weight=weights)
    np.testing.assert_allclose(metric.confusion.numpy(), counted, rtol=1e-5)


def test_macro_f1_passes_over_unlabelled_images():
    metric = MacroF1(7)
    metric.update_state(one_hot([-1, 0, 0]), np.eye(7, dtype=np.float32)[[3, 0, 1]])
    assert metric.confusion.numpy().sum() == 2
