"""An export is kept only if it answers as the Keras model does; what goes wrong with one costs no other."""

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
from fer_keras.export.saved_model import free_version
from fer_keras.files import file_sha256, locked, read_json, write_json
from fer_keras.jobs.export_subject import ExportOptions
from fer_keras.jobs.exporting import export_model
from fer_keras.labels import FER2013


@pytest.fixture
def copy(exported, tmp_path):
    """A copy of the exported folder that a test may change."""
    shutil.copytree(exported[0], tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def set_writer(monkeypatch):
    """A format's key and a writer in the place of its own."""
    return lambda key, write: monkeypatch.setitem(FORMATS, key, replace(FORMATS[key], write=write))


@pytest.fixture
def copying(exported, set_writer):
    """Converters take their time: what they made once is copied."""
    for key, entry in FORMATS.items():
        if file := entry.file:
            set_writer(key, lambda model, path, inputs, file=file: shutil.copyfile(exported[0] / file, path))


def failing(error):
    """A writer that raises."""

    def write(model, path, inputs):
        raise error

    return write


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def contents(folder):
    return {name: (folder / name).read_bytes() for name in names(folder) if (folder / name).is_file()}


def change(model):
    """Make another file of a model that loads as before."""
    with model.open("ab") as file:
        file.write(b"\0")


def test_a_version_is_never_overwritten(copy):
    before = record.artifact_facts(copy / "1")
    with pytest.raises(FerKerasError, match=r"copy/1: this version is there already and is never overwritten"):
        export_model(copy, ["saved_model"], options=ExportOptions(version=1))
    with pytest.raises(FerKerasError, match=r"--version 0: expected a whole number from 1"):
        export_model(copy, ["saved_model"], options=ExportOptions(version=0))
    (copy / "10").mkdir()
    assert free_version(copy) == 11
    assert record.artifact_facts(copy / "1") == before
    (copy / "made").mkdir()
    with pytest.raises(FerKerasError, match="never overwritten"):
        record.move_version(copy / "made", copy / "1")
    assert record.artifact_facts(copy / "1") == before and not (copy / "made").exists()


def test_what_answers_otherwise_is_not_kept(copying, copy, keras_model, monkeypatch):
    faces = draw_faces(np.arange(7), seed=8)
    logits = predict_logits(keras_model, faces)
    wrong = parity.Reference(faces, None, "drawn faces", logits[:, ::-1], FER2013.classes)
    monkeypatch.setattr(parity, "reference", lambda *_: wrong)
    before = {path.name: path.stat().st_mtime_ns for path in copy.glob("[!.]*")}
    off = "is up to .* off the Keras model's probabilities"
    for name, sentence in (
        ("onnx", f"model.onnx: {off}, expected at most 0.001, so nothing"),
        ("litert", f"float32.tflite: {off}.*; .*int8.tflite: names the Keras model's expression on .* of 7 faces"),
    ):
        with pytest.raises(FerKerasError, match=sentence):
            export_model(copy, [name])
    assert {path.name: path.stat().st_mtime_ns for path in copy.glob("[!.]*")} == before


def test_exports_of_another_model_do_not_stay(copy):
    assert record.stale_files(copy, copy / "model.keras") == []
    change(copy / "model.keras")
    assert record.read_exports(copy, copy / "model.keras")["formats"] == {}
    (copy / "calibration.json").write_text('{"model_sha256": "0"}')
    stale = {path.name for path in record.stale_files(copy, copy / "model.keras")}
    assert {*names(copy)} - stale == {"1", "model.keras"}, "a server may be reading the version folder"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (FerKerasError("the converter is broken"), "^the converter is broken$"),
        (
            ValueError("no such operation\nand more"),
            r"^.*float32.tflite: the model cannot be converted to this format \(no such operation\)$",
        ),
    ],
)
def test_one_format_that_fails_keeps_no_other_back(error, sentence, copying, copy, set_writer):
    set_writer("litert_float32", failing(error))
    (copy / "exports.json").unlink()
    with pytest.raises(FerKerasError, match=sentence):
        export_model(copy, ["litert"])
    assert list(read_json(copy / "exports.json")["formats"]) == ["litert_float32_1", "litert_int8", "litert_int8_1"]


