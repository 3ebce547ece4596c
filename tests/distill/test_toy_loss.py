"""What a newcomer's loss has to be: a class with parameters, and layers whose features it compares."""

import keras
import numpy as np
import pytest
from keras import ops
from soft_targets import one_hot

from fer_keras.config import DataConfig, StudentConfig
from fer_keras.distill import losses
from fer_keras.distill.distiller import Distiller
from fer_keras.distill.losses import DistillationLoss, loss_options, make_loss, register_loss, softened_probabilities
from fer_keras.distill.objective import objective_of
from fer_keras.errors import FerKerasError
from fer_keras.models import build


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """The losses of these tests, known to no other."""
    monkeypatch.setattr(losses.base, "DISTILLATION_LOSSES", dict(losses.DISTILLATION_LOSSES))

    @register_loss("squared")
    class Squared(DistillationLoss):
        def __init__(self, temperature=2.5, scale=1.0, **kwargs):
            super().__init__(temperature, **kwargs)
            self.scale = scale

        def call(self, y_true, y_pred):
            teacher = softened_probabilities(y_true["teacher_logits"], self.temperature)
            return self.scale * ops.sum((teacher - ops.softmax(y_pred / self.temperature)) ** 2, -1)

        def get_config(self):
            return {**super().get_config(), "scale": self.scale}

    @register_loss("quiet")
    class Quiet(DistillationLoss):
        """Wants the outputs of a layer to be small."""

        student_features = ("stem_relu",)

        def call(self, y_true, y_pred):
            features = y_true["student_features"]["stem_relu"]
            return ops.mean(features**2, (1, 2, 3)) + 0.0 * ops.sum(y_pred, -1)

    @register_loss("hint")
    class Hint(Quiet):
        teacher_features = ("stem",)

        def call(self, y_true, y_pred):
            mine, theirs = y_true["student_features"]["stem_relu"], y_true["teacher_features"]["stem"]
            return ops.mean((mine - theirs) ** 2, (1, 2, 3))

    @register_loss("nowhere")
    class Nowhere(Quiet):
        student_features = ("no_such_layer",)


def tiny():
    keras.utils.set_random_seed(4)
    return build("separable", widths=(4, 8), strides=(4, 4), dropouts=(0.0,))


@pytest.fixture
def batch(rng):
    images = rng.integers(0, 256, (24, 48, 48, 1)).astype(np.uint8)
    y = {"targets": one_hot(rng.integers(0, 7, 24)), "teacher_logits": rng.normal(0, 3, (24, 2, 7)).astype(np.float32)}
    return images, y


def fitted(distiller, images, y, epochs=1):
    distiller.compile(keras.optimizers.Adam(1e-2), metrics=["categorical_accuracy"], jit_compile=False)
    return distiller.fit(images, y, batch_size=8, epochs=epochs, verbose=0).history


def test_a_parameter_scales_what_is_learned_and_is_saved(batch, tmp_path):
    images, y = batch
    single, double = (Distiller(tiny(), "squared", alpha=1.0, loss_options={"scale": scale}) for scale in (1.0, 2.0))
    logits = single(images)
    first, second = (float(distiller.compute_loss(images, y, logits)) for distiller in (single, double))
    assert second == pytest.approx(2 * first, rel=1e-6)
    fitted(double, images, y)
    double.save(tmp_path / "distiller.keras")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    assert again.get_config()["loss_options"] == {"scale": 2.0} and again.objective.distillation_loss.scale == 2.0
    np.testing.assert_array_equal(again(images).numpy(), double(images).numpy())


def test_a_run_names_a_parameter():
    config = StudentConfig(DataConfig("", ""), (), loss="decoupled-kl", loss_options={"beta": 8.0})
    assert objective_of(config).distillation_loss.beta == 8.0
    assert loss_options("decoupled-kl") == {"beta": 2.0} and loss_options("dist") == {"beta": 1.0, "gamma": 1.0}
    assert loss_options("kl") == {}


def test_features_of_a_named_layer_are_learned_from_and_leave_nothing_in_the_file(batch, tmp_path):
    images, y = batch
    distiller = Distiller(tiny(), "quiet", alpha=1.0)
    stem = keras.Model(distiller.student.input, distiller.student.get_layer("stem_relu").output)
    expected = float(np.mean(stem(images, training=True).numpy() ** 2))
    outputs = distiller(images, training=True)
    assert float(distiller.compute_loss(images, y, outputs)) == pytest.approx(expected, rel=1e-5)
    history = fitted(distiller, images, y, epochs=8)
    assert history["distillation_loss"][-1] < 0.8 * history["distillation_loss"][0]
    assert {"categorical_accuracy", "agreement"} <= history.keys()
    scores = distiller.evaluate(images, y["targets"], verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(scores["label_loss"])
    assert distiller(images).shape == (24, 7), "outside training it gives logits alone"
    distiller.save(tmp_path / "distiller.keras")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    assert again.count_params() == distiller.student.count_params()
    np.testing.assert_array_equal(again(images).numpy(), distiller(images).numpy())


def test_features_of_a_teacher_come_with_the_batches(batch):
    images, y = batch
    distiller = Distiller(tiny(), "hint", alpha=1.0)
    outputs = distiller(images, training=True)
    with pytest.raises(FerKerasError, match="compares features of teachers, which these batches lack"):
        distiller.compute_loss(images, y, outputs)
    features = outputs["student_features"]["stem_relu"]
    y = {**y, "teacher_features": {"stem": features + 0.5}}
    assert float(distiller.compute_loss(images, y, outputs)) == pytest.approx(0.25, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("l2", {}, "loss 'l2': expected one of decoupled-kl, dist, kl, standardised-kl, squared"),
        ("kl", {"beta": 1.0}, "loss 'kl': unknown option 'beta', it has none"),
        ("dist", {"delta": 1.0}, "loss 'dist': unknown option 'delta', expected one of beta, gamma"),
        ("dist", {"beta": "much"}, "loss 'dist': option beta is 'much', expected a number"),
    ],
)
def test_an_unknown_loss_or_option_is_a_sentence(name, options, sentence):
    with pytest.raises(FerKerasError, match=sentence):
        make_loss(name, 2.5, options)


def test_a_layer_that_the_student_lacks_is_a_sentence():
    with pytest.raises(FerKerasError, match=r"layer 'no_such_layer': the student .* has none of this name"):
        Distiller(tiny(), "nowhere")
