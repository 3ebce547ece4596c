"""FaceData and its duplicate-safe validation split."""

from dataclasses import replace

import numpy as np
import pytest
from soft_targets import one_hot

from fer_keras.data.dataset import FaceData, duplicate_groups, fold_of, mark_validation, with_unlabelled
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, LabelSet


def make(count, rng, splits=None, labels=None):
    images = rng.integers(0, 256, (count, 48, 48, 1)).astype(np.uint8)
    labels = np.arange(count) % 7 if labels is None else labels
    return FaceData.create(images, labels, [f"i{n}" for n in range(count)], splits or ["train"] * count, "made up")


def test_validation_is_a_stratified_tenth(rng):
    data = mark_validation(make(1400, rng))
    assert data.split("val").class_counts().tolist() == [20] * 7
    assert data.split("train").class_counts().tolist() == [180] * 7


def test_validation_is_a_function_of_the_seed(rng):
    data = make(700, rng)
    again = [mark_validation(data, seed=seed).split("val").ids.tolist() for seed in (0, 0, 1)]
    assert again[0] == again[1] != again[2]


def test_copies_are_never_on_both_sides(rng):
    data = make(1400, rng)
    copies = rng.integers(0, 1400, 600)
    data.images[rng.choice(1400, 600, replace=False)] = data.images[copies].copy()
    marked = mark_validation(data, 0.2, seed=4)
    train, val = marked.split("train"), marked.split("val")
    assert len(np.unique(data.image_hashes)) < 1100
    assert not set(train.image_hashes.tolist()) & set(val.image_hashes.tolist())
    assert 0.15 < len(val) / 1400 < 0.21


def test_other_splits_and_unlabelled_images_stay_where_they_are(rng):
    splits = ["train"] * 140 + ["public_test"] * 20 + ["private_test"] * 20
    labels = np.arange(180) % 7
    labels[:30] = -1
    marked = mark_validation(make(180, rng, splits, labels))
    assert (marked.splits[140:] == splits[140:]).all()
    assert (marked.splits[:30] == "train").all()
    assert marked.index.tolist() == list(range(180))


def test_unlabelled_copies_of_validation_images_are_left_out(rng):
    data = make(280, rng)
    both = mark_validation(with_unlabelled(data, data.take(np.arange(70))), 0.2)
    val, train = both.split("val"), both.split("train")
    assert not set(val.image_hashes.tolist()) & set(train.image_hashes.tolist())
    left_out = (val.index < 70).sum()
    assert left_out > 5 and (train.labels == -1).sum() == 70 - left_out
    assert (val.labels >= 0).all()


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1, 2])
def test_a_fraction_out_of_range_is_refused(rng, fraction):
    with pytest.raises(FerKerasError, match="between 0 and 1"):
        mark_validation(make(70, rng), fraction)


def test_too_few_images_are_refused(rng):
    with pytest.raises(FerKerasError, match="too few"):
        mark_validation(make(7, rng))


def test_folds_are_those_of_the_pixels_whatever_else_there_is(rng):
    data = make(1400, rng, ["train"] * 1300 + ["val"] * 50 + ["test"] * 50)
    data.images[rng.choice(1300, 300, replace=False)] = data.images[rng.integers(0, 1300, 300)].copy()
    folds = fold_of(data, 4, seed=7)
    assert folds.dtype == np.int64 and (folds[1300:] == -1).all() and set(folds[:1300].tolist()) == {0, 1, 2, 3}
    for number in range(4):
        assert 0.2 < (folds[:1300] == number).mean() < 0.3
        assert (np.bincount(data.labels[folds == number], minlength=7) > 20).all()
    groups = duplicate_groups(data)[:1300]
    assert len(set(zip(groups.tolist(), folds.tolist(), strict=False))) == len(set(groups.tolist())) < 1300
    shuffled = rng.permutation(1400)[:900]
    np.testing.assert_array_equal(fold_of(data.take(shuffled), 4, seed=7), folds[shuffled])
    others = replace(data, targets=np.roll(data.targets, 1, axis=0))
    np.testing.assert_array_equal(fold_of(others, 4, seed=7), folds)
    assert 0.5 < (fold_of(data, 4, seed=8) != folds)[:1300].mean() < 1


@pytest.mark.parametrize(("count", "folds", "sentence"), [(70, 1, "folds 1: expected 2 or more"), (7, 20, "too few")])
def test_folds_that_cannot_be_made_are_refused(rng, count, folds, sentence):
    with pytest.raises(FerKerasError, match=sentence):
        fold_of(make(count, rng), folds)


