"""Batch statistics computed again: the moments of what goes through each layer, and what a model gains by them."""

import keras
import numpy as np
import pandas as pd
from command import run
from face_files import write_fer2013

from fer_keras.jobs.measure_statistics import recompute_statistics
from fer_keras.models import build

TINY = {"widths": (4, 8), "strides": (4, 2), "dropouts": ()}


def test_moments_are_the_mean_over_the_batches(rng):
    layers = [keras.layers.Input((48, 48, 1)), keras.layers.Conv2D(3, 5, strides=4), keras.layers.BatchNormalization()]
    model = keras.Sequential(layers)
    batches = rng.integers(0, 256, (3, 16, 48, 48, 1), np.uint8)
    recompute_statistics(model, batches)
    maps = [model.layers[0](batch.astype("float32")).numpy() for batch in batches]
    norm = model.layers[1]
    np.testing.assert_allclose(norm.moving_mean, np.mean([m.mean((0, 1, 2)) for m in maps], 0), rtol=1e-4)
    np.testing.assert_allclose(norm.moving_variance, np.mean([m.var((0, 1, 2)) for m in maps], 0), rtol=1e-4)
    before = [weight.numpy() for weight in model.weights]
    recompute_statistics(model, batches)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_allclose(weight, old, rtol=1e-4, err_msg="what went before leaves no trace")


def test_each_model_has_a_row_before_and_after(faces, tmp_path):
    data = write_fer2013(tmp_path / "fer2013.csv", faces)
    keras.utils.set_random_seed(1)
    model = build("separable", **TINY)
    model.save(tmp_path / "tiny.keras")
    words = [tmp_path / "tiny.keras", "--data", data, "--batches", 1, "--to", tmp_path]
    ended = run("measure_statistics.py", *words)
    assert ended.status == 0, ended.err
    row = pd.read_csv(tmp_path / "batch_statistics.csv").iloc[0]
    public = faces.split("public_test")
    right = np.argmax(model.predict(public.images.astype("float32"), verbose=0), 1) == public.labels
    assert row["model"] == "tiny" and row["public_test"] == round(100 * right.mean(), 2)
    assert 0 <= row["public_test_recomputed"] <= 100
