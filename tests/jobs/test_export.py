"""Every format answers as the Keras model does, or is not kept."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from command import run

import fer_keras
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export import onnx, parity, record
from fer_keras.export.formats import FORMATS
from fer_keras.files import file_sha256, locked, read_json, write_json
from fer_keras.jobs import exporting
from fer_keras.jobs.exporting import export_model

FILES = {
    "litert_float32": "model_float32.tflite", "litert_float32_1": "model_float32_1.tflite",
    "litert_int8": "model_int8.tflite", "litert_int8_1": "model_int8_1.tflite", "onnx": "model.onnx",
}  # fmt: skip


@pytest.fixture
def copy(exported, tmp_path):
    """A copy of the exported folder that a test may change."""
    shutil.copytree(exported[0], tmp_path / "copy")
    return tmp_path / "copy"


def copied_from(folder):
    """Converters that take their time once: file name -> (model, path, ...) -> that file of `folder` at `path`."""
    return lambda file: lambda model, path, *_: shutil.copyfile(folder / file, path)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_what_is_there(exported):
    folder, told, said = exported
    assert names(folder) == ["1", "exports.json", "model.keras", *sorted(FILES.values())], "and nothing half-written"
    assert told == read_json(folder / "exports.json")
    assert told["model_sha256"] == file_sha256(folder / "model.keras")
    assert {name: facts["file"] for name, facts in told["formats"].items()} == {"saved_model": "1", **FILES}
    for facts in told["formats"].values():
        assert facts["kept"] and (facts["bytes"], facts["sha256"]) == tuple(
            record.artifact_facts(folder / facts["file"]).values()
        )
        assert (facts["faces"], facts["faces_source"], facts["accuracy"]) == (512, "drawn faces", None)
    assert [line.split(":")[0] for line in said[2:]] == list(told["formats"])


def test_parity(exported):
    _, told, _ = exported
    for name, facts in told["formats"].items():
        if name.startswith("litert_int8"):
            assert 1e-3 < facts["largest_probability_difference"] < 0.3 and facts["agreement"] >= 0.95
        else:
            assert facts["largest_probability_difference"] <= 1e-5 and facts["agreement"] == 1.0


def test_drawn_faces_are_named_as_such(exported):
    _, told, said = exported
    assert told["formats"]["litert_int8"]["calibration"] == {"source": "drawn faces", "images": 512}
    assert said[0].endswith(
        "order is taken (--classes names others), and grey values 0..255, multiplied by 1 (--scale)"
    )
    assert said[1].startswith("calibration of 8-bit integers: on drawn faces, not FER2013")


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


def test_a_version_is_never_overwritten(copy):
    before = record.artifact_facts(copy / "1")
    with pytest.raises(FerKerasError, match=r"copy/1: this version is there already and is never overwritten"):
        export_model(copy, ["saved_model"], version=1)
    with pytest.raises(FerKerasError, match=r"--version 0: expected a whole number from 1"):
        export_model(copy, ["saved_model"], version=0)
    (copy / "10").mkdir()
    assert exporting.free_version(copy) == 11
    assert record.artifact_facts(copy / "1") == before
    (copy / "made").mkdir()
    with pytest.raises(FerKerasError, match="never overwritten"):
        record.move_version(copy / "made", copy / "1")
    assert record.artifact_facts(copy / "1") == before and not (copy / "made").exists()


def test_what_answers_otherwise_is_not_kept(exported, copy, keras_model, monkeypatch):
    faces = draw_faces(np.arange(7), seed=8)
    wrong = parity.Reference(faces, None, "drawn faces", predict_logits(keras_model, faces)[:, ::-1])
    monkeypatch.setattr(parity, "reference", lambda *_: wrong)
    converted = copied_from(exported[0])
    for key, file in FILES.items():
        monkeypatch.setitem(FORMATS, key, replace(FORMATS[key], write=converted(file)))
    before = {path.name: path.stat().st_mtime_ns for path in copy.glob("[!.]*")}
    off = "is up to .* off the Keras model's probabilities"
    for name, sentence in (
        ("onnx", f"model.onnx: {off}, expected at most 0.001, so nothing"),
        ("litert", f"float32.tflite: {off}.*; .*int8.tflite: names the Keras model's expression on .* of 7 faces"),
    ):
        with pytest.raises(FerKerasError, match=sentence):
            export_model(copy, [name], say=lambda line: None)
    assert {path.name: path.stat().st_mtime_ns for path in copy.glob("[!.]*")} == before


def test_answers_that_are_not_finite_are_not_kept(copy, keras_model, monkeypatch):
    expected = parity.reference(keras_model, None)
    nothing = np.full_like(expected.probabilities, np.nan)
    monkeypatch.setattr(parity, "answers_of", lambda *_: (nothing, {}))
    with pytest.raises(FerKerasError, match=r"model.onnx: gives probabilities that are not finite"):
        parity.check(FORMATS["onnx"], copy / "model.onnx", expected, copy / "model.onnx")


def test_what_its_runtime_cannot_read_is_not_kept(tmp_path, keras_model):
    (tmp_path / "model.onnx").write_bytes(b"nothing of the kind")
    faces = draw_faces(np.arange(7), seed=8)
    with pytest.raises(FerKerasError, match=r"model.onnx: its own runtime cannot use it \(.*\), so nothing was kept"):
        parity.answers_of(FORMATS["onnx"], tmp_path / "model.onnx", faces, tmp_path / "model.onnx")


def test_exports_of_another_model_do_not_stay(copy):
    record.remove_stale(copy, copy / "model.keras")
    assert (copy / "model.onnx").exists()
    with (copy / "model.keras").open("ab") as file:
        file.write(b"\0")
    assert record.read_exports(copy, copy / "model.keras")["formats"] == {}
    (copy / "calibration.json").write_text('{"model_sha256": "0"}')
    record.remove_stale(copy, copy / "model.keras")
    assert names(copy) == ["1", "model.keras"], "a server may be reading the version folder"


def test_one_format_that_fails_keeps_no_other_back(exported, copy, monkeypatch):
    def broken(model, path, inputs):
        raise FerKerasError("the converter is broken")

    converted = copied_from(exported[0])
    for key, file in FILES.items():
        monkeypatch.setitem(FORMATS, key, replace(FORMATS[key], write=converted(file)))
    monkeypatch.setitem(FORMATS, "litert_float32", replace(FORMATS["litert_float32"], write=broken))
    (copy / "exports.json").unlink()
    with pytest.raises(FerKerasError, match=r"^the converter is broken$"):
        export_model(copy, ["litert", "onnx"], say=lambda line: None)
    made = ["litert_float32_1", "litert_int8", "litert_int8_1", "onnx"]
    assert list(read_json(copy / "exports.json")["formats"]) == made


def test_a_converter_that_raises_keeps_no_other_back(exported, copy, monkeypatch):
    def broken(model, path, inputs):
        raise ValueError("no such operation\nand more")

    converted = copied_from(exported[0])
    for key, file in FILES.items():
        monkeypatch.setitem(
            FORMATS, key, replace(FORMATS[key], write=broken if key == "litert_float32" else converted(file))
        )
    (copy / "exports.json").unlink()
    sentence = r"^.*float32.tflite: the model cannot be converted to this format \(no such operation\)$"
    with pytest.raises(FerKerasError, match=sentence):
        export_model(copy, ["litert"], say=lambda line: None)
    assert list(read_json(copy / "exports.json")["formats"]) == ["litert_float32_1", "litert_int8", "litert_int8_1"]


@pytest.mark.parametrize("reason", ["No space left on device", "File too large"])
def test_a_full_disk_is_named_with_the_file_and_nothing_is_lost(reason, copy, monkeypatch):
    def full(model, path, inputs):
        raise tf.errors.ResourceExhaustedError(None, None, f"weights: {reason}; somewhere inside")

    before = {name: (copy / name).read_bytes() for name in names(copy) if (copy / name).is_file()}
    monkeypatch.setitem(FORMATS, "onnx", replace(FORMATS["onnx"], write=full))
    status, _, said = run("export.py", copy, "--format", "onnx")
    assert (status, said) == (1, f"error: {copy / 'model.onnx'}: {reason}\n")
    assert {name: (copy / name).read_bytes() for name in names(copy) if (copy / name).is_file()} == before


@pytest.mark.parametrize("damage", ["card", "truncated", "h5", "calibration", "exports"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_cannot_be_exported_leaves_all_as_it_was(damage, elsewhere, copy, tmp_path):
    model = copy / "model.keras"
    if damage == "card":
        (copy / "card.md").write_text("# no model")
        model = copy / "card.md"
    elif damage == "truncated":
        model.write_bytes(model.read_bytes()[:20000])
    elif damage == "h5":
        (copy / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\nno more")
        model = copy / "old.h5"
    elif damage == "calibration":
        sha256, pair = file_sha256(model), [0.0, 0.0]
        facts = {"model_sha256": sha256, "temperature": float("nan"), "source": "", "images": 1, "tested_on": {}}
        write_json(copy / "calibration.json", {**facts, "nll": pair, "calibration_error": pair})
    else:
        exports = read_json(copy / "exports.json")
        exports["formats"]["onnx"]["file"] = "../model.onnx"
        write_json(copy / "exports.json", exports)
    before = {name: (copy / name).read_bytes() for name in names(copy) if (copy / name).is_file()}
    words = {"calibration": "calibration.json: temperature nan: expected a number", "exports": "exports.json"}
    with pytest.raises(FerKerasError, match=f"^{copy}/.*{words.get(damage, model.name)}"):
        export_model(model, ["onnx"], to=tmp_path / "there" if elsewhere else None, say=lambda line: None)
    assert {name: (copy / name).read_bytes() for name in names(copy) if (copy / name).is_file()} == before


def test_what_is_stale_goes_last(copy, exported, monkeypatch):
    for key, file in FILES.items():
        monkeypatch.setitem(FORMATS, key, replace(FORMATS[key], write=copied_from(exported[0])(file)))
    with (copy / "model.keras").open("ab") as file:
        file.write(b"\0")
    before = names(copy)

    def broken(model, path, inputs):
        raise ValueError("no such operation")

    monkeypatch.setitem(FORMATS, "onnx", replace(FORMATS["onnx"], write=broken))
    with pytest.raises(FerKerasError, match="no such operation"):
        export_model(copy, ["onnx"], say=lambda line: None)
    assert names(copy) == before, "nothing better came"
    monkeypatch.setitem(FORMATS, "onnx", replace(FORMATS["onnx"], write=copied_from(exported[0])("model.onnx")))
    left = ["1", "exports.json", "model.keras", "model.onnx"]

    def killed(*_):
        assert names(copy) == left, "what is stale is gone before exports.json no longer says so"
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(record, "record_export", killed)
        export_model(copy, ["onnx"], say=lambda line: None)
    export_model(copy, ["onnx"], say=lambda line: None)
    assert names(copy) == left


def test_a_file_that_is_not_what_was_exported_is_named(copy):
    exports = record.read_exports(copy, copy / "model.keras")["formats"]
    assert record.kept_file(copy, exports["onnx"]) == copy / "model.onnx"
    (copy / "model.onnx").write_bytes((copy / "model.onnx").read_bytes() + b"\0")
    with pytest.raises(FerKerasError, match=r"model.onnx: damaged or of another model, .*export.py .* makes it again"):
        record.kept_file(copy, exports["onnx"])
    assert record.kept_file(copy, None) is None


def test_a_foreign_model_gets_its_classes_and_its_scale(tmp_path):
    inputs = keras.Input((48, 48, 1))
    kernel = keras.initializers.RandomNormal(stddev=3.0, seed=1)
    outputs = keras.layers.Dense(3, kernel_initializer=kernel)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    said = []
    classes = ["anger", "joy", "calm"]
    exports = export_model(tmp_path, ["litert"], classes=classes, scale=1 / 255, say=said.append)
    assert exports["formats"]["litert_int8"]["classes"] == classes and "note" not in "".join(said)
    faces = draw_faces(np.arange(7), seed=8)
    answers = fer_keras.load(tmp_path / "model_float32.tflite").logits(faces)
    np.testing.assert_allclose(answers, predict_logits(model, faces / np.float32(255)), rtol=1e-3, atol=1e-3)
    with pytest.raises(FerKerasError, match=r"gives 3 logits and does not say of which classes; --classes names them"):
        export_model(tmp_path, ["onnx"], say=said.append)


def test_a_model_that_is_replaced_meanwhile_gets_no_exports_of_the_old_one(copy, monkeypatch):
    def replaced(model, path, inputs):
        with (copy / "model.keras").open("ab") as file:
            file.write(b"\0")
        shutil.copyfile(copy / "model.onnx", path)

    monkeypatch.setattr(onnx, "save_onnx", replaced)
    with pytest.raises(FerKerasError, match=r"model.keras: has been replaced while it was exported"):
        export_model(copy, ["onnx"], say=lambda line: None)
    assert record.read_exports(copy, copy / "model.keras")["formats"] == {}


def test_what_is_being_trained_is_not_exported(copy):
    with locked(copy, wait=False), pytest.raises(FerKerasError, match="another process is at this run"):
        export_model(copy, ["onnx"])


def test_models_in_one_folder_are_refused(copy):
    shutil.copyfile(copy / "model.keras", copy / "other.keras")
    with (copy / "other.keras").open("ab") as file:
        file.write(b"\0")
    before = names(copy)
    with pytest.raises(FerKerasError, match=r"exports.json: is of another model than other.keras, expected a folder"):
        export_model(copy / "other.keras", ["onnx"])
    assert names(copy) == before


def test_a_model_of_probabilities_is_refused(tmp_path):
    inputs = keras.Input((48, 48, 1))
    outputs = keras.layers.Dense(7, activation="softmax")(keras.layers.GlobalAveragePooling2D()(inputs))
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    with pytest.raises(FerKerasError, match=r"model.keras: its outputs are probabilities, expected a model of logits"):
        export_model(tmp_path, ["onnx"])
    assert names(tmp_path) == ["model.keras"]


def test_the_command_and_files_elsewhere(copy, tmp_path):
    words = [copy, "--format", "onnx", "--to", tmp_path / "there"]
    before = read_json(copy / "exports.json")
    assert f"onnx: {tmp_path / 'there' / 'model.onnx'}: " in run("export.py", *words).out
    assert read_json(copy / "exports.json") == before, "what is beside the model stays on record"
    (copy / "model.onnx").unlink()
    record.record_export(copy, copy / "model.keras", "onnx", {**before["formats"]["onnx"], "kept": False})
    formats = read_json(copy / "exports.json")["formats"]
    assert not formats["onnx"]["kept"] and formats["litert_int8"]["kept"]
    status, _, said = run("export.py", tmp_path / "none")
    assert status == 2 and "none: there is no such model, expected a" in said
