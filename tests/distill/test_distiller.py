"""The Distiller trains, validates, weighs and saves as it says."""

import zipfile

import keras
import numpy as np
import pytest
from soft_targets import one_hot

from fer_keras.distill.distiller import Distiller
from fer_keras.distill.losses import DISTILLATION_LOSSES, LabelCrossEntropy, SoftenedKL
from fer_keras.errors import FerKerasError
from fer_keras.models import build


def tiny():
    keras.utils.set_random_seed(4)
    return build("separable", widths=(4, 8), strides=(4, 4), dropouts=(0.0,))


@pytest.fixture
def batch(rng):
    images = rng.integers(0, 256, (24, 48, 48, 1)).astype(np.uint8)
    y = {"targets": one_hot(rng.integers(0, 7, 24)), "teacher_logits": rng.normal(0, 3, (24, 2, 7)).astype(np.float16)}
    return images, y


def compiled(distiller):
    distiller.compile(keras.optimizers.Adam(1e-2), metrics=["categorical_accuracy"], jit_compile=False)
    return distiller


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_loss_is_the_weighted_sum_of_both_terms(batch, alpha):
    images, y = batch
    distiller = Distiller(tiny(), temperature=3.0, alpha=alpha)
    logits = distiller(images)
    kl = SoftenedKL(3.0)(y, logits).numpy()
    cross_entropy = LabelCrossEntropy()(y["targets"], logits).numpy()
    loss = distiller.compute_loss(images, y, logits).numpy()
    assert loss == pytest.approx(alpha * kl + (1 - alpha) * cross_entropy, rel=1e-6)


@pytest.mark.parametrize("name", DISTILLATION_LOSSES)
def test_every_loss_can_be_named(batch, name):
    images, y = batch
    distiller = Distiller(tiny(), name, temperature=2.0, alpha=1.0)
    logits = distiller(images)
    expected = DISTILLATION_LOSSES[name](2.0)(y, logits).numpy()
    assert distiller.compute_loss(images, y, logits).numpy() == pytest.approx(expected, rel=1e-6)
    assert Distiller.from_config(distiller.get_config()).get_config()["loss"] == name


def test_mixed_images_have_both_labels_by_their_shares(batch, rng):
    images, y = batch
    label, partner, share = (*rng.integers(0, 7, (2, 24)), rng.uniform(0.5, 1, 24).astype(np.float32))
    label[:3], partner[3:6] = -1, -1
    distiller = Distiller(tiny(), alpha=0.0)
    logits = distiller(images)
    own, other = (LabelCrossEntropy().call(one_hot(labels), logits).numpy() for labels in (label, partner))
    mixed = {**y, "targets": share[:, None] * one_hot(label) + (1 - share[:, None]) * one_hot(partner)}
    expected = (share * own + (1 - share) * other).mean()
    assert distiller.compute_loss(images, mixed, logits).numpy() == pytest.approx(expected, rel=1e-5)
    weights = rng.random(24).astype(np.float32)
    expected = (weights * (share * own + (1 - share) * other)).mean()
    assert distiller.compute_loss(images, mixed, logits, weights).numpy() == pytest.approx(expected, rel=1e-5)


def test_keras_own_loop_trains_it():
    for method in ("train_step", "test_step", "fit", "save", "get_metrics_result"):
        assert getattr(Distiller, method) is getattr(keras.Model, method)


def test_sample_weights_weigh_both_terms(batch):
    images, y = batch
    distiller = Distiller(tiny(), alpha=0.5)
    logits = distiller(images)
    weights = np.r_[np.ones(12), np.zeros(12)].astype(np.float32)
    half = {name: value[:12] for name, value in y.items()}
    weighed = distiller.compute_loss(images, y, logits, weights).numpy()
    assert weighed == pytest.approx(distiller.compute_loss(images[:12], half, logits[:12]).numpy() / 2, rel=1e-5)


def test_fit_honours_sample_weights(batch):
    images, y = batch
    trained = []
    for data, weights in ((slice(None), np.r_[np.full(12, 2.0), np.zeros(12)]), (slice(0, 12), np.ones(12))):
        distiller = Distiller(tiny())
        distiller.compile(keras.optimizers.SGD(0.1), jit_compile=False)
        of_batch = {name: value[data] for name, value in y.items()}
        # Frozen normalisation: only the loss may tell the two batches apart.
        for layer in distiller.student.layers:
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
        distiller.train_on_batch(images[data], of_batch, sample_weight=weights.astype(np.float32))
        trained.append(distiller.student.get_weights())
    for both, alone in zip(*trained, strict=True):
        np.testing.assert_allclose(both, alone, rtol=1e-4, atol=1e-6)


