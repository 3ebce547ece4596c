import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fer_keras.data import synthetic
from fer_keras.data.dataset import duplicate_groups
from fer_keras.data.synthetic import draw_faces, drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(1500, seed=7)


def test_has_fer2013s_shape_splits_and_ids(faces):
    assert faces.images.shape == (1500, 48, 48, 1) and faces.images.dtype == np.uint8
    assert faces.drawn and faces.source == "drawn faces"
    sizes = {name: len(faces.split(name)) for name in faces.split_names}
    assert sizes == {"train": 1200, "public_test": 150, "private_test": 150}
    assert faces.ids[[0, 1199, 1200, 1350, 1499]].tolist() == [
        "Training_00001",
        "Training_01200",
        "PublicTest_00001",
        "PrivateTest_00001",
        "PrivateTest_00150",
    ]
    assert len(set(faces.ids.tolist())) == 1500


def test_every_split_has_the_stated_class_shares(faces):
    for name in faces.split_names:
        shares = faces.split(name).class_counts() / len(faces.split(name))
        np.testing.assert_allclose(shares, synthetic.CLASS_SHARES, atol=0.015)
        assert shares.min() >= 0.06


def test_smallest_set_has_every_class_in_every_split():
    data = drawn_faces(140, duplicates=0.5)
    assert all(data.split(name).class_counts().min() >= 1 for name in data.split_names)


def test_images_are_varied_and_none_is_blank(faces):
    contrast = faces.images.std(axis=(1, 2, 3))
    assert contrast.min() > 3.0
    brightness = faces.images.mean(axis=(1, 2, 3))
    assert brightness.std() > 20.0


@pytest.mark.parametrize("share", [0.02, 0.08])
def test_copies_of_training_images_are_in_every_split_at_the_stated_share(share):
    data = drawn_faces(1000, seed=3, duplicates=share)
    groups = duplicate_groups(data)
    training = data.splits == "train"
    for name in ("public_test", "private_test"):
        rows = data.splits == name
        assert np.isin(groups[rows], groups[training]).sum() == round(share * 100)
    assert training.sum() - len(np.unique(groups[training])) == round(share * 800)
    for group in np.flatnonzero(np.bincount(groups) > 1):
        assert len(np.unique(data.labels[groups == group])) == 1


def test_no_copies_when_none_are_asked_for():
    data = drawn_faces(200, duplicates=0.0)
    assert len(np.unique(duplicate_groups(data))) == 200


def test_equal_seeds_give_equal_data_in_another_process(faces):
    code = "from fer_keras.data.synthetic import drawn_faces; print(drawn_faces(1500, seed=7).fingerprint)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == faces.fingerprint
    assert drawn_faces(1500, seed=8).fingerprint != faces.fingerprint


def test_image_depends_on_seed_row_and_its_own_label_only():
    labels = np.arange(60) % len(FER2013)
    images = draw_faces(labels, seed=5)
    np.testing.assert_array_equal(draw_faces(labels[:30], seed=5), images[:30])
    changed = labels.copy()
    changed[10] = (changed[10] + 1) % len(FER2013)
    differs = (draw_faces(changed, seed=5) != images).any(axis=(1, 2, 3))
    assert np.flatnonzero(differs).tolist() == [10]


def test_expression_changes_the_face_and_not_its_surroundings():
    rows = [draw_faces(np.full(20, label), seed=2).astype(int) for label in range(len(FER2013))]
    neutral = rows[FER2013.classes.index("neutral")]
    for label in range(len(FER2013) - 1):
        change = np.abs(rows[label] - neutral).mean(axis=0)[..., 0]
        assert change[12:44, 10:38].mean() > 5 * change[:, [0, 1, 46, 47]].mean()


def test_actions_are_named_and_every_expression_has_its_own():
    assert tuple(synthetic.EXPRESSION_ACTIONS) == (*FER2013.classes, "contempt")
    assert not synthetic.EXPRESSION_ACTIONS["neutral"]
    for actions in synthetic.EXPRESSION_ACTIONS.values():
        assert set(actions) <= set(synthetic.ACTION_UNITS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 100}, "option count 100: expected at least 140"),
        ({"count": -1}, "option count -1"),
        ({"seed": -1}, "option seed -1"),
        ({"test_fraction": 1.0}, "option test_fraction 1.0"),
        ({"duplicates": 0.7}, "option duplicates 0.7"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(FerKerasError, match=message):
        drawn_faces(**options)


def test_labels_must_be_expressions():
    with pytest.raises(FerKerasError, match="label 7"):
        draw_faces(np.array([0, 7]))


def test_a_linear_classifier_stays_clearly_below_a_small_cnn(faces):
    train = faces.split("train")
    test = faces.take(np.flatnonzero(faces.splits != "train"))
    x, x_test = (data.images.astype(np.float32) / 255.0 - 0.5 for data in (train, test))
    linear = LogisticRegression(C=0.01, max_iter=100).fit(x.reshape(len(x), -1), train.labels)
    linear_accuracy = linear.score(x_test.reshape(len(x_test), -1), test.labels)

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((48, 48, 1))])
    for width in (16, 32, 64):
        model.add(keras.layers.Conv2D(width, 3, padding="same", use_bias=False))
        model.add(keras.layers.BatchNormalization(momentum=0.9))
        model.add(keras.layers.ReLU())
        model.add(keras.layers.MaxPooling2D())
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(len(FER2013)))
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, 6 * 38)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"])
    model.fit(x, train.labels, 32, 6, verbose=0)
    cnn_accuracy = model.evaluate(x_test, test.labels, 128, verbose=0)[1]

    print(f"linear {linear_accuracy:.3f}, CNN {cnn_accuracy:.3f}")
    assert 0.25 < linear_accuracy < 0.6
    assert 0.6 < cnn_accuracy < 0.95
    assert cnn_accuracy - linear_accuracy > 0.2
