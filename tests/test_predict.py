"""Faces in any form get the model's answers; a picture that cannot be read costs only itself."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx as onnx_package
import pytest
import tensorflow as tf
from command import ROOT
from command import run as run_script
from face_files import png
from PIL import Image

import fer_keras
from fer_keras.cards.sample import sample_faces
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.calibration import write_calibration
from fer_keras.evaluation.confidence import softmax
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export import inference, litert, onnx, record
from fer_keras.export.formats import LITERT_FLOAT32, LITERT_INT8, ExportInputs
from fer_keras.files import write_json
from fer_keras.jobs import predict_files
from fer_keras.labels import FER2013
from fer_keras.models.load import load_model
from fer_keras.probabilities import gives_probabilities

FACES = draw_faces(np.arange(7), seed=4)


def pixels_to(outputs, activation=None):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((48, 48, 1))
    pooled = keras.layers.AveragePooling2D(6)(keras.layers.Rescaling(1 / 64, offset=-2.0)(inputs))
    return keras.Model(inputs, keras.layers.Dense(outputs, activation)(keras.layers.Flatten()(pooled)))


def facts_of(file):
    """What exports.json says of a file that is there."""
    return {
        "file": file.name, **record.artifact_facts(file), "kept": True, "faces": 1, "faces_source": "made up",
        "largest_probability_difference": 0.0, "agreement": 1.0, "accuracy": None, "keras_accuracy": None,
        "made_with": {}, "run_with": {},
    }  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small model with a temperature and a LiteRT file, as scripts/export.py leaves them."""
    folder = tmp_path_factory.mktemp("saved") / "saved_models" / "m"
    folder.mkdir(parents=True)
    model = pixels_to(7)
    model.save(folder / "model.keras")
    write_json(folder / "config.json", {"config": {"data": {"classes": FER2013.classes}}})
    litert.save_float32(model, folder / LITERT_FLOAT32.file)
    record.record_export(folder, folder / "model.keras", "litert_float32", facts_of(folder / LITERT_FLOAT32.file))
    logits = predict_logits(model, FACES)
    write_calibration(
        folder / "model.keras", {"val": (logits, np.roll(logits.argmax(axis=1), 1))}, "made up", FER2013.classes
    )
    return folder


@pytest.fixture(scope="module")
def classifier(saved):
    return fer_keras.load(saved)


@pytest.fixture(scope="module")
def expected(saved):
    return predict_logits(load_model(saved), FACES)


def labels(predictions):
    return [prediction.label for prediction in predictions]


def test_litert_and_keras_give_the_same(saved, classifier, expected):
    assert (classifier.runtime, classifier.file.name) == ("litert", "model_float32.tflite")
    by_keras = fer_keras.load(saved, "keras")
    assert (by_keras.runtime, by_keras.temperature) == ("keras", classifier.temperature)
    for one in (classifier, by_keras, fer_keras.load(classifier.file)):
        np.testing.assert_allclose(one.logits(FACES), expected, rtol=1e-4, atol=1e-4)
        predictions = one.predict(FACES)
        assert labels(predictions) == [FER2013.classes[number] for number in expected.argmax(axis=1)]
        np.testing.assert_allclose([p.probabilities for p in predictions], softmax(expected), atol=1e-5)
        confidences = softmax(expected / one.temperature).max(axis=1)
        np.testing.assert_allclose([p.confidence for p in predictions], confidences, atol=1e-5)
    assert classifier.calibrated and classifier.temperature > 1
    assert classifier.logits(FACES[:0]).shape == (0, 7) and classifier.predict([]) == []
    for images in (FACES[:, :40], FACES[0], FACES / 255, FACES.tolist(), None):
        with pytest.raises(FerKerasError, match=r"logits: expected images uint8 \[N, 48, 48, 1\]"):
            classifier.logits(images)


