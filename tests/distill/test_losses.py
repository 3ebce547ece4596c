"""The losses against NumPy, golden numbers, and where Keras's stock loss differs."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from soft_targets import one_hot

from fer_keras.distill.losses import (
    DISTILLATION_LOSSES,
    DecoupledKL,
    LabelCrossEntropy,
    RelationLoss,
    SoftenedKL,
    StandardisedKL,
    over_heads,
)


def y_true(teacher, labels=None):
    """What a distillation loss compares with: teacher logits [B, M, 7] and the targets of labels [B], or of none."""
    labels = np.full(len(teacher), -1) if labels is None else labels
    return {"targets": one_hot(labels), "teacher_logits": teacher}


def numpy_softened_kl(teacher, student, temperature):
    """T^2 sum p (log p - log q), p the mean of the members' softmax(z / T); arXiv 1503.02531."""
    p = softmax(teacher.astype(np.float64) / temperature, axis=-1).mean(axis=1)
    log_q = log_softmax(student.astype(np.float64) / temperature, axis=-1)
    return temperature**2 * (p * (np.log(p) - log_q)).sum(-1)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("temperature", [1.0, 2.5, 10.0])
def test_softened_kl_agrees_with_numpy(rng, members, temperature):
    teacher = rng.normal(0, 4, (32, members, 7)).astype(np.float32)
    student = rng.normal(0, 4, (32, 7)).astype(np.float32)
    got = SoftenedKL(temperature).call(y_true(teacher), student).numpy()
    np.testing.assert_allclose(got, numpy_softened_kl(teacher, student, temperature), rtol=1e-5, atol=1e-5)


def test_softened_kl_is_a_known_number():
    # A teacher with one logit of 2 and a student without an opinion: only p = e^0.8 / (e^0.8 + 6) matters.
    teacher = np.array([[[2.0, 0, 0, 0, 0, 0, 0]]], np.float32)
    student = np.zeros((1, 7), np.float32)
    p = np.exp(0.8) / (np.exp(0.8) + 6)
    by_hand = 6.25 * (p * np.log(7 * p) + (1 - p) * np.log(7 * (1 - p) / 6))
    assert SoftenedKL(2.5)(y_true(teacher), student).numpy() == pytest.approx(by_hand, abs=1e-6)
    assert by_hand == pytest.approx(0.3444865, abs=1e-6)


def test_a_student_that_agrees_costs_nothing(rng):
    logits = rng.normal(0, 5, (8, 7)).astype(np.float32)
    np.testing.assert_allclose(SoftenedKL(2.5).call(y_true(logits[:, None]), logits + 3), 0, atol=1e-5)


def test_half_precision_and_certain_teachers_give_finite_losses():
    teacher = np.array([[[60000.0, -60000, 0, 0, 0, 0, 0]]], np.float16)
    loss = SoftenedKL(1.0).call(y_true(teacher), np.zeros((1, 7), np.float32)).numpy()
    np.testing.assert_allclose(loss, np.log(7), rtol=1e-5)


def test_an_ensemble_is_the_mean_of_probabilities_not_of_logits():
    teacher = np.array([[[9.0, 0, 0, 0, 0, 0, 0], [0, 2.0, 0, 0, 0, 0, 0]]], np.float32)
    student = np.array([[1.0, 2, 0, 0, 0, 0, 0]], np.float32)
    ours = SoftenedKL(1.0).call(y_true(teacher), student).numpy()
    of_mean_logits = numpy_softened_kl(teacher.mean(1, keepdims=True), student, 1.0)
    np.testing.assert_allclose(ours, numpy_softened_kl(teacher, student, 1.0), rtol=1e-5)
    assert abs(ours - of_mean_logits) > 0.05


def test_the_stock_loss_of_keras_differs():
    """LogitsDistillation() takes the KL of raw logits / T: no softmax, no T^2 (design's example, T = 4)."""
    teacher = np.array([[10.0, 2, 1, 0.5, 0.1, 0.2, 0.3]], np.float32)
    student = np.array([[1.0, 8, 2, 0.5, 0.4, 0.3, 0.2]], np.float32)
    stock = keras.distillation.LogitsDistillation(temperature=4.0)
    theirs = float(stock.compute_loss(teacher, student))
    ours = float(SoftenedKL(4.0)(y_true(teacher[:, None]), student))
    assert ours == pytest.approx(float(numpy_softened_kl(teacher[:, None], student, 4.0)[0]), abs=1e-5)
    t, s = np.clip(teacher / 4, 1e-7, 1), np.clip(student / 4, 1e-7, 1)
    assert theirs == pytest.approx(float((t * np.log(t / s)).sum()), rel=1e-4), "clipped logits, not probabilities"
    assert abs(ours - theirs) > 1


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_label_cross_entropy_agrees_with_numpy(rng, smoothing):
    logits = rng.normal(0, 4, (32, 7)).astype(np.float32)
    labels = rng.integers(0, 7, 32)
    targets = np.eye(7)[labels] * (1 - smoothing) + smoothing / 7
    expected = -(targets * log_softmax(logits.astype(np.float64), axis=-1)).sum(-1)
    np.testing.assert_allclose(LabelCrossEntropy(smoothing).call(one_hot(labels), logits), expected, rtol=1e-5)


