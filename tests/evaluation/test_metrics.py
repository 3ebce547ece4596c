"""Scores against hand-worked numbers and scikit-learn."""

import json
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, log_loss, recall_score

from fer_keras.data.dataset import FaceData
from fer_keras.errors import FerKerasError
from fer_keras.evaluation import confidence, metrics

GOLDEN = {
    "accuracy": 0.562,
    "accuracy_interval": (0.518, 0.604),
    "macro_f1_interval": (0.517534, 0.601889),
    "calibration_error": 0.102228,
}
"""What `noisy` scored when this was written; a change of it is a change of what reports mean."""


def one_hot(predicted, scale=10.0):
    return scale * np.eye(7)[np.asarray(predicted)]


def confident(classes, confidences):
    """Logits whose softmax is `confidence` at a class and even elsewhere."""
    probabilities = np.repeat((1.0 - np.array(confidences))[:, None] / 6.0, 7, axis=1)
    probabilities[np.arange(len(classes)), classes] = confidences
    return np.log(probabilities)


@pytest.fixture
def noisy():
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 7, 500)
    logits = rng.normal(size=(500, 7))
    logits[np.arange(500), labels] += 1.5
    return logits, labels


def test_scores_are_those_worked_out_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2])
    score = metrics.score(one_hot([0, 0, 1, 1, 2, 2]), labels)
    assert score.count == 6
    assert score.accuracy == pytest.approx(4 / 6)
    # F1 = 2 hits / (labelled + predicted): 4/5, 2/4, 2/3; four classes are never mentioned.
    assert score.macro_f1 == pytest.approx((4 / 5 + 2 / 4 + 2 / 3) / 3)
    np.testing.assert_allclose(score.per_class_recall, [2 / 3, 1 / 2, 1, *[np.nan] * 4])
    expected = np.zeros((7, 7), int)
    expected[0, 0], expected[0, 1], expected[1, 1], expected[1, 2], expected[2, 2] = 2, 1, 1, 1, 1
    np.testing.assert_array_equal(score.confusion, expected)
    # log(e^10 + 6) - 10 where right, 10 more where wrong.
    assert score.nll == pytest.approx(math.log1p(6 * math.exp(-10)) + 10 * 2 / 6, rel=1e-9)


def test_scores_agree_with_scikit_learn(noisy):
    logits, labels = noisy
    score = metrics.score(logits, labels)
    predicted = logits.argmax(axis=1)
    assert score.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro"), rel=1e-12)
    np.testing.assert_allclose(score.per_class_recall, recall_score(labels, predicted, average=None))
    exponentials = np.exp(logits)
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    assert score.nll == pytest.approx(log_loss(labels, probabilities), rel=1e-9)
    np.testing.assert_allclose(confidence.softmax(logits), probabilities)


def test_a_class_that_is_only_predicted_counts_as_scikit_learn_has_it():
    labels, predicted = np.array([0, 0, 1]), np.array([0, 6, 1])
    score = metrics.score(one_hot(predicted), labels)
    assert score.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro", zero_division=0))
    assert score.macro_f1 == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_scores_of_fixed_logits_do_not_change(noisy):
    score = metrics.score(*noisy)
    assert score.accuracy == GOLDEN["accuracy"]
    np.testing.assert_allclose(score.accuracy_interval, GOLDEN["accuracy_interval"], atol=1e-12)
    np.testing.assert_allclose(score.macro_f1_interval, GOLDEN["macro_f1_interval"], atol=1e-6)
    assert score.calibration_error == pytest.approx(GOLDEN["calibration_error"], abs=1e-6)


def test_calibration_error_by_hand():
    # Bins are 1/15 wide: .50 and .52 share (7/15, 8/15], .95 is alone in the last one.
    logits = confident([0, 1, 2], [0.50, 0.52, 0.95])
    labels = np.array([0, 0, 2])
    expected = 2 / 3 * abs(0.51 - 0.5) + 1 / 3 * abs(0.95 - 1.0)
    assert confidence.calibration_error(logits, labels) == pytest.approx(expected, abs=1e-12)
    counts, sure, accuracy = confidence.reliability(logits, labels)
    assert counts.tolist() == [0] * 7 + [2] + [0] * 6 + [1]
    assert sure[7] == pytest.approx(0.51) and accuracy[7] == 0.5
    assert np.isnan(sure[0]) and np.isnan(accuracy[0])


def test_calibration_error_agrees_with_a_plain_loop(noisy):
    logits, labels = noisy
    probabilities = confidence.softmax(logits)
    expected = 0.0
    for low in np.arange(15) / 15:
        inside = [p for p in range(500) if low < probabilities[p].max() <= low + 1 / 15]
        if inside:
            hits = np.mean([probabilities[p].argmax() == labels[p] for p in inside])
            expected += len(inside) / 500 * abs(hits - np.mean([probabilities[p].max() for p in inside]))
    assert confidence.calibration_error(logits, labels) == pytest.approx(expected, abs=1e-9)


def test_certain_predictions_fall_into_the_last_bin():
    counts, sure, accuracy = confidence.reliability(one_hot([3, 3], scale=1000.0), np.array([3, 4]))
    assert counts[-1] == 2 and sure[-1] == 1.0 and accuracy[-1] == 0.5