def test_one_or_many_in_any_form(classifier, tmp_path):
    every = labels(classifier.predict(FACES))
    grey, colour = FACES[..., 0], np.repeat(FACES, 3, axis=-1)
    (tmp_path / "a.png").write_bytes(png(grey[2]))
    for one in (grey[2], FACES[2], colour[2], grey[2].astype(np.float64), str(tmp_path / "a.png"), png(grey[2])):
        assert labels(classifier.predict(one)) == [every[2]]
    assert labels(classifier.predict(grey)) == labels(classifier.predict(colour.astype(np.float32))) == every
    with (tmp_path / "a.png").open("rb") as file:
        assert labels(classifier.predict(file)) == labels(classifier.predict([file])) == [every[2]]
    assert labels(classifier.predict(io.BytesIO(png(grey[2])))) == [every[2]]
    mixed = [grey[0], tmp_path / "a.png", png(grey[1]), colour[3]]
    assert labels(classifier.predict(mixed)) == [every[number] for number in (0, 2, 1, 3)]


class Contrary:
    """Says that it is an array, and is none."""

    def __array__(self, *_, **__):
        raise OSError("not now")


SELF = []
SELF.append(SELF)


@pytest.mark.parametrize(
    "faces",
    [None, 3, np.array([None]), np.timedelta64(3), np.array([["a"]]), Contrary(), [Contrary()], SELF, [None], {"a": 1}],
)
def test_what_is_no_face_is_refused_in_a_sentence(classifier, faces):
    with pytest.raises(FerKerasError):
        classifier.predict(faces)


def test_models_by_name_and_what_is_none(saved, monkeypatch):
    monkeypatch.chdir(saved.parents[1])
    assert fer_keras.load("m").file == Path("saved_models/m/model_float32.tflite")
    assert fer_keras.load("saved_models/m/model.keras").runtime == "litert"
    with pytest.raises(FerKerasError, match=r"none: there is no such model, expected .* or one of .*\bm, .*refer"):
        fer_keras.load("none")
    with pytest.raises(FerKerasError, match=r"runtime 'tpu': expected auto, litert, onnx, keras"):
        fer_keras.load("m", "tpu")
    with pytest.raises(
        FerKerasError,
        match=r"no file of this model can be run here, expected one of \.keras .* pip install 'fer_keras\[train\]'",
    ):
        fer_keras.load("saved_models/m/model_float32.tflite", "keras")
    Path("bad.tflite").write_bytes(b"no model")
    with pytest.raises(FerKerasError, match=r"bad.tflite: LiteRT cannot run a model from this file"):
        fer_keras.load("bad.tflite")


def test_a_litert_file_that_ends_in_softmax_gives_the_same_answers(tmp_path):
    for activation in (None, "softmax"):
        litert.save_float32(pixels_to(7, activation), tmp_path / f"{activation}.tflite")
    plain, soft = (fer_keras.load(tmp_path / f"{name}.tflite").predict(FACES) for name in (None, "softmax"))
    for one, other in zip(plain, soft, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-5)


def test_a_softmax_in_8_bits_is_known_as_one():
    shares = np.round(256 * softmax(np.random.default_rng(1).normal(0, 2, (8, 7)))).astype(np.float32) / 256
    assert np.abs(shares.sum(axis=1) - 1).max() > 1e-3
    assert gives_probabilities(lambda images: shares) and not gives_probabilities(lambda images: 2 * shares)


def test_threads_get_their_own_answers(classifier, expected):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: classifier.logits(FACES[[number % 7]]), range(200)))
    for number, logits in enumerate(found):
        np.testing.assert_allclose(logits[0], expected[number % 7], rtol=1e-4, atol=1e-4)


def test_a_litert_file_of_other_classes_needs_their_names(tmp_path):
    litert.save_float32(pixels_to(3), tmp_path / "three.tflite")
    with pytest.raises(FerKerasError, match=r"three.tflite: gives 3 logits and does not say of which classes"):
        fer_keras.load(tmp_path / "three.tflite")
    with pytest.raises(FerKerasError, match=r"three.tflite: gives 3 logits, expected 2, of calm, tense"):
        fer_keras.load(tmp_path / "three.tflite", classes=["calm", "tense"])
    classes = ("calm", "tense", "asleep")
    named = fer_keras.load(tmp_path / "three.tflite", classes=classes)
    assert named.classes == classes and not named.classes_note
    (answer,) = named.predict(FACES[0])
    assert answer.label == classes[answer.class_id] and tuple(answer.to_dict()["probabilities"]) == classes


