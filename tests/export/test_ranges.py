"""Ranges of activations with the smallest rounding error, against rounding each value."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from fer_keras import models
from fer_keras.data.synthetic import draw_faces
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export import flatbuffer, litert, ranges
from fer_keras.export.inference import litert_runtime
from fer_keras.export.runtimes import RUNTIMES
from fer_keras.jobs.export_subject import writer_inputs
from fer_keras.labels import FER2013

FACES = draw_faces(np.arange(35) % 7, seed=6)
INPUTS = writer_inputs("m", FER2013.classes, FACES)


def rounded(values, low, high):
    """256 levels from `low` to `high`, as LiteRT's reference does it."""
    step = (high - low) / 255
    return low + step * np.clip(np.round((values - low) / step), 0, 255)


def chosen(values):
    low, high = values.min(), values.max()
    return ranges.smallest_error_range(np.histogram(values, 4096, (low, high))[0], low, high)


def squared_error(values, low, high):
    return np.square(rounded(values, low, high) - values).mean()


def test_far_values_are_given_up():
    values = np.random.default_rng(0).normal(size=200_000)
    values[:20] = np.linspace(-30, 30, 20)
    low, high = chosen(values)
    shares = np.geomspace(0.05, 1, 40)
    tried = [squared_error(values, -30 * a, 30 * b) for a in shares for b in shares]
    assert squared_error(values, low, high) == pytest.approx(min(tried), rel=0.01)
    assert min(tried) < 0.8 * squared_error(values, -30, 30)


def test_even_values_keep_their_range():
    values = np.random.default_rng(0).uniform(-1, 3, 50_000)
    assert chosen(values) == pytest.approx((values.min(), values.max()))


def test_what_is_never_negative_begins_at_zero():
    values = np.maximum(np.random.default_rng(0).normal(size=50_000), 0)
    low, high = chosen(values)
    assert low == 0 and 2 < high <= values.max()


def ends(file):
    """The lowest and highest value of each activation, as written in a LiteRT file."""
    tensors = [tensor.quantization for tensor in flatbuffer.read(file).subgraphs[0].tensors]
    return [float(end) for of in tensors if of is not None and of.min is not None for end in (of.min[0], of.max[0])]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_either_runtime_counts_the_same(monkeypatch):
    keras.utils.set_random_seed(0)
    model = models.build("separable", widths=(8, 16), strides=(2, 2), dropouts=())
    calibrated = litert.convert(model, tf.float32, lambda: ([face[np.newaxis].astype(np.float32)] for face in FACES))
    choose, counted = ranges.smallest_error_range, {"one": [], "other": []}

    def noted(counts, low, high):
        counted[runtime].append(counts)
        return choose(counts, low, high)

    monkeypatch.setattr(ranges, "smallest_error_range", noted)
    runtime = "one"
    assert litert_runtime().__name__ == "ai_edge_litert.interpreter"
    clipped = ends(ranges.with_smallest_error(calibrated, FACES))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    runtime = "other"
    assert litert_runtime().__name__ == "tensorflow.lite.python.interpreter"
    ranges.with_smallest_error(calibrated, FACES)
    # The runtimes add in other orders, so that a value at a bin's edge may fall on either side of it. The ends may then
    # differ by more, where the error is flat.
    assert len(counted["one"]) == len(counted["other"]) > 5
    for mine, its in zip(*counted.values(), strict=True):
        assert mine.sum() == pytest.approx(its.sum(), abs=2) and np.abs(mine - its).sum() <= 0.02 * mine.sum()
    assert clipped != pytest.approx(ends(calibrated), rel=0.1)


def test_values_of_one_kind_are_no_trouble():
    assert chosen(np.zeros(10)) == (0, 0)
    low, high = chosen(np.full(10, -2.0) * np.linspace(1, 1.5, 10))
    assert -3 <= low < -2 and high == -2


def test_a_model_in_8_bits_answers_closer_to_the_model(tmp_path, monkeypatch):
    keras.utils.set_random_seed(0)
    model = models.from_preset("separable-25k")
    rng = np.random.default_rng(0)
    model.set_weights(
        [weight * rng.lognormal(0, 0.7, weight.shape).astype(np.float32) for weight in model.get_weights()]
    )
    expected, seen, errors = predict_logits(model, FACES), [], {}

    def watched(calibrated, faces):
        seen.append((calibrated, ranges.with_smallest_error(calibrated, faces)))
        return seen[-1][1]

    monkeypatch.setattr(litert, "equalised", lambda model, faces: model)  # which leaves less for clipping to mend
    for name, clip in (("clipped", watched), ("full", lambda calibrated, faces: calibrated)):
        monkeypatch.setattr(litert, "with_smallest_error", clip)
        litert.save_int8(model, tmp_path / "model_int8.tflite", INPUTS)
        answer, _ = RUNTIMES["litert"](str(tmp_path / "model_int8.tflite"))
        logits = np.log(answer(FACES))
        shift = (logits - expected).mean(axis=-1, keepdims=True)  # which a softmax loses
        errors[name] = np.sqrt(np.square(logits - expected - shift).mean()) / expected.std()
    # How much less is the processor's too: its kernels add in other orders.
    assert errors["clipped"] < 0.97 * errors["full"] and errors["clipped"] < 0.2, errors
    before, after = (schema.ModelT.InitFromObj(schema.Model.GetRootAs(file, 0)).subgraphs[0] for file in seen[0])
    clipped = 0
    for number, (old, new) in enumerate(zip(before.tensors, after.tensors, strict=True)):
        if old.quantization is None or old.quantization.min is None:
            continue
        (low, high), (bottom, top) = ((t.quantization.min[0], t.quantization.max[0]) for t in (old, new))
        assert low <= bottom < top <= high
        assert (bottom, top) == (low, high) == (0, 255) or number not in before.inputs
        clipped += (bottom, top) != (low, high)
    assert clipped > 20
