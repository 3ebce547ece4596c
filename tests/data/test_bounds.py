"""Small files with large costs are refused by bounds that are stated; no test here takes a second."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from face_files import png, text, write_csv, write_folder, write_zip
from PIL import Image

from fer_keras.data import load_faces
from fer_keras.data.csv_rows import MAX_BLANK
from fer_keras.data.image import MAX_IMAGE_BYTES, MAX_READS, decode_face, decode_picture
from fer_keras.data.pictures import find_pictures
from fer_keras.errors import FerKerasError

GREY = np.full((48, 48), 7, np.uint8)
PNG = png(GREY)


def errors(path):
    return [str(content) for _, _, content in find_pictures([str(path)]) if isinstance(content, FerKerasError)]


def test_members_without_a_name_are_no_members(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("", ".", "./train/sad/1.png"):
            info = zipfile.ZipInfo("x")
            info.filename = name
            with file.open(info, "w") as member:
                member.write(PNG)
    assert load_faces(path).ids.tolist() == ["1"]
    assert [name for name, _, _ in find_pictures([str(path)])] == [f"{path}: train/sad/1.png"]


def test_folders_by_the_ten_thousand_cost_only_themselves(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"train/sad/1.png": PNG, "train/" + "d/" * 20_000 + "2.png": PNG})
    with pytest.raises(FerKerasError, match=r"a.zip: train/d/d/.*\.\.\.: nests deeper than 32 folders"):
        load_faces(path)
    assert (
        len(list(find_pictures([str(path)]))) == 2 and "nests deeper" in errors(path)[0] and len(errors(path)[0]) < 300
    )


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b" \n"])
def test_blank_lines_are_bounded(line, tmp_path):
    lines = [b"emotion,pixels\n", line * MAX_BLANK, b"3," + text(GREY).encode() + b"\n"]
    (tmp_path / "a.csv").write_bytes(b"".join(lines))
    if line != b" \n":
        assert load_faces(tmp_path / "a.csv").labels.tolist() == [3]
    path = write_zip(tmp_path / "a.zip", {"a.csv": b"".join([lines[0], line * (10 * MAX_BLANK), lines[2]])})
    with pytest.raises(FerKerasError, match="more than 10,000 blank lines" if line != b" \n" else "1 fields"):
        load_faces(path)


@pytest.mark.parametrize("row", [("x" * 5000, "id"), ("y" * 5000, "label")], ids=["id", "label"])
def test_ids_and_labels_are_bounded_and_messages_short(row, tmp_path):
    word, column = row
    path = write_csv(tmp_path / "a.csv", [column, "feature"], [(word, text(GREY)), (1, text(GREY))])
    with pytest.raises(
        FerKerasError, match=f"line 2: {column} '.{{20}}'... has 5,000 characters, expected at most 1,000"
    ):
        load_faces(path)
    rows = [(f"class{number}", text(GREY)) for number in range(1001)]
    path = write_csv(tmp_path / "b.csv", ["label", "feature"], rows)
    with pytest.raises(FerKerasError, match="line 1002: label 'class1000': more than 1,000 classes, expected labels"):
        load_faces(path)


@pytest.mark.parametrize("cell", ["3\x00", "\u0663", "\u00b2", "+3", "3.0", "0x3", "3_0", "z" * 900])
def test_labels_that_only_look_like_numbers_are_refused_in_a_short_sentence(cell, tmp_path):
    path = write_csv(tmp_path / "a.csv", ["emotion", "pixels"], [(0, text(GREY)), (cell, text(GREY))])
    with pytest.raises(FerKerasError, match=r"line 3: emotion '.*', expected a whole number 0..6") as refusal:
        load_faces(path)
    assert len(str(refusal.value)) < len(str(path)) + 120


def test_a_long_pixel_is_not_repeated(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["emotion", "pixels"], [(0, "9" * 10_000 + text(GREY)[1:])])
    with pytest.raises(FerKerasError, match=r"line 2: pixel '9{20}', expected a whole number 0..255"):
        load_faces(path)
    assert len(errors(path)[0]) < len(str(path)) + 100


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff" * (2 * MAX_READS),
        b"\xff\xd8\xff\xe0\0\2" + b"\0" * (2 * MAX_READS),
        b"\xff\xd8" + b"\xff\xfe\0\2" * MAX_READS,
        PNG[:33] + chunk(b"teXt") * MAX_READS + PNG[33:],
        b"GIF89a" + struct.pack("<HHBBB", 48, 48, 0, 0, 0) + b"\x21\xfe" + b"\1a" * MAX_READS,
    ],
    ids=["fill bytes", "junk", "empty markers", "empty chunks", "small blocks"],
)
def test_pictures_that_take_endless_steps_are_refused(data):
    assert len(data) < MAX_IMAGE_BYTES
    with pytest.raises(
        FerKerasError, match=r"it: expected a whole PNG.* image .it takes more than 200,000 steps to read"
    ):
        decode_face(data, "it", resize=True)


def test_a_large_picture_and_its_frames_are_well_within_the_steps():
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000), dtype=np.uint8)
    for kind in ("PNG", "GIF", "TIFF", "BMP", "WEBP"):
        assert not decode_picture(png(noise, kind=kind), "it", resize=True).moving
    frames = [Image.fromarray(np.full((48, 48), value, np.uint8)) for value in range(0, 250, 10)]
    for kind in ("GIF", "WEBP", "TIFF", "PNG"):
        file = io.BytesIO()
        frames[0].save(
            file, kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
        )
        picture = decode_picture(file.getvalue(), "it")
        assert picture.moving and picture.face.max() == 0


def test_what_is_left_out_is_counted_in_all_commands(tmp_path, caplog):
    path = write_folder(tmp_path / "a", {"train/sad/1.png": PNG, "train/sad/2.heic": b"", "train/sad/notes.txt": b""})
    note = f"{path}: files left out, which are no pictures: 2 (the first is train/sad/2.heic)"
    load_faces(path)
    assert caplog.messages == [note]
    assert len(list(find_pictures([str(path)]))) == 1
    assert caplog.messages == [note, note]
