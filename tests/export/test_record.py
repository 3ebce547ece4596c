"""exports.json is checked before it is believed."""

import json

import pytest
from command import ROOT

from fer_keras.errors import FerKerasError
from fer_keras.export.record import read_calibration, read_exports


@pytest.mark.parametrize(
    "formats", [None, [], "x", {"onnx": None}, {"onnx": "x"}, {"onnx": 1, "litert_int8": {}}, {"onnx": {"file": []}}]
)
def test_what_is_no_list_of_exports_is_a_sentence(formats, tmp_path):
    (tmp_path / "exports.json").write_text(json.dumps({"model_sha256": None, "formats": formats}))
    with pytest.raises(FerKerasError, match=r"exports\.json: formats.*(expected an object|is missing)$"):
        read_exports(tmp_path, tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (["nll"], [0.5], r"nll \[0\.5\]: expected a list of 2"),
        (["calibration_error"], [0.1, 0.1, 0.1], r"calibration_error .*: expected a list of 2"),
        (["nll", 0], float("inf"), r"nll\[0\] inf: expected a number"),
        (["temperature"], float("nan"), r"temperature nan: expected a number"),
        (["images"], 10**400, r"images 10+: expected a whole number"),
        (["tested_on", "public_test"], {}, r"tested_on\.public_test\.calibration_error is missing"),
    ],
)
def test_a_damaged_temperature_is_a_sentence_that_names_the_key(keys, value, said, tmp_path):
    facts = json.loads((ROOT / "saved_models" / "separable-25k" / "calibration.json").read_text())
    place = facts
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    (tmp_path / "calibration.json").write_text(json.dumps(facts))
    with pytest.raises(FerKerasError, match=rf"calibration\.json: {said}"):
        read_calibration(tmp_path, tmp_path / "model.keras")
