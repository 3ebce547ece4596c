"""The families are the networks they say they are."""

import itertools

import keras
import numpy as np
import pytest

from fer_keras.errors import FerKerasError
from fer_keras.models import FAMILIES, PRESETS, build, from_preset
from fer_keras.models.budget import activation_memory, fit_to_budget, multiply_adds, parameters

PARAMETERS = {
    "mobilenet-93k": 93_139,
    "reference-cnn": 4_038_279,
    "reference-mobilenet": 93_139,
    "reference-separable": 92_315,
    "residual-10": 1_227_623,
    "residual-10-wide": 1_521_095,
    "residual-12": 1_498_743,
    "residual-16-wide": 4_316_983,
    "residual-18": 4_251_847,
    "residual-14": 2_775_751,
    "residual-16": 2_777_703,
    "separable-25k": 24_279,
    "separable-88k": 87_719,
    "separable-93k": 92_519,
    "small-cnn": 147_367,
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_exactly_their_parameters(name):
    model = from_preset(name)
    assert parameters(model) == PARAMETERS[name]
    assert model.input_shape == (None, 48, 48, 1)
    assert model.output_shape == (None, 7)
    assert from_preset(name, num_classes=3).output_shape == (None, 3)


def test_reference_mobilenet_layer_by_layer():
    model = from_preset("reference-mobilenet")
    shapes = [model.get_layer(f"block{n}_pointwise_relu").output.shape[1:] for n in range(1, 7)]
    assert shapes == [(24, 24, 32), (24, 24, 64), (24, 24, 64), (12, 12, 100), (6, 6, 120), (3, 3, 480)]
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.1, 0.1, 0.1, 0.1, 0.2, 0.2]


def test_reference_cnn_layer_by_layer():
    model = from_preset("reference-cnn")
    shapes = [model.get_layer(f"stage{n}_pool").output.shape[1:] for n in (1, 2, 3)]
    assert shapes == [(12, 12, 64), (6, 6, 128), (3, 3, 256)]
    assert model.get_layer("stage1_1_conv").kernel.shape == (4, 4, 1, 64)
    assert model.get_layer("flatten").output.shape[1:] == (2304,)
    assert model.get_layer("stage1_1_act").negative_slope == 0.2
    assert model.get_layer("dense2_dropout").rate == 0.5


@pytest.mark.parametrize("name", PRESETS)
def test_bytes_and_floats_mean_the_same_pixels(name, rng):
    model = from_preset(name)
    images = rng.integers(0, 256, (4, 48, 48, 1)).astype(np.uint8)
    from_bytes = model(images).numpy()
    np.testing.assert_array_equal(from_bytes, model(images.astype(np.float32)).numpy())
    assert from_bytes.std() > 0


def test_pixels_are_scaled_inside_the_model():
    model = from_preset("small-cnn")
    scale = keras.Model(model.input, model.get_layer("scale_pixels").output)
    images = np.array([0, 255, 127.5], np.float32).reshape(3, 1, 1, 1) * np.ones((3, 48, 48, 1), np.float32)
    np.testing.assert_allclose(scale(images).numpy()[:, 0, 0, 0], [-1, 1, 0], atol=1e-6)


@pytest.mark.parametrize("num_classes", [2, 7, 1000])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("budget", [25_000, 93_139, 400_000])
def test_widths_fill_a_budget_from_below(family, budget, num_classes):
    options = fit_to_budget(family, budget, num_classes=num_classes)
    assert 0.97 * budget <= FAMILIES[family].parameters(num_classes=num_classes, **options) <= budget


def test_widths_keep_their_proportions_and_the_other_options():
    options = fit_to_budget("mobilenet", 25_000, widths=(1, 2, 4), strides=(2, 2, 2), dropouts=())
    assert options["strides"] == (2, 2, 2) and options["dropouts"] == ()
    first, second, third = options["widths"]
    assert second / first == pytest.approx(2, rel=0.25) and third / second == pytest.approx(2, rel=0.25)
    cheap = fit_to_budget("mobilenet", 93_139, 4_000_000)
    assert FAMILIES["mobilenet"].multiply_adds(**cheap) <= 4_000_000