def test_fer2013_is_taken_with_a_note_where_no_file_names_the_classes(tmp_path, caplog):
    litert.save_float32(pixels_to(7), tmp_path / "seven.tflite")
    assert fer_keras.load(tmp_path / "seven.tflite").classes == FER2013.classes
    assert caplog.messages == [
        f"{tmp_path / 'seven.tflite'} does not say its classes; FER2013's order is taken (--classes names others),"
        " and grey values 0..255"
    ]


def test_float32_comes_before_int8_and_keras_where_litert_is_not_installed(saved, tmp_path, monkeypatch):
    shutil.copytree(saved, tmp_path / "m")
    shutil.copyfile(tmp_path / "m" / LITERT_FLOAT32.file, tmp_path / "m" / LITERT_INT8.file)
    facts = facts_of(tmp_path / "m" / LITERT_INT8.file)
    record.record_export(tmp_path / "m", tmp_path / "m" / "model.keras", "litert_int8", facts)
    assert fer_keras.load(tmp_path / "m").file.name == LITERT_FLOAT32.file
    (tmp_path / "m" / LITERT_FLOAT32.file).unlink()
    assert fer_keras.load(tmp_path / "m").file.name == LITERT_INT8.file
    monkeypatch.setattr("fer_keras.predict.find_spec", lambda name: name == "keras" or None)
    assert fer_keras.load(tmp_path / "m").runtime == "keras"


def test_only_the_models_own_exports_take_its_temperature(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "m")
    litert.save_float32(pixels_to(7, "softmax"), tmp_path / "m" / "another.tflite")
    assert fer_keras.load(tmp_path / "m" / LITERT_FLOAT32.file).calibrated
    assert not fer_keras.load(tmp_path / "m" / "another.tflite").calibrated
    (tmp_path / "m" / "calibration.json").write_text("{}")
    with pytest.raises(FerKerasError, match=r"calibration.json: expected the temperature of a model"):
        fer_keras.load(tmp_path / "m")


@pytest.mark.parametrize("temperature", ["0", "-1", "NaN", "Infinity", "1e300", "null", "true", '"hot"', "[1]"])
def test_a_temperature_that_is_none_is_refused(saved, tmp_path, temperature):
    shutil.copytree(saved, tmp_path / "m")
    path = tmp_path / "m" / "calibration.json"
    path.write_text(re.sub(r'"temperature": [0-9.]+', f'"temperature": {temperature}', path.read_text()))
    with pytest.raises(
        FerKerasError, match=r"calibration.json: (temperature .*: expected a number from|expected the temp)"
    ):
        fer_keras.load(tmp_path / "m")


def test_an_exported_file_that_changed_is_refused(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "m")
    file = tmp_path / "m" / LITERT_FLOAT32.file
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    for path in (tmp_path / "m", file):
        with pytest.raises(
            FerKerasError, match=r"damaged or another model's, expected the file that exports.json names"
        ):
            fer_keras.load(path)


@pytest.mark.parametrize(
    ("trial", "seconds", "said"),
    [
        ("import os; os.abort()", 60, r"LiteRT crashes over it \(signal 6\)"),
        ("while True: pass", 0.5, "LiteRT takes more than"),
    ],
)
def test_a_file_that_ends_or_stops_its_process_is_refused(trial, seconds, said, saved, tmp_path, monkeypatch):
    file = shutil.copyfile(saved / LITERT_FLOAT32.file, tmp_path / "alone.tflite")
    monkeypatch.setattr(inference, "_TRIAL", trial)
    monkeypatch.setattr(inference, "_TRIAL_SECONDS", seconds)
    with pytest.raises(FerKerasError, match=rf"alone\.tflite: damaged, {said}"):
        fer_keras.load(file)
    assert fer_keras.load(saved).runtime == "litert"  # whose digest is known, and which is not tried before


def test_logits_that_are_no_numbers_are_an_error(classifier):
    broken = replace(classifier, forward=lambda images: np.full((len(images), 7), np.nan, np.float32))
    with pytest.raises(FerKerasError, match=r"model_float32.tflite: gives logits that are no numbers"):
        broken.predict(FACES[0])


@pytest.mark.parametrize("path", ["", None, 3, "a\0b", 5000 * "a", b"m"])
def test_what_is_no_path_of_a_model_is_refused(path, saved, monkeypatch):
    monkeypatch.chdir(saved)  # an empty path is not the folder where one is
    with pytest.raises(FerKerasError, match=r"there is no such model|expected the name or the path of a model"):
        fer_keras.load(path)