@pytest.mark.parametrize(("predicted", "accuracy"), [([0, 1, 2, 3, 4, 5, 6], 1.0), ([1, 2, 3, 4, 5, 6, 0], 0.0)])
def test_always_right_and_always_wrong(predicted, accuracy):
    score = metrics.score(one_hot(predicted, 100.0), np.arange(7))
    assert score.accuracy == score.macro_f1 == accuracy
    assert score.accuracy_interval == score.macro_f1_interval == (accuracy, accuracy)
    assert score.per_class_recall.tolist() == [accuracy] * 7
    assert score.calibration_error == pytest.approx(1.0 - accuracy)
    assert score.nll == pytest.approx(100.0 * (1.0 - accuracy), abs=1e-9)


def test_one_image_has_scores_too():
    score = metrics.score(np.zeros((1, 7)), np.array([0]))
    assert (score.count, score.accuracy, score.macro_f1) == (1, 1.0, 1.0)
    assert score.calibration_error == pytest.approx(6 / 7)
    assert score.nll == pytest.approx(math.log(7))


def test_the_interval_of_accuracy_is_that_of_a_binomial():
    right = np.arange(3589) < 2379  # about .663, the size of PublicTest
    score = metrics.score(one_hot(np.where(right, 3, 4)), np.full(3589, 3), resamples=20_000)
    expected = stats.binom.ppf([0.025, 0.975], 3589, 2379 / 3589) / 3589
    np.testing.assert_allclose(score.accuracy_interval, expected, atol=4e-4)


def test_the_interval_covers_the_truth_95_times_in_100():
    rng = np.random.default_rng(0)
    trials, inside = 400, 0
    for trial in range(trials):
        predicted = np.where(rng.random(300) < 0.65, 3, 4)
        low, high = metrics.score(one_hot(predicted), np.full(300, 3), seed=trial).accuracy_interval
        inside += low <= 0.65 <= high
    assert 0.91 <= inside / trials <= 0.98  # three standard errors around .945


def test_the_interval_of_macro_f1_is_that_of_drawing_images():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 7, 200)
    predicted = np.where(rng.random(200) < 0.6, labels, rng.integers(0, 7, 200))
    rows = rng.integers(0, 200, (800, 200))
    drawn = [f1_score(labels[r], predicted[r], average="macro", zero_division=0) for r in rows]
    interval = metrics.score(one_hot(predicted), labels).macro_f1_interval
    np.testing.assert_allclose(interval, np.percentile(drawn, [2.5, 97.5]), atol=0.015)


def test_intervals_depend_on_the_seed_alone(noisy):
    assert metrics.score(*noisy, seed=3).to_dict() == metrics.score(*noisy, seed=3).to_dict()
    assert metrics.score(*noisy, seed=3).macro_f1_interval != metrics.score(*noisy, seed=4).macro_f1_interval


def test_a_paired_difference_counts_images_that_only_one_calls_right():
    labels = np.zeros(1000, int)
    ours, theirs = np.ones(1000, int), np.ones(1000, int)
    ours[:660], theirs[:650] = 0, 0  # right on the same images, and on ten more
    gap, (low, high) = metrics.accuracy_difference(one_hot(ours), one_hot(theirs), labels)
    assert gap == pytest.approx(0.01)
    np.testing.assert_allclose((low, high), stats.binom.ppf([0.025, 0.975], 1000, 0.01) / 1000, atol=1.1e-3)
    # The separate intervals overlap; the paired one leaves no doubt.
    assert metrics.score(one_hot(ours), labels).accuracy_interval[0] < 0.65
    assert low > 0
    assert metrics.accuracy_difference(one_hot(theirs), one_hot(ours), labels)[0] == pytest.approx(-0.01)


def test_to_dict_is_json_with_null_for_what_does_not_exist():
    scores = json.loads(json.dumps(metrics.score(one_hot([0, 1]), np.array([0, 0])).to_dict(), allow_nan=False))
    assert scores["per_class_recall"] == [0.5] + [None] * 6
    assert scores["confusion"][0] == [1, 1, 0, 0, 0, 0, 0]
    assert list(scores) == [
        "count", "accuracy", "accuracy_interval", "macro_f1", "macro_f1_interval", "per_class_recall",
        "calibration_error", "nll", "confusion",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("logits", "labels", "sentence"),
    [
        (np.zeros((0, 7)), [], "no images to score"),
        (np.zeros((3, 7)), [0, 1], r"expected logits \[2, C\] for 2 labels, found \[3, 7\]"),
        (np.zeros((2, 7)), [0, -1], "an image to score has no label"),
        (np.array([[0.0] * 7, [np.nan] * 7]), [0, 1], "the logits of image 1 are not finite"),
    ],
)
def test_what_cannot_be_scored(logits, labels, sentence):
    with pytest.raises(FerKerasError, match=sentence):
        metrics.score(logits, np.array(labels, int))


def test_copies_are_found_pixel_for_pixel():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 48, 48, 1), np.uint8)
    near = images[:1].copy()
    near[0, 47, 47, 0] ^= 1
    train = FaceData.create(images, np.zeros(4), list("abcd"), ["train"] * 4, "t")
    test = FaceData.create(np.concatenate([images[2:3], near]), [1, 1], ["e", "f"], ["test"] * 2, "t")
    assert metrics.has_copy_in(test, train).tolist() == [True, False]
