"""What `fer-keras predict` prints; a picture that cannot be read costs only itself."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from command import ROOT
from command import run as run_script
from face_files import png
from PIL import Image
from small_model import FACES

import fer_keras
from fer_keras.errors import FerKerasError
from fer_keras.jobs import predict_files
from fer_keras.labels import FER2013


@pytest.fixture(scope="module")
def classifier(saved):
    return fer_keras.load(saved)


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
    answers = classifier.predict(FACES)
    rows = [line.split("  ") for line in out.splitlines()]
    assert [row[0].strip() for row in rows] == names
    assert [line.split()[2:4] for line in out.splitlines()] == [[p.label, f"{p.confidence:.0%}"] for p in answers]
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
    for row, answer in zip(rows, classifier.predict(FACES), strict=True):
        assert row["label"] == answer.label and row["confidence"] == pytest.approx(answer.confidence, abs=1e-5)
        assert list(row["probabilities"]) == list(FER2013.classes)
        assert list(row["probabilities"].values()) == pytest.approx(answer.probabilities.tolist(), abs=1e-5)


def test_csv_and_the_course_s(run, pictures, classifier):
    numbers = [answer.class_id for answer in classifier.predict(FACES)]
    _, out, _ = run("faces.zip", "--csv")
    header, first, *_ = csv.reader(io.StringIO(out))
    assert header == ["image", "label", "confidence", *FER2013.classes] and len(first) == 10
    with (pictures / "test.csv").open("w") as file:
        file.write("id,feature\n")
        file.writelines(f"{40 + n},{' '.join(map(str, face.ravel()))}\n" for n, face in enumerate(FACES))
    status, out, _ = run("test.csv", "--csv", "--course")
    assert status == 0
    assert out.splitlines() == ["id,label", *(f"{40 + n},{number}" for n, number in enumerate(numbers))]
    assert run("faces.zip", "--csv", "--course")[1].splitlines()[1] == f"0,{numbers[0]}"
    assert run("test.csv", "--course")[::2] == (2, "error: --course is a form of --csv, expected both\n")


def test_standard_input_and_a_contact_sheet(run, pictures, classifier, monkeypatch):
    monkeypatch.setattr(sys, "stdin", type("Pipe", (), {"buffer": io.BytesIO(png(FACES[1, ..., 0]))}))
    status, out, _ = run("-", "--json")
    assert status == 0 and json.loads(out)[0]["label"] == classifier.predict(FACES[1])[0].label
    status, _, err = run("faces.zip", "--plot", "sheet.jpg")
    assert (status, err) == (2, "error: sheet.jpg: expected a name that ends in .png or .svg\n")
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
