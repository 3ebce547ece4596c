"""Bad input: one sentence that names the file and the row or member, and nothing in the cache."""

import io
import os
import zipfile
import zlib

import numpy as np
import pytest
from face_files import png, text, write_csv, write_folder, write_zip
from PIL import Image

from fer_keras.data import load_faces
from fer_keras.errors import FerKerasError
from fer_keras.files import cache_dir

GREY = np.full((48, 48), 7, np.uint8)
PIXELS = text(GREY)


def refusal(path, **options):
    """Return the sentence by which `path` is refused, having checked what holds for all of them."""
    with pytest.raises(FerKerasError) as raised:
        load_faces(path, **options)
    message = str(raised.value)
    assert "\n" not in message and len(message) < 450
    assert str(path) in message
    assert not list(cache_dir().rglob("*.npy"))
    return message


def zip_of(tmp_path, members, **options):
    return write_zip(tmp_path / "faces.zip", members, **options)


def test_missing_and_empty(tmp_path):
    assert "the path of the data is empty" in refusal("")
    assert "the path of the data is None, expected a zip, a folder or a CSV" in refusal(None)
    assert "the path of the data is b'a.zip', expected a zip" in refusal(b"a.zip")
    assert "there is no such file" in refusal(tmp_path / "none.zip")
    (tmp_path / "empty.csv").touch()
    assert "is empty" in refusal(tmp_path / "empty.csv")
    (tmp_path / "folder").mkdir()
    assert "holds no faces" in refusal(tmp_path / "folder")
    assert "holds no faces" in refusal(zip_of(tmp_path, {"README": b"hello"}))


def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "expected a file or a folder" in refusal(tmp_path / "pipe")
    write_folder(tmp_path / "a", {"train/sad/1.png": png(GREY)})
    os.mkfifo(tmp_path / "a/train/sad/2.png")
    assert "2.png: a pipe or a device, expected a file" in refusal(tmp_path / "a")


def test_a_link_back_to_where_it_is_is_not_followed(tmp_path):
    folder = write_folder(tmp_path / "a", {"train/sad/1.png": png(GREY), "val/happy/1.png": png(GREY)})
    (folder / "train" / "sad" / "again").symlink_to(folder)
    (folder / "test").symlink_to(folder / "val")
    assert load_faces(folder).splits.tolist() == ["train", "val", "test"]


def test_folders_below_folders_are_bounded(tmp_path):
    deep = {f"{'a/' * 33}train/sad/1.png": png(GREY)}
    for path in (write_folder(tmp_path / "a", deep), zip_of(tmp_path, deep)):
        assert "nests deeper than 32 folders" in refusal(path)
    assert len(load_faces(write_folder(tmp_path / "b", {f"{'a/' * 30}train/sad/1.png": png(GREY)}))) == 1


@pytest.mark.parametrize("kept", [0.2, 0.9, 0.999])
def test_truncated_zip(kept, drawn, tmp_path):
    data = zip_of(tmp_path, drawn.members).read_bytes()
    (tmp_path / "short").write_bytes(data[: int(len(data) * kept)])
    assert "zip is truncated or damaged" in refusal(tmp_path / "short")


def test_damaged_member(drawn, tmp_path):
    path = zip_of(tmp_path, drawn.members, compression=zipfile.ZIP_STORED)
    name = list(drawn.members)[4]
    data = bytearray(path.read_bytes())
    data[data.index(drawn.members[name]) + 500] ^= 255
    path.write_bytes(data)
    assert f"{name}: damaged or unreadable" in refusal(path)


def test_encrypted_zip(tmp_path):
    data = bytearray(zip_of(tmp_path, {"train/sad/1.png": png(GREY)}).read_bytes())
    data[6] |= 1  # the flag in the member's own header, then in the directory
    data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(data)
    assert "train/sad/1.png: this zip is encrypted" in refusal(tmp_path / "locked.zip")


@pytest.mark.parametrize(
    "name", ["/train/sad/1.png", "../train/sad/1.png", "train/../../1.png", "C:/1.png", "\\\\host\\1.png"]
)
def test_member_that_leads_out(name, tmp_path):
    message = refusal(zip_of(tmp_path, {"train/sad/2.png": png(GREY), name: png(GREY)}))
    assert f"{name}: this member's path leads out".replace("\\", "/") in message