@pytest.mark.parametrize("reason", ["No space left on device", "File too large"])
def test_a_full_disk_is_named_with_the_file_and_nothing_is_lost(reason, copy, set_writer):
    before = contents(copy)
    full = tf.errors.ResourceExhaustedError(None, None, f"weights: {reason}; somewhere inside")
    set_writer("onnx", failing(full))
    status, _, errors = run("export.py", copy, "--format", "onnx")
    assert (status, errors) == (1, f"error: {copy / 'model.onnx'}: {reason}\n")
    assert contents(copy) == before


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
    before = contents(copy)
    words = {"calibration": "calibration.json: temperature nan: expected a number", "exports": "exports.json"}
    with pytest.raises(FerKerasError, match=f"^{copy}/.*{words.get(damage, model.name)}"):
        export_model(model, ["onnx"], options=ExportOptions(to=tmp_path / "there" if elsewhere else None))
    assert contents(copy) == before


def test_what_is_stale_goes_last(copying, copy, set_writer):
    change(copy / "model.keras")
    before, copied = names(copy), FORMATS["onnx"].write
    set_writer("onnx", failing(ValueError("no such operation")))
    with pytest.raises(FerKerasError, match="no such operation"):
        export_model(copy, ["onnx"])
    assert names(copy) == before, "nothing better came"
    set_writer("onnx", copied)
    left = ["1", "exports.json", "model.keras", "model.onnx"]

    def killed(*_):
        assert names(copy) == left, "what is stale is gone before exports.json no longer says so"
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(record, "record_export", killed)
        export_model(copy, ["onnx"])
    export_model(copy, ["onnx"])
    assert names(copy) == left


def test_a_file_that_is_not_what_was_exported_is_named(copy):
    exports = record.read_exports(copy, copy / "model.keras")["formats"]
    assert record.kept_file(copy, exports["onnx"]) == copy / "model.onnx"
    change(copy / "model.onnx")
    with pytest.raises(FerKerasError, match=r"model.onnx: damaged or of another model, .*export.py .* makes it again"):
        record.kept_file(copy, exports["onnx"])
    assert record.kept_file(copy, None) is None


def test_a_foreign_model_gets_its_classes_and_its_scale(tmp_path):
    inputs = keras.Input((48, 48, 1))
    kernel = keras.initializers.RandomNormal(stddev=3.0, seed=1)
    outputs = keras.layers.Dense(3, kernel_initializer=kernel)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    lines = []
    classes = ["anger", "joy", "calm"]
    exports = export_model(
        tmp_path, ["litert"], options=ExportOptions(classes=classes, scale=1 / 255, say=lines.append)
    )
    assert exports["formats"]["litert_int8"]["classes"] == classes and "note" not in "".join(lines)
    faces = draw_faces(np.arange(7), seed=8)
    answers = fer_keras.load(tmp_path / "model_float32.tflite").logits(faces)
    np.testing.assert_allclose(answers, predict_logits(model, faces / np.float32(255)), rtol=1e-3, atol=1e-3)
    with pytest.raises(FerKerasError, match=r"gives 3 logits and does not say of which classes; --classes names them"):
        export_model(tmp_path, ["onnx"], options=ExportOptions(say=lines.append))


def test_a_model_that_is_replaced_meanwhile_gets_no_exports_of_the_old_one(copy, monkeypatch):
    def replaced(model, path, inputs):
        change(copy / "model.keras")
        shutil.copyfile(copy / "model.onnx", path)

    monkeypatch.setattr(onnx, "save_onnx", replaced)
    with pytest.raises(FerKerasError, match=r"model.keras: has been replaced while it was exported"):
        export_model(copy, ["onnx"])
    assert record.read_exports(copy, copy / "model.keras")["formats"] == {}


def test_what_is_being_trained_is_not_exported(copy):
    with locked(copy, wait=False), pytest.raises(FerKerasError, match="another process is at this run"):
        export_model(copy, ["onnx"])


def test_models_in_one_folder_are_refused(copy):
    shutil.copyfile(copy / "model.keras", copy / "other.keras")
    change(copy / "other.keras")
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
    status, _, errors = run("export.py", tmp_path / "none")
    assert status == 2 and "none: there is no such model, expected a" in errors
