"""exports.json is checked before it is believed."""

import json

import pytest

from fer_keras.errors import FerKerasError
from fer_keras.export.record import read_exports


@pytest.mark.parametrize(
    "formats", [None, [], "x", {"onnx": None}, {"onnx": "x"}, {"onnx": 1, "litert_int8": {}}, {"onnx": {"file": []}}]
)
def test_what_is_no_list_of_exports_is_a_sentence(formats, tmp_path):
    (tmp_path / "exports.json").write_text(json.dumps({"model_sha256": None, "formats": formats}))
    with pytest.raises(FerKerasError, match=r"exports\.json: formats.*(expected an object|is missing)$"):
        read_exports(tmp_path, tmp_path / "model.keras")