def test_label_cross_entropy_of_one_hot_targets_is_keras_own_of_labels(rng):
    logits, labels = rng.normal(0, 4, (64, 7)).astype(np.float32), rng.integers(0, 7, 64)
    stock = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits)
    assert float(LabelCrossEntropy()(one_hot(labels), logits)) == pytest.approx(float(stock), abs=1e-6)


def test_label_cross_entropy_of_shares_is_their_weighted_sum(rng):
    logits = rng.normal(0, 4, (32, 8)).astype(np.float32)
    shares = rng.dirichlet(np.ones(8), 32).astype(np.float32)
    expected = -(shares * log_softmax(logits.astype(np.float64), axis=-1)).sum(-1)
    np.testing.assert_allclose(LabelCrossEntropy().call(shares, logits), expected, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_unlabelled_image_costs_nothing(rng, smoothing):
    logits = rng.normal(0, 4, (2, 7)).astype(np.float32)
    loss = LabelCrossEntropy(smoothing).call(one_hot([-1, 3]), logits).numpy()
    assert loss[0] == 0 and loss[1] > 0


def numpy_decoupled_kl(labels, teacher, student, temperature, beta):
    """T^2 (TCKD + beta NCKD), image by image in plain loops; arXiv 2203.08679, equations 5 to 7."""
    losses = []
    for label, members, logits in zip(labels, teacher.astype(np.float64), student.astype(np.float64), strict=True):
        p, q = softmax(members / temperature, axis=-1).mean(0), softmax(logits / temperature)
        label = p.argmax() if label < 0 else label
        others = [c for c in range(7) if c != label]
        binary = p[label] * np.log(p[label] / q[label])
        binary += (1 - p[label]) * np.log((1 - p[label]) / (1 - q[label]))
        p_hat, q_hat = p[others] / p[others].sum(), q[others] / q[others].sum()
        losses.append(temperature**2 * (binary + beta * (p_hat * np.log(p_hat / q_hat)).sum()))
    return losses


@pytest.mark.parametrize(("members", "temperature", "beta"), [(1, 1.0, 8.0), (3, 4.0, 0.5)])
def test_decoupled_kl_agrees_with_numpy(rng, members, temperature, beta):
    teacher = rng.normal(0, 3, (32, members, 7)).astype(np.float32)
    student = rng.normal(0, 3, (32, 7)).astype(np.float32)
    labels = rng.integers(-1, 7, 32)
    assert (labels < 0).any()
    got = DecoupledKL(temperature, beta).call(y_true(teacher, labels), student).numpy()
    np.testing.assert_allclose(got, numpy_decoupled_kl(labels, teacher, student, temperature, beta), rtol=1e-4)


def test_decoupled_kl_is_hintons_where_beta_is_what_the_target_leaves(rng):
    """KL = TCKD + (1 - p_target) NCKD, the paper's equation 6."""
    teacher = rng.normal(0, 2, (1, 2, 7)).astype(np.float32)
    student = rng.normal(0, 2, (1, 7)).astype(np.float32)
    others = 1 - softmax(teacher / 2.5, axis=-1).mean(1)[0, 3]
    decoupled = DecoupledKL(2.5, beta=others)(y_true(teacher, np.array([3])), student).numpy()
    assert decoupled == pytest.approx(float(SoftenedKL(2.5)(y_true(teacher), student)), rel=1e-4)


@pytest.mark.parametrize(("members", "temperature", "beta", "gamma"), [(1, 1.0, 1.0, 1.0), (3, 4.0, 2.0, 0.5)])
def test_dist_agrees_with_numpy(rng, members, temperature, beta, gamma):
    """NumPy's own corrcoef; arXiv 2205.10536, equations 6 to 10."""
    teacher = rng.normal(0, 3, (16, members, 7)).astype(np.float32)
    student = rng.normal(0, 3, (16, 7)).astype(np.float32)
    p, q = softmax(teacher / temperature, axis=-1).mean(1), softmax(student / temperature, axis=-1)
    inter = np.array([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(p, q, strict=True)])
    intra = 1 - np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(p.T, q.T, strict=True)])
    got = RelationLoss(temperature, beta, gamma).call(y_true(teacher), student).numpy()
    np.testing.assert_allclose(got, temperature**2 * (beta * inter + gamma * intra), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("members", "temperature"), [(1, 2.0), (3, 1.0)])
