"""What a folder, a zip or a CSV holds is found; an entry that cannot be read costs only itself."""

import io
import os
import sys
import warnings
import zipfile

import numpy as np
import pytest
from face_files import png, text, write_csv, write_folder, write_zip

from fer_keras.data import load_faces
from fer_keras.data.face_csv import EXPECTED_CSV
from fer_keras.data.image import PICTURE_SUFFIXES
from fer_keras.data.pictures import find_pictures
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError

GREY = png(np.full((48, 48), 7, np.uint8))
FACES = draw_faces(np.arange(7), seed=4)


def found(*words, **options):
    """Name -> content of what can be read, and the sentences about the rest."""
    pictures = list(find_pictures([str(word) for word in words], **options))
    errors = [str(content) for _, _, content in pictures if isinstance(content, FerKerasError)]
    return {name: content for name, _, content in pictures if not isinstance(content, FerKerasError)}, errors


def ids(*words):
    return [short for _, short, _ in find_pictures([str(word) for word in words])]


def test_stray_entries_of_a_folder(tmp_path):
    deep = "/".join("abcdefghij")
    folder = write_folder(tmp_path / "a", {"1.png": GREY, f"{deep}/2.JPG": GREY, ".hidden.png": GREY, "note": b""})
    with (folder / "film.mp4").open("wb") as file:
        file.truncate(2**31)  # takes no room
    with (folder / "film.png").open("wb") as file:
        file.truncate(2**31)
    (folder / "gone.png").symlink_to("nowhere")
    (folder / "gone").symlink_to("nowhere")
    (folder / "c").symlink_to(folder)
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "pipe")
    pictures, errors = found(folder)
    assert pictures == {f"{folder}: 1.png": GREY, f"{folder}: {deep}/2.JPG": GREY}
    assert errors == [
        f"{folder}: film.png: claims 2,147,483,648 bytes, expected at most 16,777,216",
        f"{folder}: gone.png: cannot be read (No such file or directory), expected a file",
        f"{folder}: pipe.png: a pipe or a device, expected a file",
    ]


def test_a_folder_below_that_may_not_be_read(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "a", {"1.png": GREY, "b/2.png": GREY, "c/3.png": GREY})
    scandir = os.scandir

    def closed(path):  # root may read everything, so a mode would not do
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    pictures, errors = found(folder)
    assert list(pictures) == [f"{folder}: 1.png", f"{folder}: c/3.png"]
    assert errors == [f"{folder}: b/: cannot be read (Permission denied), expected a folder"]
    assert "b: cannot be read (Permission denied), expected a picture, a folder" in found(folder / "b")[1][0]


