"""Hard SiLU in steps that fast kernels for 8-bit integers know."""

import keras
import numpy as np
import pytest

from fer_keras import models
from fer_keras.data.synthetic import draw_faces
from fer_keras.export import litert
from fer_keras.export.decompose import decompose_hard_silu
from fer_keras.export.inference import litert_runtime
from fer_keras.jobs.export_subject import writer_inputs
from fer_keras.labels import FER2013

OPTIONS = {"widths": (8, 16, 16), "strides": (4, 2, 1), "dropouts": (), "residual": True}
FACES = draw_faces(np.arange(14) % 7, seed=3)
INPUTS = writer_inputs("m", FER2013.classes, FACES)


@pytest.fixture
def model(rng):
    model = models.build("separable", activation="hard_silu", **OPTIONS)
    model.set_weights(
        [rng.normal(1, 0.5, weight.shape) for weight in model.get_weights()[:-2]] + model.get_weights()[-2:]
    )
    return model


def test_the_steps_are_the_function():
    values = np.linspace(-4, 4, 1601, dtype=np.float32)
    inputs = keras.Input((1601,))
    whole = keras.Model(inputs, keras.layers.Activation("hard_silu")(inputs))
    steps = decompose_hard_silu(whole)
    assert steps is not whole
    expected = values * np.clip(values.astype(np.float64) + 3, 0, 6) / 6
    for network in (whole, steps):
        np.testing.assert_allclose(network(values[None])[0], expected, atol=1e-6)


def test_a_network_gives_the_same_logits_by_steps(model):
    steps = decompose_hard_silu(model)
    assert [layer.name for layer in steps.layers] == [layer.name for layer in model.layers]
    expected = np.asarray(model(FACES))
    np.testing.assert_allclose(steps(FACES), expected, atol=1e-5 * np.abs(expected).max())


def test_a_network_without_it_is_left_as_it_is():
    model = models.build("separable", activation="silu", **OPTIONS)
    assert decompose_hard_silu(model) is model


def test_the_converter_does_not_put_the_steps_together_again(model, tmp_path):
    litert.save_float32(model, tmp_path / "float32.tflite")
    litert.save_int8(model, tmp_path / "int8.tflite", INPUTS)
    operations = {}
    for name in ("float32", "int8"):
        interpreter = litert_runtime().Interpreter(str(tmp_path / f"{name}.tflite"))
        operations[name] = {operation["op_name"] for operation in interpreter._get_ops_details()}
    assert "HARD_SWISH" in operations["float32"] and "HARD_SWISH" not in operations["int8"]