def test_equal_neighbours_stay_equal_so_that_shortcuts_stay():
    options = fit_to_budget("separable", 60_000, **PRESETS["separable-93k"].options)
    runs = [[*run] for _, run in itertools.groupby(options["widths"])]
    assert [len(run) for run in runs] == [1, 3, 5, 2]
    assert 0.97 * 60_000 <= FAMILIES["separable"].parameters(**options) <= 60_000


def test_a_network_of_many_different_widths_is_fitted_too():
    options = fit_to_budget("separable", 60_000, widths=(*range(10, 34, 2),), strides=(2,) + (1,) * 11, dropouts=())
    assert len(options["widths"]) == 12
    assert 0.97 * 60_000 <= FAMILIES["separable"].parameters(**options) <= 60_000


@pytest.mark.parametrize("family", ["mobilenet", "separable"])
def test_shortcuts_are_where_shapes_allow_and_carry_the_input(family, rng):
    options = {"widths": (4, 4, 6, 6, 6), "strides": (4, 1, 1, 1, 2), "dropouts": ()}
    model = build(family, **options, residual=True)
    added = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Add)]
    last = "_pointwise" if family == "mobilenet" else ""
    assert added == [f"block1{last}_add", f"block3{last}_add"], "the same width and stride 1"
    assert not any(isinstance(layer, keras.layers.Add) for layer in build(family, **options).layers)
    block1 = keras.Model(
        model.input, [model.get_layer("stem_relu").output, model.get_layer(f"block1{last}_relu").output]
    )
    model.get_layer(f"block1{last}_bn").gamma.assign(np.zeros(4))
    before, after = block1(rng.integers(0, 256, (2, 48, 48, 1)).astype(np.uint8))
    assert float(before.numpy().max()) > 0
    np.testing.assert_array_equal(after, before)


def test_a_budget_too_small_is_refused():
    with pytest.raises(FerKerasError, match="cnn: a budget of 10 parameters is too small"):
        fit_to_budget("cnn", 10)


def test_multiply_adds_counted_by_hand():
    stem = 24 * 24 * 9 * 32
    blocks = [(32, 32, 24), (32, 64, 24), (64, 64, 24), (64, 100, 12), (100, 120, 6), (120, 480, 3)]
    expected = stem + sum(size**2 * (9 * c + c * w) for c, w, size in blocks) + 480 * 7
    assert multiply_adds(from_preset("reference-mobilenet")) == expected == 6_958_632
    assert multiply_adds(from_preset("reference-separable")) == expected


def test_activation_memory_counted_by_hand():
    # Largest at block 2 or 3: 24 x 24 x 64 in and 24 x 24 x 64 out, float32.
    assert activation_memory(from_preset("reference-mobilenet")) == 2 * 24 * 24 * 64 * 4


def test_a_shortcut_keeps_its_tensor_alive():
    inputs = keras.Input((8, 8, 4))
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same")(x)
    model = keras.Model(inputs, keras.layers.Add()([x, inputs]))
    assert activation_memory(model) == 3 * 8 * 8 * 4 * 4


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: from_preset("resnet"), "unknown model 'resnet'"),
        (lambda: build("resnet"), "unknown family 'resnet'"),
        (lambda: build("mobilenet", width=3), "cannot build a mobilenet"),
        (lambda: build("mobilenet", num_classes=1), "num_classes 1: expected from 2 to 1000"),
        (lambda: build("mobilenet", activation="rely"), "cannot build a mobilenet with .*rely"),
        (lambda: build("mobilenet", widths=(3, 4)), "cannot build a mobilenet"),
    ],
)
def test_bad_names_and_options_are_refused(call, sentence):
    with pytest.raises(FerKerasError, match=sentence):
        call()
