"""The faces of photos: a row each, streamed in order, gone on with after a kill; the photo is in the public domain."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from command import ROOT, run
from PIL import Image
from portrait import FACE, PORTRAIT, difference, jpeg, overlap, png, sideways

from fer_keras.faces.crop import crop_of, cut
from fer_keras.faces.finder import FaceFinder
from fer_keras.faces.photo import open_photo
from fer_keras.jobs.photo_rows import RowsFile, answered
from fer_keras.predict import load

MODEL = str(ROOT / "saved_models" / "separable-25k")
CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.fixture(scope="module")
def portrait():
    return open_photo(PORTRAIT.read_bytes(), "portrait").image


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def box_of(row):
    return [int(row[name]) for name in ("x", "y", "width", "height")]


@pytest.fixture
def photos(portrait, tmp_path):
    """A folder of six photos: one face in the even ones, none in the odd ones."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(6):
        photo = portrait.resize((256, 300)) if number % 2 == 0 else Image.new("RGB", (200, 200))
        photo.save(folder / f"{number}.jpg")
    return folder


def test_the_answer_is_that_to_two_squares_about_the_crop(portrait, tmp_path):
    status, out, _ = run("photo.py", MODEL, PORTRAIT, "--json")
    answer = json.loads(out)
    assert status == 0 and answer["image"] == str(PORTRAIT) and overlap(answer["box"], FACE) > 0.9
    (face,) = FaceFinder().find(portrait)
    logits = load(MODEL).logits(cut(portrait, crop_of(face), (0.93, 1.07))).mean(axis=0)
    assert answer["label"] == CLASSES[logits.argmax()]
    probabilities = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose([answer["probabilities"][name] for name in CLASSES], probabilities, atol=1e-4)


def test_a_line_for_people():
    words = run("photo.py", MODEL, PORTRAIT).out.split()
    assert words[:2] == [str(PORTRAIT), load(MODEL).predict(PORTRAIT)[0].label] or words[1] in CLASSES
    assert words[2].endswith("%") and words[3] == "at"


def test_a_sideways_photo_has_the_boxes_of_the_upright_one(portrait, tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(portrait.rotate(90, expand=True), exif=sideways()))
    answer = json.loads(run("photo.py", MODEL, tmp_path / "a.jpg", "--json").out)
    assert overlap(answer["box"], FACE) > 0.9


def test_rows_are_in_the_order_of_the_photos_and_empty_where_there_is_no_face(photos, tmp_path):
    assert run("photo.py", MODEL, photos, "--csv", tmp_path / "r.csv", "--jobs", 3).status == 0
    rows = rows_of(tmp_path / "r.csv")
    assert [row["image"] for row in rows] == [f"{photos}: {number}.jpg" for number in range(6)]
    for number, row in enumerate(rows):
        if number % 2:
            assert not any(row[name] for name in ("x", "label", "confidence", *CLASSES))
        else:
            assert overlap(np.multiply(box_of(row), 2), FACE) > 0.8
            assert sum(float(row[name]) for name in CLASSES) == pytest.approx(1, abs=1e-5)


def test_after_a_kill_it_goes_on_where_it_was(photos, tmp_path):
    whole, cut_off = tmp_path / "whole.csv", tmp_path / "r.csv"
    assert run("photo.py", MODEL, photos, "--csv", whole).status == 0
    cut_off.write_bytes(whole.read_bytes()[: whole.read_bytes().index(b"4.jpg") + 20])
    (photos / "0.jpg").write_bytes(b"done already, and not read again")
    ended = run("photo.py", MODEL, photos, "--csv", cut_off, "--resume")
    assert ended.status == 0 and cut_off.read_bytes() == whole.read_bytes()