@pytest.mark.parametrize("name", ["train/sad/2.png", "notes.bin", "fer2013.csv"])
def test_member_that_claims_gigabytes(name, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("train/sad/1.png", png(GREY))
        file.writestr(name, b"0")
        file.getinfo(name).file_size = 5 * 2**30
    assert f"{name}: claims 5,368,709,120 bytes" in refusal(path)


def test_image_member_of_many_megabytes_is_not_unpacked(tmp_path):
    message = refusal(zip_of(tmp_path, {"train/sad/1.png": bytes(17 * 2**20)}))
    assert "train/sad/1.png: claims 17,825,792 bytes, expected at most 16,777,216" in message


def test_member_that_unpacks_to_more_than_it_claims(tmp_path):
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("train/sad/1.png", png(GREY) + bytes(10**7))
        file.getinfo("train/sad/1.png").file_size = 1000
    assert "train/sad/1.png: damaged or unreadable" in refusal(path)


def test_member_twice_and_unbounded_methods(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "twice.zip", "w") as file:
        file.writestr("train/sad/1.png", png(GREY))
        file.writestr("train/sad/1.png", png(GREY))
    assert "train/sad/1.png: the archive holds this member twice" in refusal(tmp_path / "twice.zip")
    path = zip_of(tmp_path, {"train/sad/1.png": png(GREY)}, compression=zipfile.ZIP_LZMA)
    assert "train/sad/1.png: expected a stored or deflated member" in refusal(path)


def test_unknown_folders(tmp_path):
    image = png(GREY)
    message = refusal(zip_of(tmp_path, {"train/contempt/1.png": image}), classes=["happy", "sad"])
    assert "train/contempt/1.png: 'contempt' is no class, expected one of happy, sad" in message
    assert "'contempt' is the only class" in refusal(zip_of(tmp_path, {"train/contempt/1.png": image}))
    members = {"train/sad/1.png": image, "holdout/sad/2.png": image}
    assert "'holdout' is no folder of a split" in refusal(zip_of(tmp_path, members))
    for wrapped in ("", "faces/"):
        members = {f"{wrapped}train/sad/1.png": image, "logo.png": image}
        assert "logo.png: expected <split>/<class>/<image>" in refusal(zip_of(tmp_path, members))
    members = {"train/sad/1.png": image, "train/2.png": image}
    assert "train/2.png: expected <split>/<class>/<image>" in refusal(zip_of(tmp_path, members))
    members = {"train/sad/1.png": image, "train/sad/more/2.png": image}
    assert "train/sad/more/2.png: expected <split>/" in refusal(write_folder(tmp_path / "a", members))
    assert "holds no faces" in refusal(zip_of(tmp_path, {"sad/1.png": image, "happy/1.png": image}))


def test_names_from_strangers_stay_on_one_line(tmp_path):
    message = refusal(zip_of(tmp_path, {f"train/s\nad{'x' * 500}/1.png": png(GREY)}), classes=["happy", "sad"])
    assert "train/s\\nadxxx" in message and "is no class" in message
    message = refusal(zip_of(tmp_path, {f"train/s\nad{'x' * 5000}/1.png": png(GREY)}), classes=["happy", "sad"])
    assert "train/s\\nadxxx" in message and "its path has 5,016 characters, expected at most 1,000" in message


def bomb():
    """A PNG whose header claims 30,000 x 30,000 pixels."""
    header = b"IHDR" + (30000).to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0])
    data = bytearray(png(GREY))
    data[12:33] = header + zlib.crc32(header).to_bytes(4)
    return bytes(data)


def gif():
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, "GIF")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"not an image", "expected a whole PNG, JPEG, WebP, BMP, GIF or TIFF"),
        (b"", "expected a whole PNG, JPEG, WebP, BMP, GIF or TIFF"),
        (png(np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8))[:700], "expected a whole PNG"),
        (gif()[:60], "expected a whole PNG, JPEG, WebP, BMP, GIF or TIFF"),
        (png(GREY[:47]), "48x47 pixels, expected 48x48"),
        (png(np.zeros((96, 96), np.uint8)), "96x96 pixels, expected 48x48"),
        (bomb(), "bomb"),
    ],
    ids=["text", "nothing", "truncated", "half a gif", "47 rows", "96x96", "bomb"],
)
@pytest.mark.parametrize("write", [zip_of, lambda path, members: write_folder(path / "a", members)])
def test_member_that_is_no_face(write, data, problem, tmp_path):
    message = refusal(write(tmp_path, {"train/sad/1.png": png(GREY), "train/fear/2.png": data}))
    assert "train/fear/2.png: " in message and problem in message


def test_resize_accepts_sizes_but_no_bomb(tmp_path):
    large = png(np.zeros((4097, 4096), np.uint8))
    for data, problem in ((bomb(), "bomb"), (large, "4096x4097 pixels, expected at most 16,777,216")):
        assert problem in refusal(zip_of(tmp_path, {"train/sad/1.png": data}), resize=True)