def test_standardised_kl_agrees_with_numpy(rng, members, temperature):
    teacher = rng.normal(2, 6, (32, members, 7)).astype(np.float32)
    student = rng.normal(-1, 0.3, (32, 7)).astype(np.float32)
    z_teacher, z_student = (
        (z - z.mean(-1, keepdims=True)) / z.std(-1, keepdims=True) for z in (teacher.astype(np.float64), student)
    )
    expected = numpy_softened_kl(z_teacher, z_student, temperature)
    got = StandardisedKL(temperature).call(y_true(teacher), student).numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_standardised_kl_asks_for_the_shape_of_the_logits_alone(rng):
    teacher = rng.normal(0, 5, (8, 1, 7)).astype(np.float32)
    np.testing.assert_allclose(StandardisedKL(2.0).call(y_true(teacher), 0.1 * teacher[:, 0] + 3), 0, atol=1e-5)


@pytest.mark.parametrize("name", DISTILLATION_LOSSES)
def test_certain_teachers_and_students_without_an_opinion_give_finite_gradients(name):
    import tensorflow as tf

    teacher = np.array([[[60000.0, -60000, 0, 0, 0, 0, 0]], [[0.0] * 7]], np.float16)
    student = tf.Variable([[0.0] * 7, [900.0, 0, 0, 0, 0, 0, -900]])
    with tf.GradientTape() as tape:
        loss = DISTILLATION_LOSSES[name](1.0)(y_true(teacher, np.array([0, -1])), student)
    assert np.isfinite(loss.numpy())
    assert np.isfinite(tape.gradient(loss, student).numpy()).all()


def test_losses_survive_their_configuration():
    for loss in (
        LabelCrossEntropy(0.2),
        SoftenedKL(3.5),
        StandardisedKL(2.0),
        DecoupledKL(3.0, 4.0),
        RelationLoss(2.0, 3.0, 4.0),
    ):
        again = type(loss).from_config(loss.get_config())
        assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("name", DISTILLATION_LOSSES)
def test_a_teacher_that_says_no_number_is_noticed(name, rng):
    teacher = rng.normal(size=(3, 2, 7)).astype(np.float32)
    teacher[1] = np.nan
    student = rng.normal(size=(3, 7)).astype(np.float32)
    assert np.isnan(float(DISTILLATION_LOSSES[name](2.0)(y_true(teacher, np.array([0, 1, 2])), student)))


def test_the_loss_of_two_heads_is_the_sum_of_both(rng):
    targets = np.hstack([one_hot(rng.integers(0, 7, 16)), rng.dirichlet(np.ones(8), 16)]).astype(np.float32)
    targets[:3, 7:] = 0  # without votes
    logits, teacher = rng.normal(size=(16, 15)).astype(np.float32), rng.normal(size=(16, 2, 15)).astype(np.float32)
    y = {"targets": targets, "teacher_logits": teacher}
    heads = (slice(0, 7), slice(7, 15))
    for loss in (DecoupledKL(3.0), RelationLoss(2.0), SoftenedKL(), StandardisedKL()):
        each = [
            loss({"targets": targets[:, head], "teacher_logits": teacher[..., head]}, logits[:, head]).numpy()
            for head in heads
        ]
        assert over_heads(loss, heads)(y, logits).numpy() == pytest.approx(sum(each), rel=1e-5)
    cross_entropy = over_heads(LabelCrossEntropy(0.1), heads)
    each = [LabelCrossEntropy(0.1)(targets[:, head], logits[:, head]).numpy() for head in heads]
    assert cross_entropy(targets, logits).numpy() == pytest.approx(sum(each), rel=1e-5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cross_entropy))
    assert again(targets, logits).numpy() == cross_entropy(targets, logits).numpy()


def test_the_loss_of_one_head_is_the_loss_itself():
    loss = SoftenedKL()
    assert over_heads(loss, (slice(0, 7),)) is loss