def test_a_real_kill_loses_no_whole_photo(portrait, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(200):
        portrait.crop((0, 0, 512, 600 - number)).save(folder / f"{number:03}.jpg")
    words = ["photo", MODEL, str(folder), "--csv", str(tmp_path / "r.csv"), "--jobs", "1"]
    process = subprocess.Popen([sys.executable, "-m", "fer_keras", *words], env={**os.environ, "PYTHONPATH": str(ROOT)})
    while not (tmp_path / "r.csv").exists() or (tmp_path / "r.csv").stat().st_size < 2000:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with RowsFile(tmp_path / "r.csv", CLASSES, resume=True) as rows:
        assert 2 < len(rows.done) < 200
        assert rows.done == {f"{folder}: {number:03}.jpg" for number in range(len(rows.done))}


HEADER = f"image,x,y,width,height,label,confidence,{','.join(CLASSES)}\n"
TWO_FACES = "a/1.jpg,1,1,9,9,happy,0.5,0,0,0,1,0,0,0\n" * 2


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("", set()),
        (HEADER[:30], set()),
        (HEADER, set()),
        (HEADER + TWO_FACES, set()),
        (HEADER + TWO_FACES + "a/2", set()),
        (HEADER + TWO_FACES + TWO_FACES.replace("1.jpg", "2.jpg")[:-30], {"a/1.jpg"}),
        (HEADER + TWO_FACES[:-40] + "a/1.j", set()),
    ],
)
def test_a_line_that_is_cut_anywhere_costs_its_photo_and_no_row(text, done, tmp_path):
    (tmp_path / "r.csv").write_text(text)
    with RowsFile(tmp_path / "r.csv", CLASSES, resume=True) as rows:
        assert rows.done == done
    assert (tmp_path / "r.csv").read_text() == HEADER + TWO_FACES * len(done)


def test_rows_on_a_full_disk_name_their_file(tmp_path):
    with (
        pytest.raises(OSError, match="No space left") as raised,
        RowsFile(tmp_path / "r.csv", CLASSES, resume=False) as rows,
    ):
        rows._file = Path("/dev/full").open("w")  # noqa: SIM115
        rows.write("a.jpg", [])
    assert raised.value.filename == str(tmp_path / "r.csv")


def test_a_file_that_is_there_is_not_overwritten(photos, tmp_path):
    (tmp_path / "r.csv").write_text("mine\n")
    for words, sentence in (([], "is there already"), (["--resume"], "expected the columns image,x,y")):
        ended = run("photo.py", MODEL, photos, "--csv", tmp_path / "r.csv", *words)
        assert ended.status == 2 and sentence in ended.err
    assert (tmp_path / "r.csv").read_text() == "mine\n"


def test_a_bad_photo_costs_only_itself(tmp_path):
    header = b"IHDR" + (20000).to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0])
    bomb = bytearray(png(Image.new("L", (48, 48))))
    bomb[12:33] = header + zlib.crc32(header).to_bytes(4)
    (tmp_path / "bomb.png").write_bytes(bomb)
    (tmp_path / "half.jpg").write_bytes(PORTRAIT.read_bytes()[:5000])
    status, out, err = run("photo.py", MODEL, tmp_path / "bomb.png", tmp_path / "half.jpg", "gone.jpg", PORTRAIT)
    assert status == 1 and out.startswith(str(PORTRAIT))
    sentences = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 3 and "bomb" in sentences[0] and "half.jpg" in sentences[1] and "gone.jpg" in sentences[2]


def test_the_answers_are_drawn_into_the_photo(portrait, tmp_path):
    assert run("photo.py", MODEL, PORTRAIT, "--plot", tmp_path / "p.png").status == 0
    drawn = Image.open(tmp_path / "p.png")
    x, y, width, height = json.loads(run("photo.py", MODEL, PORTRAIT, "--json").out)["box"]
    assert drawn.size == portrait.size and drawn.getpixel((x, y + height // 2)) == (0xD5, 0x5E, 0x00)
    inside = (x + 10, y + 60, x + width - 10, y + height - 10)
    assert difference(drawn.crop(inside), portrait.crop(inside)) == 0


def test_several_photos_are_drawn_side_by_side(photos, tmp_path):
    assert run("photo.py", MODEL, photos, "--plot", tmp_path / "p.jpg").status == 0
    assert Image.open(tmp_path / "p.jpg").size == (3 * 256, 300)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--resume"], "--resume goes on with the file of --csv, expected both"),
        (["--plot", "p.svg"], "p.svg: expected a name that ends in .png, .jpg, .jpeg, .webp"),
        (["--jobs", "0"], "--jobs 0: expected a number from 1"),
        (["--min-score", "1"], "least score of a face 1: expected a number between 0 and 1"),
    ],
)
def test_a_wrong_option_is_one_sentence(words, sentence):
    ended = run("photo.py", PORTRAIT, *words)
    assert ended.status == 2 and ended.err.startswith(f"error: {sentence}")


def test_answers_are_made_ahead_within_bounds():
    taken = []

    def pictures():
        for number in range(100):
            taken.append(number)
            yield number

    found = answered(pictures(), lambda number: 2 * number, jobs=2)
    assert [next(found) for _ in range(5)] == [0, 2, 4, 6, 8]
    assert len(taken) <= 5 + 2 * 4