FER2013_HEADER = ["emotion", "pixels", "Usage"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((0, PIXELS[2:], "Training"), "2303 pixels, expected 2304"),
        ((0, PIXELS + " 7", "Training"), "2305 pixels, expected 2304"),
        ((0, "", "Training"), "0 pixels, expected 2304"),
        ((0, "256" + PIXELS[1:], "Training"), "pixel '256', expected a whole number 0..255"),
        ((0, "-1" + PIXELS[1:], "Training"), "pixel '-1', expected a whole number 0..255"),
        ((0, "7.5" + PIXELS[1:], "Training"), "pixel '7.5', expected a whole number 0..255"),
        ((0, "x" + PIXELS[1:], "Training"), "pixel 'x', expected a whole number 0..255"),
        ((7, PIXELS, "Training"), "emotion '7', expected a whole number 0..6"),
        ((-1, PIXELS, "Training"), "emotion '-1', expected a whole number 0..6"),
        (("sad", PIXELS, "Training"), "emotion 'sad', expected a whole number 0..6"),
        ((0, PIXELS, "Rest"), "Usage 'Rest', expected one of Training, PublicTest, PrivateTest, train, val, test"),
        ((0, PIXELS), "2 fields, expected 3"),
        ((0, "7 " * 70000, "Training"), "longer than 131,072 characters"),
    ],
)
def test_bad_row_of_fer2013(row, problem, tmp_path):
    good = (0, PIXELS, "Training")
    path = write_csv(tmp_path / "fer2013.csv", FER2013_HEADER, [good] * 15 + [row, good])
    message = refusal(path)
    assert problem in message and f"{path}, line 17: " in message


@pytest.mark.parametrize(
    ("header", "row", "problem"),
    [
        (["label", "feature"], (7, PIXELS), "label '7', expected a whole number 0..6"),
        (["label", "feature"], (6, PIXELS[2:]), "2303 pixels, expected 2304"),
        (["id", "feature"], (0, "300" + PIXELS[1:]), "pixel '300', expected a whole number 0..255"),
        (["id", "feature"], ("", PIXELS), "the id is empty"),
    ],
)
def test_bad_row_of_the_course_format(header, row, problem, tmp_path):
    message = refusal(write_csv(tmp_path / "a.csv", header, [(0, PIXELS), row]))
    assert problem in message and "line 3: " in message


def test_bad_row_inside_a_zip_names_both(tmp_path):
    data = write_csv(tmp_path / "a.csv", FER2013_HEADER, [(9, PIXELS, "Training")]).read_bytes()
    assert "faces.zip: fer2013.csv, line 2: emotion '9'" in refusal(zip_of(tmp_path, {"fer2013.csv": data}))


def test_two_csvs_are_ambiguous(tmp_path):
    data = write_csv(tmp_path / "a.csv", FER2013_HEADER, [(0, PIXELS, "Training")]).read_bytes()
    path = zip_of(tmp_path, {"a.csv": data, "b.csv": data, "example_submission.csv": b"Id,Prediction\n"})
    assert "holds a.csv and b.csv" in refusal(path)


@pytest.mark.parametrize("data", [b"emotion,face\n1,2\n", b"\x1f\x8b\x08\xff\xfe", b"hello", b"\n", png(GREY)])
def test_unknown_file(data, tmp_path):
    path = tmp_path / "faces.csv"
    path.write_bytes(data)
    assert "expected" in (message := refusal(path)) and "emotion,pixels,usage" in message


def test_csv_without_rows_and_with_a_bad_byte(tmp_path):
    path = write_csv(tmp_path / "a.csv", FER2013_HEADER, [])
    assert "holds no rows" in refusal(path)
    path = write_csv(tmp_path / "b.csv", FER2013_HEADER, [(0, PIXELS, "Training")] * 20)
    path.write_bytes(path.read_bytes() + b"0,\xff,Training\n" + path.read_bytes())
    assert "line 22: expected UTF-8 text" in refusal(path)


def test_unclosed_quote(tmp_path):
    path = write_csv(tmp_path / "a.csv", FER2013_HEADER, [(0, PIXELS, "Training")] * 30)
    path.write_text(path.read_text().replace("0,7", '0,"7', 1))
    assert "expected a row of a CSV" in refusal(path)


def test_endless_line_of_a_zipped_csv(tmp_path):
    path = zip_of(tmp_path, {"fer2013.csv": bytes(10**7)})
    assert "fer2013.csv, line 1: longer than 131,072 characters" in refusal(path)


def test_training_needs_every_class(tmp_path):
    rows = [(label, PIXELS, "Training") for label in (0, 1, 2, 3, 4, 6)]
    faces = load_faces(write_csv(tmp_path / "a.csv", FER2013_HEADER, rows))
    with pytest.raises(FerKerasError, match=r"a\.csv: no training image of class 'surprise'"):
        faces.split("train").require_every_class()
    faces = load_faces(write_csv(tmp_path / "b.csv", FER2013_HEADER, [(5, PIXELS, "PublicTest")]))
    with pytest.raises(FerKerasError, match=r"b\.csv: no labelled training images"):
        faces.split("train").require_every_class()
