"""The same images in every format give the same labels, images, splits and ids."""

import io
import logging
import shutil

import numpy as np
import pytest
from face_files import png, text, write_csv, write_folder, write_zip
from PIL import Image

from fer_keras.data import load_faces

SPLITS = ["train"] * 14 + ["public_test"] * 7 + ["private_test"] * 7


def write_fer2013(folder, drawn, header=("emotion", "pixels", "Usage"), name="fer2013.csv"):
    fields = {"emotion": drawn.labels, "pixels": [text(x) for x in drawn.images], "usage": drawn.usages}
    columns = [fields[column.strip().lower()] for column in header]
    return write_csv(folder / name, header, zip(*columns, strict=True))


def reversed_members(members):
    return dict(reversed(members.items()))


FORMATS = {
    "zip": lambda folder, drawn: write_zip(folder / "a.zip", drawn.members),
    "zip in another order": lambda folder, drawn: write_zip(folder / "a", reversed_members(drawn.members)),
    "folder": lambda folder, drawn: write_folder(folder / "a", drawn.members),
    "zip in a folder": lambda folder, drawn: write_zip(
        folder / "a.zip", {f"archive/fer2013/{name}": data for name, data in drawn.members.items()}
    ),
    "zip of another system": lambda folder, drawn: write_zip(
        folder / "a.zip", {name.replace("/", "\\"): data for name, data in drawn.members.items()}
    ),
    "fer2013.csv": write_fer2013,
    "icml_face_data.csv": lambda folder, drawn: write_fer2013(folder, drawn, ("emotion", " Usage", " pixels")),
    "a CSV called zip": lambda folder, drawn: write_fer2013(folder, drawn, name="fer2013.zip"),
    "zip of a CSV": lambda folder, drawn: write_zip(
        folder / "a.zip",
        {"fer2013/README": b"hi", "fer2013/fer2013.csv": write_fer2013(folder, drawn).read_bytes()},
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_agree(name, drawn, tmp_path):
    path = FORMATS[name](tmp_path, drawn)
    faces = load_faces(path)
    np.testing.assert_array_equal(faces.labels, drawn.labels)
    np.testing.assert_array_equal(faces.images[..., 0], drawn.images)
    assert faces.splits.tolist() == SPLITS
    assert faces.ids.tolist() == drawn.names
    assert faces.index.tolist() == list(range(28))
    assert faces.source == path.name
    assert faces.images.dtype == np.uint8 and faces.labels.dtype == np.int64


def test_course_format_agrees(drawn, tmp_path):
    pixels = [text(image) for image in drawn.images]
    rows = zip(drawn.labels[:14], pixels[:14], strict=True)
    train = load_faces(write_csv(tmp_path / "train.csv", ["label", "feature"], rows))
    np.testing.assert_array_equal(train.labels, drawn.labels[:14])
    np.testing.assert_array_equal(train.images[..., 0], drawn.images[:14])
    assert train.split_names == ("train",)
    assert train.ids[15 - 2] == "train_00000015"
    rows = zip(range(10, -4, -1), pixels[14:], strict=True)
    test = load_faces(write_csv(tmp_path / "test.csv", ["id", "feature"], rows))
    assert test.labels.tolist() == [-1] * 14
    np.testing.assert_array_equal(test.images[..., 0], drawn.images[14:])
    assert test.split_names == ("test",)
    assert test.ids.tolist() == [str(number) for number in range(10, -4, -1)]  # as in the file


def test_class_of_an_alphabetical_folder_is_its_number_in_fer2013(drawn, tmp_path):
    names = {"Anger": 0, "disgusted": 1, "FEARFUL": 2, "Happy": 3, "neutral": 6, "sad": 4, "surprised": 5}
    members = {f"train/{name}/{name}.png": png(drawn.images[label]) for name, label in names.items()}
    faces = load_faces(write_zip(tmp_path / "a.zip", members))
    assert dict(zip(faces.ids.tolist(), faces.labels.tolist(), strict=True)) == names
    np.testing.assert_array_equal(faces.images[..., 0], drawn.images[faces.labels])


def test_the_folder_wins_over_a_name_of_another_split(drawn, tmp_path, caplog):
    image = png(drawn.images[0])
    members = {
        "test/sad/Training_1.png": image,
        "test/sad/PublicTest_2.png": image,
        "test/sad/PrivateTest_2.png": image,
        "train/sad/PublicTest_1.png": image,
        "train/sad/8.png": image,
        "valid/sad/Training_3.png": image,
        "Test/sad/9.png": image,
        "PublicTest/sad/10.png": image,
        "private_test/sad/11.png": image,
    }
    path = write_folder(tmp_path / "a", members)
    faces = load_faces(path)
    assert dict(zip(faces.ids.tolist(), faces.splits.tolist(), strict=True)) == {
        "8": "train",
        "PublicTest_1": "train",
        "Training_3": "val",
        "10": "public_test",
        "PublicTest_2": "public_test",
        "11": "private_test",
        "PrivateTest_2": "private_test",
        "9": "test",
        "Training_1": "test",
    }
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: images whose names say another split than their folder, which wins: 2"
        " (the first is test/sad/Training_1.png)"
    ]


def test_a_name_used_twice_becomes_a_path(drawn, tmp_path):
    members = {
        f"all/{name}": png(drawn.images[0]) for name in ("train/sad/1.png", "train/fear/1.png", "test/sad/2.png")
    }
    faces = load_faces(write_zip(tmp_path / "a.zip", members))
    assert faces.ids.tolist() == ["train/fear/1.png", "train/sad/1.png", "2"]


def test_clutter_is_ignored(drawn, tmp_path):
    clutter = ("README.md", "LICENSE", "__MACOSX/train/sad/._1.png", "train/.DS_Store", "test/sad/Thumbs.db")
    members = {**drawn.members, **dict.fromkeys(clutter, b"no image")}
    assert len(load_faces(write_zip(tmp_path / "a.zip", members))) == 28
    folder = write_folder(tmp_path / "a", members)
    (folder / "train" / "empty").mkdir()
    assert len(load_faces(folder)) == 28


def test_linked_folder_is_followed(drawn, tmp_path):
    real = write_folder(tmp_path / "real", drawn.members)
    (tmp_path / "a").mkdir()
    for split in ("train", "test"):
        (tmp_path / "a" / split).symlink_to(real / split)
    assert len(load_faces(tmp_path / "a")) == 28


def test_evaluation_only_data_load(drawn, tmp_path):
    members = {name: data for name, data in drawn.members.items() if "PublicTest" in name}
    assert load_faces(write_zip(tmp_path / "a.zip", members)).split_names == ("public_test",)


def sixteen_bits(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint16) * 257).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "encode",
    [
        lambda pixels: png(pixels, "LA"),
        lambda pixels: png(pixels, "P"),
        lambda pixels: png(pixels, "RGBA"),
        sixteen_bits,
    ],
    ids=["alpha", "palette", "colour and alpha", "16 bits"],
)
def test_modes_keep_grey_values(encode, drawn, tmp_path):
    faces = load_faces(write_zip(tmp_path / "a.zip", {"train/sad/1.png": encode(drawn.images[3])}))
    np.testing.assert_array_equal(faces.images[0, :, :, 0], drawn.images[3])