def test_the_folds_of_an_image_stay_the_same_in_other_versions():
    images = np.arange(12, dtype=np.uint8)[:, None, None, None] * np.ones((1, 48, 48, 1), np.uint8)
    data = FaceData.create(images, np.arange(12) % 7, list("abcdefghijkl"), ["train"] * 12, "made up")
    assert fold_of(data, 3).tolist() == [1, 2, 1, 0, 2, 2, 2, 0, 0, 2, 2, 1]


def test_duplicate_groups_are_numbered_by_first_appearance(rng):
    data = make(6, rng)
    data.images[4] = data.images[1]
    data.images[5] = data.images[0]
    assert duplicate_groups(data).tolist() == [0, 1, 2, 3, 1, 0]


def test_subsets_keep_their_row_numbers(rng):
    data = make(10, rng)
    some = data.take(np.array([7, 2]))
    assert some.index.tolist() == [7, 2] and some.take(np.array([1])).index.tolist() == [2]
    assert some.fingerprint != data.take(np.array([2, 7])).fingerprint


def test_unlabelled_images_join_the_training_split(rng):
    data, more = make(14, rng), make(7, rng, ["public_test"] * 7)
    both = with_unlabelled(data, more)
    assert both.split("train").class_counts().tolist() == [2] * 7
    assert (both.labels[14:] == -1).all() and (both.splits == "train").all()
    assert both.index.tolist() == list(range(21))
    np.testing.assert_array_equal(both.images[14:], more.images)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"images": np.zeros((3, 48, 48), np.uint8)}, "expected uint8 images"),
        ({"images": np.zeros((3, 48, 48, 1), np.float32)}, "found float32"),
        ({"labels": np.array([0, 7, 1])}, "image b has label 7, expected 0..6"),
        ({"labels": np.array([0, 1])}, "do not go together"),
        ({"splits": ["train", "train", "holdout"]}, "unknown split 'holdout'"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, sentence):
    given = {
        "images": np.zeros((3, 48, 48, 1), np.uint8),
        "labels": np.zeros(3, int),
        "ids": ["a", "b", "c"],
        "splits": ["train"] * 3,
        "source": "made up",
    }
    with pytest.raises(FerKerasError, match=sentence):
        FaceData.create(**{**given, **change})


def test_training_needs_every_class(rng):
    with pytest.raises(FerKerasError, match="no training image of class 'neutral'"):
        make(12, rng, labels=np.arange(12) % 6).require_every_class()
    with pytest.raises(FerKerasError, match="no labelled training images"):
        make(3, rng, labels=np.full(3, -1)).require_every_class()


def test_soft_targets_are_kept_and_labels_are_their_largest_share(rng):
    shares = np.array([[0.2, 0.5, 0.3], [0.0, 0.0, 0.0], [0.4, 0.2, 0.4]], np.float32)
    images = rng.integers(0, 256, (3, 48, 48, 1)).astype(np.uint8)
    votes = LabelSet("votes", ("smile", "frown", "stare"))
    data = FaceData.create(images, shares, list("abc"), ["train"] * 3, "made up", label_set=votes)
    np.testing.assert_array_equal(data.targets, shares)
    assert data.labels.tolist() == [1, -1, 0]
    assert data.classes == ("smile", "frown", "stare") and data.class_counts().tolist() == [1, 1, 0]
    assert len(data.labelled()) == 2


def test_classes_of_another_set_are_found_by_their_names(rng):
    images = rng.integers(0, 256, (3, 48, 48, 1)).astype(np.uint8)
    some = LabelSet("own", ("Sad", "happiness"))
    data = FaceData.create(images, [0, 1, -1], list("abc"), ["test"] * 3, "made up", label_set=some)
    mapped = data.with_label_set(FER2013)
    assert mapped.labels.tolist() == [4, 3, -1] and mapped.label_set is FER2013
    with pytest.raises(FerKerasError, match="class 'angry' is none of own's: Sad, happiness"):
        make(7, rng).with_label_set(some)


def test_the_fingerprint_tells_hard_labels_soft_targets_and_classes_apart(rng):
    images = rng.integers(0, 256, (7, 48, 48, 1)).astype(np.uint8)
    labels = np.arange(7)

    def fingerprint(targets, label_set=FER2013):
        return FaceData.create(images, targets, labels.astype(str), ["train"] * 7, "s", label_set=label_set).fingerprint

    own = LabelSet("own", tuple("abcdefg"))
    soft = np.full((7, 7), 1 / 7)
    prints = {fingerprint(labels), fingerprint(soft), fingerprint(labels, own), fingerprint(soft, own)}
    assert len(prints) == 4 and fingerprint(one_hot(labels)) == fingerprint(labels)