def test_it_learns_from_the_teacher_and_reports_the_terms(batch):
    images, y = batch
    distiller = compiled(Distiller(tiny(), alpha=1.0))
    history = distiller.fit(images, y, batch_size=8, epochs=30, verbose=0).history
    assert history["distillation_loss"][-1] < 0.7 * history["distillation_loss"][0]
    assert history["loss"] == pytest.approx(history["distillation_loss"], rel=1e-5)
    assert 0 <= history["agreement"][-1] <= 1 and history["agreement"][-1] > history["agreement"][0]
    assert history["categorical_accuracy"][-1] < 0.6, "the labels are random and were not learned"


def test_agreement_counts_equal_opinions(batch):
    images, y = batch
    distiller = Distiller(tiny())
    logits = distiller(images)
    distiller.compute_loss(images, y, logits)
    opinion = np.exp(y["teacher_logits"].astype(np.float64))
    opinion = (opinion / opinion.sum(-1, keepdims=True)).mean(1)
    expected = (opinion.argmax(-1) == logits.numpy().argmax(-1)).mean()
    assert distiller.trackers[2].result().numpy() == pytest.approx(expected)


@pytest.mark.parametrize("mixed", [False, True])
def test_metrics_in_training_are_of_the_labels(batch, mixed, rng):
    """Keras's metrics get all that is in y and take the first by name: the targets."""
    from fer_keras.training.metrics import LabelledAccuracy, MacroF1

    images, y = batch
    distiller, macro_f1 = Distiller(tiny()), MacroF1(7)
    distiller.compile(keras.optimizers.SGD(0.0), metrics=[LabelledAccuracy(), macro_f1], jit_compile=False)
    labels = np.r_[rng.integers(0, 7, 20), [-1] * 4]
    targets = one_hot(labels)
    if mixed:
        targets = np.float32(0.7) * targets + np.float32(0.3) * one_hot(np.zeros(24, int))
    logs = distiller.train_on_batch(images, {**y, "targets": targets}, return_dict=True)
    guesses = distiller.student(images, training=True).numpy().argmax(-1)
    assert logs["accuracy"] == pytest.approx((guesses == labels)[:20].mean())
    assert macro_f1.confusion.numpy().sum() == 20
    np.testing.assert_array_equal(macro_f1.confusion.numpy().sum(1), np.bincount(labels[:20], minlength=7))


def test_validation_needs_targets_only(batch):
    images, y = batch
    distiller = compiled(Distiller(tiny()))
    scores = distiller.evaluate(images, y["targets"], verbose=0, return_dict=True)
    logits = distiller(images).numpy()
    assert scores["loss"] == pytest.approx(float(LabelCrossEntropy()(y["targets"], logits)), rel=1e-5)
    assert scores["categorical_accuracy"] == pytest.approx((logits.argmax(-1) == y["targets"].argmax(-1)).mean())


def test_unlabelled_images_are_distilled(batch):
    images, y = batch
    y = {**y, "targets": np.zeros((24, 7), np.float32)}
    distiller = compiled(Distiller(tiny(), alpha=1.0))
    history = distiller.fit(images, y, batch_size=8, epochs=15, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < history["loss"][0]
    assert history["label_loss"] == [0] * 15


def test_what_is_saved_is_the_student_alone_and_comes_back(batch, tmp_path):
    images, y = batch
    distiller = compiled(Distiller(tiny(), temperature=3.0, alpha=0.4, label_smoothing=0.1))
    distiller.fit(images, y, epochs=1, verbose=0)
    assert sum(w.shape.num_elements() for w in distiller.weights) == distiller.student.count_params()
    distiller.save(tmp_path / "distiller.keras")
    distiller.save_weights(tmp_path / "only.weights.h5")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    np.testing.assert_array_equal(again(images).numpy(), distiller(images).numpy())
    assert again.get_config()["temperature"] == 3.0
    assert (again.objective.alpha, again.objective.label_loss.label_smoothing) == (0.4, 0.1)
    with zipfile.ZipFile(tmp_path / "distiller.keras") as archive:
        assert b"teacher" not in archive.read("config.json").replace(b"teacher_logits", b"")


@pytest.mark.parametrize(("option", "value"), [("alpha", 1.2), ("alpha", -0.1), ("temperature", 0), ("loss", "l2")])
def test_options_out_of_range_are_refused(option, value):
    with pytest.raises(FerKerasError, match=option):
        Distiller(tiny(), **{option: value})