def test_jpeg(tmp_path):
    pixels = np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))
    faces = load_faces(write_zip(tmp_path / "a.zip", {"train/sad/1.jpg": png(pixels, kind="JPEG")}))
    assert np.abs(faces.images[0, :, :, 0].astype(int) - pixels).max() <= 6


def test_colour_is_said_once_and_becomes_luma(tmp_path, caplog):
    red = np.zeros((48, 48, 3), np.uint8)
    red[..., 0] = 200
    members = {f"train/sad/{number}.png": png(red) for number in (1, 2, 3)}
    path = write_zip(tmp_path / "a.zip", members)
    for _ in range(2):  # read, then from the cache
        caplog.clear()
        with caplog.at_level(logging.WARNING, "fer_keras"):
            faces = load_faces(path)
        assert np.unique(faces.images).tolist() == [60]  # 0.299 * 200
        assert [record.getMessage() for record in caplog.records] == [
            f"{path}: images in colour, converted to grey: 3 (the first is train/sad/1.png)"
        ]


def test_grey_images_say_nothing(drawn, tmp_path, caplog):
    load_faces(write_zip(tmp_path / "a.zip", drawn.members))
    assert not caplog.records


def test_resize_scales(tmp_path):
    halves = np.repeat(np.array([[10, 210]], np.uint8), 96, axis=0).repeat(48, axis=1)
    path = write_zip(tmp_path / "a.zip", {"train/sad/1.png": png(halves)})
    image = load_faces(path, resize=True).images[0, :, :, 0]
    assert image.shape == (48, 48)
    assert np.unique(image[:, :23]).tolist() == [10] and np.unique(image[:, 25:]).tolist() == [210]


def test_a_folder_and_its_zip_are_equal_after_unpacking(drawn, tmp_path):
    zipped = write_zip(tmp_path / "a.zip", reversed_members(drawn.members))
    shutil.unpack_archive(zipped, tmp_path / "b")
    assert load_faces(zipped).fingerprint == load_faces(tmp_path / "b").fingerprint