def test_models_that_are_here_and_in_the_checkout_are_listed(saved, monkeypatch):
    monkeypatch.chdir(saved.parents[1])
    names = fer_keras.list_models()
    assert {"m", fer_keras.DEFAULT_MODEL, fer_keras.TINY_MODEL, "reference-cnn"} <= {*names} and names == sorted(names)
    assert not {"frontier", "measurements", "teachers", "two-heads-16"} & {*names}, "what cannot be asked is not listed"


def test_without_a_name_the_default_model_is_loaded():
    assert fer_keras.load().file.resolve() == ROOT / "saved_models" / fer_keras.DEFAULT_MODEL / LITERT_FLOAT32.file


def test_onnx_runtime_gives_the_published_logits():
    classifier = fer_keras.load(runtime="onnx")
    published = json.loads((ROOT / "saved_models" / fer_keras.DEFAULT_MODEL / "sample.json").read_text())["logits"]
    assert classifier.runtime == "onnx" and classifier.calibrated
    np.testing.assert_allclose(classifier.logits(sample_faces()), published, atol=1e-4)
    assert fer_keras.load(classifier.file).temperature == classifier.temperature


def test_an_onnx_file_alone_names_its_classes(tmp_path):
    classes = ("calm", "tense", "asleep")
    model = pixels_to(3)
    onnx.save_onnx(model, tmp_path / "m.onnx", ExportInputs("m", classes, FACES))
    classifier = fer_keras.load(tmp_path / "m.onnx")
    assert (classifier.classes, classifier.calibrated) == (classes, False)
    np.testing.assert_allclose(classifier.logits(FACES), predict_logits(model, FACES), atol=1e-4)
    named = onnx_package.load(tmp_path / "m.onnx")
    (entry,) = (entry for entry in named.metadata_props if entry.key == "classes")
    for value in ("5", "[1, 2, 3]", '"abc"'):
        entry.value = value
        onnx_package.save(named, tmp_path / "odd.onnx")
        with pytest.raises(FerKerasError, match=r"odd.onnx: expected the names of classes under 'classes'"):
            fer_keras.load(tmp_path / "odd.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(FerKerasError, match=r"bad.onnx: ONNX Runtime cannot run a model from this file"):
        fer_keras.load(tmp_path / "bad.onnx")


def test_a_file_for_one_face_at_a_time_answers_many(tmp_path):
    model = pixels_to(7)
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    spec = tf.TensorSpec([1, 48, 48, 1], tf.uint8)
    module.forward = tf.function(lambda images: model(tf.cast(images, tf.float32)), input_signature=[spec])
    tf.saved_model.save(module, tmp_path / "one", signatures=module.forward)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "one"))
    (tmp_path / "one.tflite").write_bytes(converter.convert())
    np.testing.assert_allclose(
        fer_keras.load(tmp_path / "one.tflite").logits(FACES), predict_logits(model, FACES), atol=1e-4
    )


def test_answers_are_records_and_tables(classifier, tmp_path):
    (tmp_path / "a.png").write_bytes(png(FACES[2, ..., 0]))
    answers = classifier.predict(face for face in (FACES[0], tmp_path / "a.png"))
    first, second = answers.to_records()
    assert (first["image"], second["image"]) == ("0", str(tmp_path / "a.png"))
    assert json.loads(answers.to_json()) == [first, second]
    rows = list(csv.DictReader(io.StringIO(answers.to_csv())))
    assert [row["label"] for row in rows] == labels(answers)
    assert [float(rows[1][name]) for name in FER2013.classes] == [*second["probabilities"].values()]
    frame = answers.to_frame()
    assert list(frame) == ["image", "label", "confidence", *FER2013.classes]
    assert frame.confidence.tolist() == [first["confidence"], second["confidence"]]
    assert classifier.predict([]).to_csv() == "image,label,confidence,angry,disgust,fear,happy,sad,surprise,neutral\n"
    assert list(classifier.predict([]).to_frame()) == list(frame)


def test_a_data_frame_needs_pandas(classifier, monkeypatch):
    answers = classifier.predict(FACES)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(FerKerasError, match="pip install pandas"):
        answers.to_frame()


