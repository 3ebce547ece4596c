"""Separable convolutions with channels of more equal width compute the same, and lose less in 8-bit integers."""

import keras
import numpy as np
import pytest
from scipy.special import softmax

from fer_keras import models
from fer_keras.data.synthetic import draw_faces
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export.equalise import equalised
from fer_keras.export.litert import save_int8
from fer_keras.export.runtimes import RUNTIMES
from fer_keras.jobs.export_subject import writer_inputs
from fer_keras.labels import FER2013

FACES = draw_faces(np.arange(40) % 7, seed=6)
INPUTS = writer_inputs("m", FER2013.classes, FACES)


@pytest.fixture
def uneven():
    """A separable student whose channels are a thousandfold apart between its two halves."""
    keras.utils.set_random_seed(3)
    model = models.build("separable", widths=(8, 16, 24), strides=(2, 2, 1), dropouts=())
    for layer in separable_layers(model):
        factors = np.geomspace(0.03, 30, layer.pointwise_kernel.shape[2], dtype=np.float32)
        layer.depthwise_kernel.assign(layer.depthwise_kernel * factors[:, np.newaxis])
        layer.pointwise_kernel.assign(layer.pointwise_kernel / factors[:, np.newaxis])
    return model


def separable_layers(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.SeparableConv2D)]


def widths_inside(model):
    """The 99.95th percentile of each channel's magnitudes, of each separable convolution."""
    found = []
    for layer in separable_layers(model):
        before = keras.Model(model.input, layer.input)(FACES.astype(np.float32))
        maps = keras.ops.depthwise_conv(before, layer.depthwise_kernel, layer.strides, layer.padding)
        found.append(np.quantile(np.abs(maps), 0.9995, axis=(0, 1, 2)))
    return found


def test_logits_stay_what_they_are_and_the_model_is_left_alone(uneven):
    before = [array.copy() for array in uneven.get_weights()]
    again = equalised(uneven, FACES)
    logits = predict_logits(uneven, FACES)
    np.testing.assert_allclose(predict_logits(again, FACES), logits, atol=1e-4 * np.abs(logits).max())
    for old, new in zip(before, uneven.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_widths_go_half_way_to_equal(uneven):
    for old, new in zip(widths_inside(uneven), widths_inside(equalised(uneven, FACES)), strict=True):
        np.testing.assert_allclose(new, np.sqrt(old * old.mean()), rtol=1e-3)


def test_a_channel_without_anything_in_it_stays_finite(uneven):
    layer = separable_layers(uneven)[0]
    kernel = layer.depthwise_kernel.numpy()
    kernel[:, :, 2] = 0
    layer.depthwise_kernel.assign(kernel)
    again = equalised(uneven, FACES)
    assert all(np.isfinite(array).all() for array in again.get_weights())
    np.testing.assert_allclose(predict_logits(again, FACES), predict_logits(uneven, FACES), atol=1e-3)
    layer.depthwise_kernel.assign(np.zeros_like(kernel))
    np.testing.assert_array_equal(separable_layers(equalised(uneven, FACES))[0].depthwise_kernel, 0)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_integers_lose_less_of_an_equalised_network(uneven, tmp_path, monkeypatch):
    expected, errors = softmax(predict_logits(uneven, FACES), axis=-1), []
    for equalise in (equalised, lambda model, faces: model):
        monkeypatch.setattr("fer_keras.export.litert.equalised", equalise)
        save_int8(uneven, tmp_path / "model.tflite", INPUTS)
        answer, _ = RUNTIMES["litert"](str(tmp_path / "model.tflite"))
        errors.append(np.square(answer(FACES) - expected).mean())
    assert errors[0] < 0.5 * errors[1]
