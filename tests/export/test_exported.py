"""A model with all its exports: what is there, what the files take and give, and what is said of them."""

import numpy as np
import pytest

from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError
from fer_keras.export import parity, record
from fer_keras.export.formats import FORMATS
from fer_keras.files import file_sha256, read_json
from fer_keras.labels import FER2013

FILES = {key: entry.file for key, entry in FORMATS.items() if entry.file}


def test_all_formats_and_nothing_half_written_are_there(exported):
    folder, exports, lines = exported
    names = sorted(path.name for path in folder.iterdir() if path.name != ".lock")
    assert names == ["1", "exports.json", "model.keras", *sorted(FILES.values())]
    assert exports == read_json(folder / "exports.json")
    assert exports["model_sha256"] == file_sha256(folder / "model.keras")
    assert {name: facts["file"] for name, facts in exports["formats"].items()} == {"saved_model": "1", **FILES}
    for facts in exports["formats"].values():
        assert facts["kept"] and (facts["bytes"], facts["sha256"]) == tuple(
            record.artifact_facts(folder / facts["file"]).values()
        )
        assert (facts["faces"], facts["faces_source"], facts["accuracy"]) == (512, "drawn faces", None)
    assert [line.split(":")[0] for line in lines[2:]] == list(exports["formats"])


def test_every_format_answers_as_keras_does(exported):
    for name, facts in exported[1]["formats"].items():
        if name.startswith("litert_int8"):
            assert 1e-3 < facts["largest_probability_difference"] < 0.3 and facts["agreement"] >= 0.95
        else:
            assert facts["largest_probability_difference"] <= 1e-5 and facts["agreement"] == 1.0


def test_drawn_faces_are_named_as_such(exported):
    _, exports, lines = exported
    assert exports["formats"]["litert_int8"]["calibration"] == {"source": "drawn faces", "images": 512}
    assert lines[0].endswith(
        "order is taken (--classes names others), and grey values 0..255, multiplied by 1 (--scale)"
    )
    assert lines[1].startswith("calibration of 8-bit integers: on drawn faces, not FER2013")


def test_each_runtime_has_no_help(processes):
    helpers = {name: process["helpers"] for name, process in processes.items()}
    assert helpers == {"saved_model": ["tensorflow"], **{name: [] for name in FILES}}


def test_the_saved_model_stores_each_weight_once(exported, keras_model):
    variables = (exported[0] / "1" / "variables" / "variables.data-00000-of-00001").stat().st_size
    assert 4 * keras_model.count_params() <= variables <= 1.05 * 4 * keras_model.count_params()


def test_pixels_go_into_the_int8_file_as_they_are(exported):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(exported[0] / FILES["litert_int8"]))
    (inputs,), (outputs,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert inputs["dtype"] is np.uint8 and inputs["quantization"] == (1.0, 0)
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["images"], "outputs": ["logits"]}}
    inside = {tensor["dtype"] for tensor in interpreter.get_tensor_details() if tensor["index"] != outputs["index"]}
    assert outputs["dtype"] is np.float32 and inside <= {np.uint8, np.int8, np.int32}


def test_names_and_dtypes_of_the_onnx_file(exported):
    import onnxruntime

    session = onnxruntime.InferenceSession(exported[0] / FILES["onnx"])
    (inputs,), (outputs,) = session.get_inputs(), session.get_outputs()
    assert (inputs.name, inputs.type, inputs.shape[1:]) == ("images", "tensor(uint8)", [48, 48, 1])
    assert (outputs.name, outputs.type, outputs.shape[1:]) == ("logits", "tensor(float)", [7])


def test_answers_that_are_not_finite_are_not_kept(exported, keras_model, monkeypatch):
    expected, file = parity.reference(keras_model, None, FER2013.classes), exported[0] / "model.onnx"
    nothing = np.full_like(expected.probabilities, np.nan)
    monkeypatch.setattr(parity, "answers_of", lambda *_: (nothing, {}))
    with pytest.raises(FerKerasError, match=r"model.onnx: gives probabilities that are not finite"):
        parity.check(FORMATS["onnx"], file, expected, file)


def test_what_its_runtime_cannot_read_is_not_kept(tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(FerKerasError, match=r"model.onnx: its own runtime cannot use it \(.*\), so nothing was kept"):
        parity.answers_of(FORMATS["onnx"], file, draw_faces(np.arange(7), seed=8), file)