def test_keras_is_traced_once_for_many_faces(saved, monkeypatch):
    import fer_keras.models.forward as forward

    traced, made = [], forward.forward_function
    monkeypatch.setattr(forward, "forward_function", lambda model: traced.append(model) or made(model))
    classifier = fer_keras.load(saved, "keras")
    assert len(classifier.predict(np.repeat(FACES, 20, axis=0))) == 140 and len(traced) == 1


def test_exports_and_temperature_of_another_model_are_not_used(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "m")
    load_model(saved).save(tmp_path / "m" / "model.keras")  # another file: its date is inside
    with (tmp_path / "m" / "model.keras").open("ab") as file:
        file.write(b"\0")
    loaded = fer_keras.load(tmp_path / "m")
    assert (loaded.runtime, loaded.calibrated, loaded.temperature) == ("keras", False, None)
    with pytest.raises(
        FerKerasError,
        match=r"no file of this model can be run here, expected one of \.tflite .* pip install ai-edge-litert",
    ):
        fer_keras.load(tmp_path / "m", "litert")


def test_neither_tensorflow_nor_keras_is_imported(saved):
    code = (
        "import sys, fer_keras\n"
        "assert 'numpy' not in sys.modules\n"
        f"classifier = fer_keras.load({str(saved)!r})\n"
        "import numpy as np\n"
        "told = classifier.predict(np.zeros((50, 40), np.uint8))\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'scipy', 'sklearn', 'matplotlib', 'kagglehub'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(told[0].label)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in FER2013.classes


@pytest.fixture
def run(saved, monkeypatch, tmp_path):
    """The command in a folder of its own: words -> status, what it printed, what it complained of."""
    monkeypatch.chdir(tmp_path)
    return lambda *words, model=saved: run_script("predict.py", model, *words)


@pytest.fixture
def pictures(tmp_path):
    """A folder and a zip of the seven faces, the folder with a note and a broken picture."""
    (tmp_path / "faces" / "more").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for number, face in enumerate(FACES[..., 0]):
            archive.writestr(f"{number}.png", png(face))
            (tmp_path / "faces" / ("more" if number > 3 else ".") / f"{number}.png").write_bytes(png(face))
    (tmp_path / "faces" / "note.txt").write_text("no picture")
    (tmp_path / "faces" / "5b.jpg").write_bytes(b"no picture either")
    return tmp_path


def test_a_table_and_one_unreadable_picture(run, pictures, classifier):
    status, out, err = run("faces", "none.png")
    assert status == 1
    names = ["faces: 0.png", "faces: 1.png", "faces: 2.png", "faces: 3.png"]
    names += ["faces: more/4.png", "faces: more/5.png", "faces: more/6.png"]
    told = classifier.predict(FACES)
    rows = [line.split("  ") for line in out.splitlines()]
    assert [row[0].strip() for row in rows] == names
    assert [line.split()[2:4] for line in out.splitlines()] == [[p.label, f"{p.confidence:.0%}"] for p in told]
    complaints = err.splitlines()
    assert len([line for line in complaints if line.startswith("error: ")]) == 2
    assert (
        "error: faces: 5b.jpg: expected a whole PNG, JPEG, WebP, BMP, GIF or TIFF image (cannot identify image file)"
        in complaints
    )
    assert "error: none.png: cannot be read (No such file or directory), expected a picture" in complaints


def test_json_of_a_zip(run, pictures, classifier):
    status, out, _ = run("faces.zip", "--json")
    rows = json.loads(out)
    assert status == 0 and [row["image"] for row in rows] == [f"faces.zip: {number}.png" for number in range(7)]
    assert all(row["calibrated"] is True for row in rows)
    for row, told in zip(rows, classifier.predict(FACES), strict=True):
        assert row["label"] == told.label and row["confidence"] == pytest.approx(told.confidence, abs=1e-5)
        assert list(row["probabilities"]) == list(FER2013.classes)
        assert list(row["probabilities"].values()) == pytest.approx(told.probabilities.tolist(), abs=1e-5)


def test_csv_and_the_course_s(run, pictures, expected):
    _, out, _ = run("faces.zip", "--csv")
    header, first, *_ = csv.reader(io.StringIO(out))
    assert header == ["image", "label", "confidence", *FER2013.classes] and len(first) == 10
    with (pictures / "test.csv").open("w") as file:
        file.write("id,feature\n")
        file.writelines(f"{40 + n},{' '.join(map(str, face.ravel()))}\n" for n, face in enumerate(FACES))
    status, out, _ = run("test.csv", "--csv", "--course")
    assert status == 0
    assert out.splitlines() == ["id,label", *(f"{40 + n},{row.argmax()}" for n, row in enumerate(expected))]
    assert run("faces.zip", "--csv", "--course")[1].splitlines()[1] == f"0,{expected[0].argmax()}"
    assert run("test.csv", "--course")[::2] == (2, "error: --course is a form of --csv, expected both\n")


def test_standard_input_and_a_contact_sheet(run, pictures, classifier, monkeypatch):
    monkeypatch.setattr(sys, "stdin", type("Pipe", (), {"buffer": io.BytesIO(png(FACES[1, ..., 0]))}))
    status, out, _ = run("-", "--json")
    assert status == 0 and json.loads(out)[0]["label"] == classifier.predict(FACES[1])[0].label
    status, _, said = run("faces.zip", "--plot", "sheet.jpg")
    assert (status, said) == (2, "error: sheet.jpg: expected a name that ends in .png or .svg\n")
    status, _, _ = run("faces.zip", "--plot", "sheet.png")
    with Image.open(pictures / "sheet.png") as sheet:
        assert status == 0 and sheet.width > 1000


def test_it_is_said_that_no_confidence_is_calibrated(run, pictures, saved):
    shutil.copytree(saved, "bare", ignore=shutil.ignore_patterns("calibration.json"))
    assert run("faces.zip", "--json")[2] == ""
    status, out, err = run("faces.zip", "--json", model="bare")
    assert status == 0 and err == (
        "note: bare/model_float32.tflite has no calibration.json: no confidence is calibrated\n"
    )
    rows = json.loads(out)
    assert len(rows) == 7 and all(row["calibrated"] is False for row in rows)
    assert run("faces.zip", "--csv", "--course", model="bare")[2] == ""


def test_course_ids_are_told_apart(run, pictures):
    shutil.copytree("faces/more", "other")
    _, out, _ = run("faces.zip", "faces/more", "other/4.png", "--csv", "--course")
    names = [line.split(",")[0] for line in out.splitlines()[1:]]
    assert names[:4] == ["0", "1", "2", "3"]
    assert names[4:7] == ["faces.zip: 4.png", "faces.zip: 5.png", "faces.zip: 6.png"]
    assert names[7:] == ["faces/more: 4.png", "faces/more: 5.png", "faces/more: 6.png", "other/4.png"]


def test_a_sheet_says_what_it_leaves_out(run, pictures, monkeypatch):
    assert run("faces.zip", "--plot", "sheet.png")[2] == ""
    monkeypatch.setattr(predict_files, "MOST_ON_A_SHEET", 5)
    assert run("faces.zip", "--plot", "sheet.png")[2] == "note: sheet.png: shows the first 5 of 7 faces\n"


def test_a_name_that_is_no_text_is_printed_all_the_same(saved, tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.png"
    Path(os.fsdecode(path)).write_bytes(png(FACES[3, ..., 0]))
    command = [sys.executable, ROOT / "scripts" / "predict.py", saved, os.fsdecode(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "caf\\udce9.png" in done.stdout, done.stderr


@pytest.mark.parametrize("first", ["faces.zip", "-", "faces"])
def test_the_default_model_answers_where_none_is_named(first, pictures, monkeypatch):
    monkeypatch.chdir(pictures)
    assert predict_files.model_and_pictures([first, "more"]) == (fer_keras.DEFAULT_MODEL, [first, "more"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["separable-93k"], "separable-93k: this is a model, expected pictures after it"),
        (["none.png"], "none.png: there is no such model"),
        (["", "faces.zip"], "'': there is no such model"),
    ],
)
def test_a_first_word_that_is_neither_a_model_nor_a_picture_is_refused(pictures, monkeypatch, words, message):
    monkeypatch.chdir(pictures)
    with pytest.raises(FerKerasError, match=message):
        predict_files.model_and_pictures(words)


def test_no_model_is_one_sentence(run, pictures):
    status, out, err = run("faces.zip", "--runtime", "litert")
    assert (status, err) == (0, "") and out
    status, _, err = run("faces.zip", model="none")
    assert status == 2 and err.startswith("error: none: there is no such model")