def test_stray_members_of_a_zip(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("1.png", "2.png", "twice.png", "twice.png", "../out.png", "../out.txt", "film.mp4", "large.png"):
            file.writestr(name, GREY)
        file.writestr("packed.png", GREY, zipfile.ZIP_LZMA)
        for name in ("film.mp4", "large.png"):
            file.getinfo(name).file_size = 5 * 2**30
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\3\4", 10) + 6] |= 1  # 2.png is encrypted: the flag in its own header, then in the directory
    data[data.index(b"PK\1\2", data.index(b"PK\1\2") + 4) + 8] |= 1
    path.write_bytes(data)
    pictures, errors = found(path)
    assert pictures == {f"{path}: 1.png": GREY}
    assert [error.removeprefix(f"{path}: ") for error in errors] == [
        "../out.png: this member's path leads out of the archive",
        "2.png: this zip is encrypted; unpack it first",
        "large.png: claims 5,368,709,120 bytes, expected at most 16,777,216",
        "packed.png: expected a stored or deflated member",
        "twice.png: the archive holds this member twice",
    ]


def test_a_zip_that_is_none_and_a_folder_without_pictures(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\3\4")
    _, errors = found(tmp_path / "a.zip", tmp_path)
    assert "this zip is truncated or damaged" in errors[0]
    assert errors[1:] == [f"{tmp_path}: holds no picture ({', '.join(PICTURE_SUFFIXES)}) and no CSV of faces"]


def test_bad_rows_of_a_csv(tmp_path):
    rows = [(40 + n, text(face)) for n, face in enumerate(FACES)]
    path = write_csv(tmp_path / "test.csv", ["id", "feature"], rows)
    lines = path.read_text().splitlines()
    lines[2] = "41,1 2"
    lines[3] = lines[3].replace("42,", "42,7,")
    lines[4] = "43," + "7 " * 70000
    lines[5] = lines[5].replace("44,", ",")
    lines.insert(6, "")
    path.write_bytes("\n".join(lines).encode() + b"\n47,\xff\n")
    pictures, errors = found(path)
    assert list(pictures) == [f"{path}: {number}" for number in (40, 45, 46)]
    np.testing.assert_array_equal(list(pictures.values()), FACES[[0, 5, 6]])
    assert [error.removeprefix(f"{path}, line ") for error in errors] == [
        "3: 2 pixels, expected 2304",
        "4: 3 fields, expected 2",
        "5: longer than 131,072 characters",
        "6: the id is empty",
        "10: expected UTF-8 text",
    ]


def test_an_unclosed_quote_costs_a_few_rows(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["id", "feature"], [(n, text(FACES[n % 7])) for n in range(40)])
    path.write_text(path.read_text().replace("\n3,", '\n3,"', 1))
    pictures, errors = found(path)
    assert len(errors) == 1 and "expected a row of a CSV (field larger than field limit" in errors[0]
    assert 10 < len(pictures) < 39 and list(pictures)[-1] == f"{path}: 39"


@pytest.mark.parametrize("header", [["id", "feature"], ["label", "feature"], ["emotion", " pixels", "Usage"]])
def test_a_csv_s_faces_and_ids_are_those_of_load_faces(header, tmp_path):
    rows = [(n, text(face), "Training")[: len(header)] for n, face in enumerate(FACES)]
    path = write_csv(tmp_path / "a.csv", header, rows)
    expected = load_faces(path)
    assert ids(path) == expected.ids.tolist()
    np.testing.assert_array_equal(list(found(path)[0].values()), expected.images)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", f"expected {EXPECTED_CSV}, found ''"),
        (b"id,label\n1,2\n", f"expected {EXPECTED_CSV}, found 'id,label'"),
        (b"id,feature\n\n", "the CSV holds no rows below its header"),
    ],
)
def test_a_csv_without_faces(data, problem, tmp_path):
    (tmp_path / "a.csv").write_bytes(data)
    assert found(tmp_path / "a.csv") == ({}, [f"{tmp_path}/a.csv: {problem}"])
    assert "b.csv: cannot be read (No such file or directory), expected a picture" in found(tmp_path / "b.csv")[1][0]


def test_ids_are_short_where_that_is_enough(tmp_path):
    members = {"a/1.png": GREY, "b/1.png": GREY, "b/2.png": GREY, "3.png": GREY, "3.jpg": GREY}
    expected = ["3.jpg", "3.png", "a/1.png", "b/1.png", "2"]
    assert ids(write_folder(tmp_path / "a", members)) == ids(write_zip(tmp_path / "a.zip", members)) == expected
    assert ids(tmp_path / "a" / "a" / "1.png") == ["1"]


@pytest.mark.parametrize("spare", [0, -1])
def test_standard_input_is_read_up_to_the_limit(spare, monkeypatch):
    monkeypatch.setattr(sys, "stdin", type("Pipe", (), {"buffer": io.BytesIO(GREY)}))
    most = len(GREY) + spare
    problem = f"standard input: more than {most} bytes, expected a picture of at most that"
    assert found("-", most_bytes=most) == (({}, [problem]) if spare else ({"standard input": GREY}, []))
