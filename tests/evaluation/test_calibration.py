"""A temperature that was hidden is found again, and makes confidences no worse."""

import numpy as np
import pytest
from scipy import optimize

from fer_keras.errors import FerKerasError
from fer_keras.evaluation.calibration import fit_temperature, write_calibration
from fer_keras.evaluation.confidence import calibration_error, nll, softmax
from fer_keras.files import file_sha256, read_json
from fer_keras.labels import FER2013


def hidden(temperature, count=20_000, seed=0):
    """Logits, and labels drawn from their softmax at `temperature`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, 7))
    cumulated = softmax(logits / temperature).cumsum(axis=1)
    return logits, (rng.random((count, 1)) > cumulated).sum(axis=1).clip(0, 6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_hidden_temperature_is_found(temperature):
    logits, labels = hidden(temperature)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.03)
    assert calibration_error(logits / found, labels) < 0.015


def test_it_is_the_minimum_of_the_likelihood():
    logits, labels = hidden(1.7, 500)
    found = fit_temperature(logits, labels)
    best = optimize.minimize(lambda t: nll(logits / np.exp(t[0]), labels), [0.0], tol=1e-10)
    assert found == pytest.approx(np.exp(best.x[0]), rel=1e-4)
    assert fit_temperature(3.0 * logits, labels) == pytest.approx(3.0 * found, rel=1e-4)


def test_labels_that_are_always_right_leave_no_doubt():
    assert fit_temperature(np.eye(7), np.arange(7)) == pytest.approx(0.05, rel=1e-3)


def test_without_images_there_is_no_temperature():
    with pytest.raises(FerKerasError, match="no validation images"):
        fit_temperature(np.empty((0, 7)), np.empty(0, int))


def test_calibration_json_has_the_temperature_and_what_it_is_worth(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"a model")
    val, test = hidden(2.0, 400), hidden(2.0, 300, seed=1)
    write_calibration(tmp_path / "model.keras", {"val": val, "public_test": test}, "made up", FER2013.classes)
    calibration = read_json(tmp_path / "calibration.json")
    assert calibration["model_sha256"] == file_sha256(tmp_path / "model.keras")
    assert (calibration["source"], calibration["images"]) == ("made up", 400)
    temperature = calibration["temperature"]
    assert calibration["nll"] == pytest.approx([nll(val[0], val[1]), nll(val[0] / temperature, val[1])])
    errors = [calibration_error(test[0], test[1]), calibration_error(test[0] / temperature, test[1])]
    assert calibration["tested_on"]["public_test"]["calibration_error"] == pytest.approx(errors)
