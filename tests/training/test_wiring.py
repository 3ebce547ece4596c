"""What a run is told reaches its batches, its loss, its views and its optimizer."""

from dataclasses import replace

import numpy as np
import pytest

from fer_keras.config import DataConfig, FitConfig, StudentConfig, TeacherConfig, ViewConfig
from fer_keras.data.random_streams import label_view_seed
from fer_keras.distill.objective import ViewSchedule, view_schedule
from fer_keras.models import build
from fer_keras.training import student, teacher
from fer_keras.training.optimizer import make_optimizer
from fer_keras.training.pipeline import BatchOrder, training_dataset
from fer_keras.training.run import Run

DATA = DataConfig("drawn", "")
VIEWS = ViewConfig(flip=False, rotation=3.0)
FIT = FitConfig(epochs=2, batch_size=16, seed=5, label_smoothing=0.2)


class Logits:
    members, views = 2, 3

    def view(self, view):
        return np.random.default_rng(view).normal(0, 3, (40, 2, 7)).astype(np.float16)


@pytest.fixture
def train(faces):
    return faces.split("train").take(np.arange(40))


@pytest.fixture
def calls(monkeypatch):
    """The arguments of `fit_run`, which does nothing."""
    calls = []
    for module in (student, teacher):
        monkeypatch.setattr(module, "fit_run", lambda *words: calls.append(words))
    return calls


def assert_equal_batches(batches, expected):
    import tensorflow as tf

    for batch, other in zip(batches.as_numpy_iterator(), expected.as_numpy_iterator(), strict=True):
        for array, expected_array in zip(tf.nest.flatten(batch), tf.nest.flatten(other), strict=True):
            np.testing.assert_array_equal(array, expected_array)


def test_a_student_is_fitted_as_its_recipe_says(train, calls, tmp_path):
    config = StudentConfig(DATA, ("t",), mixup=0.5, view_seed=9, init_from="a", views=VIEWS, fit=FIT)
    config = replace(config, loss="dist", loss_options={"gamma": 0.5}, temperature=3.0, alpha=0.7)
    run = Run(tmp_path, config, resume=True)
    student.train_student(run, train, train, Logits(), callbacks=["a callback"])
    ((fitted_run, _, val, setup),) = calls
    assert (fitted_run, val, setup.callbacks) == (run, train, ["a callback"])
    schedule = ViewSchedule(9, 3, VIEWS, 0.5)
    expected = training_dataset(train, schedule, Logits(), epochs=range(1, 3), order=BatchOrder(16, 5))
    assert_equal_batches(setup.batches(range(1, 3)), expected)
    distiller, loss = setup.trainer_of(build("cnn", widths=(4,), dense_widths=()))
    expected = {
        "loss": "dist",
        "loss_options": {"gamma": 0.5},
        "temperature": 3.0,
        "alpha": 0.7,
        "label_smoothing": 0.2,
    }
    assert {name: distiller.get_config()[name] for name in expected} == expected
    assert distiller.objective.distillation_loss.gamma == 0.5 and loss is None
    assert view_schedule(config) == ViewSchedule(9, 2, VIEWS, 0.5), "as many of the 16 cached views as epochs"


def test_a_teacher_is_fitted_as_its_recipe_says(train, calls, tmp_path):
    config = TeacherConfig(DATA, mixup=0.5, views=VIEWS, fit=FIT)
    run = Run(tmp_path, config, resume=True)
    teacher.train_teacher(run, train, train)
    ((fitted_run, _, val, setup),) = calls
    assert (fitted_run, val) == (run, train)
    schedule = ViewSchedule(label_view_seed(5), None, VIEWS, 0.5)
    expected = training_dataset(train, schedule, epochs=range(1, 3), order=BatchOrder(16, 5))
    assert_equal_batches(setup.batches(range(1, 3)), expected)
    fitted, loss = setup.trainer_of("network")
    assert fitted == "network" and loss.label_smoothing == 0.2
    assert view_schedule(config) == schedule, "every epoch sees a fresh view"


def test_members_of_an_ensemble_are_no_twins():
    config = TeacherConfig(DATA, fit=FIT)
    members = teacher.member_configs(config, ["small-cnn", "residual-10"], 3)
    assert [(member.model, member.fit.seed) for member in members] == [
        ("small-cnn", 5), ("residual-10", 6), ("small-cnn", 7),
    ]  # fmt: skip
    assert [replace(member, model=config.model, fit=FIT) for member in members] == 3 * [config]


def test_the_optimizer_averages_as_far_back_as_it_is_told_and_decays_kernels_alone():
    optimizer = make_optimizer(replace(FIT, ema_epochs=2.0, weight_decay=0.03), 20)
    assert optimizer.use_ema and optimizer.ema_momentum == pytest.approx(1 - 1 / 40)
    assert not make_optimizer(replace(FIT, ema_epochs=0.0), 20).use_ema
    assert optimizer.weight_decay == 0.03
    model = build("separable", widths=(4, 8), strides=(4, 4), dropouts=())
    optimizer.build(model.trainable_variables)
    decayed = {v.name for v in model.trainable_variables if optimizer._use_weight_decay(v)}
    assert decayed == {"kernel", "depthwise_kernel", "pointwise_kernel"}
    assert {v.name for v in model.trainable_variables} - decayed == {"bias", "gamma", "beta"}
