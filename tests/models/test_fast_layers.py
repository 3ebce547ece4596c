"""The fast layer gives what the stock layer gives, and gives way to it."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from fer_keras.labels import FER2013
from fer_keras.models import PRESETS, build, from_preset, precision
from fer_keras.models.fast_layers import ByteDropout, FusedBatchNormalization, for_shipping, for_training
from fer_keras.models.load import save_model


@pytest.fixture
def batch(rng):
    return rng.integers(0, 256, (16, 48, 48, 1)).astype(np.uint8)


def randomise(model, rng):
    """Move all weights, moving averages included, away from where they start."""
    model.set_weights([w * rng.uniform(0.5, 1.5, w.shape) + rng.uniform(0, 0.1, w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("name", PRESETS)
def test_predictions_are_those_of_the_stock_model(name, batch, rng):
    keras.utils.set_random_seed(0)
    stock = randomise(from_preset(name), rng)
    expected = stock(batch).numpy()
    fast = for_training(stock)
    kinds = {type(layer) for layer in fast.layers}
    assert FusedBatchNormalization in kinds and not kinds & {keras.layers.BatchNormalization, keras.layers.Dropout}
    np.testing.assert_allclose(fast(batch).numpy(), expected, rtol=1e-4)
    shipped = for_shipping(fast)
    assert [type(layer) for layer in shipped.layers] == [type(layer) for layer in stock.layers]
    np.testing.assert_array_equal(shipped(batch).numpy(), expected)


@pytest.mark.parametrize("widths", [(8, 8, 16), (6, 9, 13)])
def test_a_training_step_moves_both_alike(widths, batch):
    updates = []
    for make in (lambda m: m, for_training):
        keras.utils.set_random_seed(1)
        model = make(build("mobilenet", widths=widths, strides=(2, 2, 2), dropouts=(0, 0)))
        before = model.get_weights()
        model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(True), jit_compile=False)
        model.train_on_batch(batch, np.arange(16) % 7)
        updates.append([after - b for after, b in zip(model.get_weights(), before, strict=True)])
    for stock, fast in zip(*updates, strict=True):
        assert np.linalg.norm(stock) > 0
        # Sums in another order, and the unbiased variance of at least 16 * 6 * 6 values.
        assert np.linalg.norm(fast - stock) < 0.02 * np.linalg.norm(stock) + 1e-6


WIDTHS = [pytest.param(5, id="by rows"), pytest.param(16, id="by the fused kernel")]


@pytest.mark.parametrize("channels", WIDTHS)
def test_gradients_are_those_of_the_stock_layer(channels, rng):
    import tensorflow as tf

    x = tf.constant(rng.normal(2, 3, (8, 6, 4, channels)).astype(np.float32))
    weight = tf.constant(rng.normal(size=(8, 6, 4, channels)).astype(np.float32))
    gamma, beta = rng.uniform(0.5, 2.0, channels), rng.normal(size=channels)
    gradients = []
    for layer in (keras.layers.BatchNormalization(), FusedBatchNormalization()):
        layer.build(x.shape)
        layer.gamma.assign(gamma)
        layer.beta.assign(beta)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) ** 3 * weight)
        gradients.append(tape.gradient(loss, [x, layer.gamma.value, layer.beta.value]))
    for stock, fast in zip(*gradients, strict=True):
        np.testing.assert_allclose(fast.numpy(), stock.numpy(), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("channels", WIDTHS)
def test_moving_averages_follow_the_batch(channels, rng):
    x = rng.normal(2, 3, (8, 6, 4, channels)).astype(np.float32)
    layer = FusedBatchNormalization(momentum=0.9)
    out = layer(x, training=True)
    flat = x.reshape(-1, channels)
    np.testing.assert_allclose(out, (x - flat.mean(0)) / np.sqrt(flat.var(0) + layer.epsilon), atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * flat.mean(0), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * flat.var(0, ddof=1), rtol=1e-4)
    moments = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    np.testing.assert_allclose(layer(x), (x - moments[0]) / np.sqrt(moments[1] + layer.epsilon), atol=1e-5)


def test_bfloat16_is_for_all_but_the_logits(batch):
    model = for_training(from_preset("small-cnn"), "mixed_bfloat16")
    assert model.get_layer("stage1_1_conv").compute_dtype == "bfloat16"
    assert model(batch, training=True).dtype == "float32"
    assert {weight.dtype for weight in model.weights} == {"float32"}


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_dropout_drops_its_share_and_keeps_the_expectation(rate, dtype):
    layer = ByteDropout(rate, seed=3, dtype=dtype)
    out = np.asarray(layer(np.ones((200, 999), np.float32), training=True), np.float32)
    share = round(256 * rate) / 256
    assert (out == 0).mean() == pytest.approx(share, abs=0.004)
    np.testing.assert_allclose(np.unique(out[out > 0]), 1 / (1 - share), rtol=1e-2)
    # Neighbours, whose bytes come from one word, must be independent.
    zero = out == 0
    assert (zero[:, 1:] & zero[:, :-1]).mean() == pytest.approx(share**2, abs=0.004)


def test_dropout_is_a_function_of_the_generators_state():
    first, second = ByteDropout(0.3, seed=3), ByteDropout(0.3, seed=4)
    x = np.ones((50, 41), np.float32)
    draws = [first(x, training=True).numpy() for _ in range(2)]
    assert (draws[0] != draws[1]).any()
    second.seed_generator.state.assign([3, 0])
    np.testing.assert_array_equal(second(x, training=True), draws[0])
    np.testing.assert_array_equal(first(x, training=False), x)


def test_dropout_lets_the_gradient_through_where_it_kept():
    import tensorflow as tf

    layer, x = ByteDropout(0.3, seed=3), tf.ones((50, 41))
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(out, x), out)


@pytest.mark.parametrize(("has", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_auto_takes_bfloat16_where_there_is_such_a_thing(monkeypatch, has, expected):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: has)
    model = for_training(from_preset("small-cnn"), "auto")
    assert model.get_layer("stage1_1_conv").compute_dtype == expected
    assert model.get_layer("logits").compute_dtype == "float32"


def test_a_shipped_model_loads_where_fer_keras_was_never_imported(tmp_path, batch, rng):
    model = for_shipping(for_training(randomise(from_preset("reference-mobilenet"), rng), "mixed_bfloat16"))
    save_model(model, tmp_path / "model.keras", FER2013)
    np.save(tmp_path / "batch.npy", batch)
    code = (
        "import sys, keras, numpy as np; m = keras.models.load_model('model.keras');"
        "assert 'fer_keras' not in sys.modules; np.save('out.npy', m(np.load('batch.npy')).numpy())"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), model(batch).numpy(), rtol=1e-5)
