"""A tar, a CSV in a zip, a CSV without an ending, other pictures: the same from `load_faces` and `find_pictures`."""

import errno
import gzip
import io
import tarfile

import numpy as np
import pytest
from face_files import png, text, write_csv, write_folder, write_zip
from PIL import Image

from fer_keras.data import load_faces
from fer_keras.data.pictures import find_pictures
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import FerKerasError

FACES = draw_faces(np.arange(7), seed=4)


def write_tar(path, members, mode="w:gz", kind=tarfile.REGTYPE):
    with tarfile.open(path, mode) as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.type = len(data), kind
            file.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_is_read_like_the_folder_in_it(mode, drawn, tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", drawn.members, mode)
    assert load_faces(path).fingerprint == load_faces(write_folder(tmp_path / "a", drawn.members)).fingerprint
    assert len(list(find_pictures([str(path)]))) == 28


@pytest.mark.parametrize("name", ["../train/sad/1.png", "/train/sad/1.png"])
def test_a_tar_that_leads_out_is_refused(name, tmp_path):
    path = write_tar(tmp_path / "a.tar", {name: png(FACES[0, ..., 0])})
    with pytest.raises(FerKerasError, match="leads out"):
        load_faces(path)


def test_a_truncated_tar_is_refused_and_links_are_left_out(tmp_path, drawn):
    path = write_tar(tmp_path / "a.tar.gz", drawn.members)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(FerKerasError, match="this tar is truncated or damaged"):
        load_faces(path)
    with pytest.raises(FerKerasError, match="holds no faces"):
        load_faces(write_tar(tmp_path / "b.tar", {"train/sad/1.png": b""}, "w", tarfile.SYMTYPE))


def test_a_full_disk_is_no_damage_of_a_tar(tmp_path, drawn, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = write_tar(tmp_path / "a.tar.gz", drawn.members)
    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(FerKerasError, match=r"fer_keras-\w+: cannot be read \(No space left on device\)"):
        load_faces(path)


def test_a_tar_whose_header_claims_gigabytes_is_refused(tmp_path):
    info = tarfile.TarInfo("x")
    info.size, info.type = 3 * 2**30, tarfile.XHDTYPE
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(2**20)))
    with pytest.raises(FerKerasError, match="claims"):
        load_faces(tmp_path / "a.tar.gz")


@pytest.mark.parametrize("header", [("emotion", "pixels"), ("", "label", "feature"), ("pixels",), ("id", "feature")])
def test_commands_agree_on_csvs_in_all_their_wrappings(header, tmp_path):
    fields = {"pixels": [*map(text, FACES)], "feature": [*map(text, FACES)]}
    rows = zip(*(fields.get(name, range(7)) for name in header), strict=True)
    plain = write_csv(tmp_path / "fer2013", header, rows)
    content = plain.read_bytes()
    paths = [plain, write_zip(tmp_path / "a.zip", {"fer2013/a.csv": content, "fer2013/README": b"hi"})]
    paths += [
        write_tar(tmp_path / "a.tar.gz", {"fer2013/a.csv": content}),
        write_folder(tmp_path / "b", {"a.csv": content}),
    ]
    for path in paths:
        faces = load_faces(path)
        np.testing.assert_array_equal(faces.images, FACES)
        found = list(find_pictures([str(path)]))
        assert [short for _, short, _ in found] == faces.ids.tolist()
        np.testing.assert_array_equal([face for _, _, face in found], FACES)


def test_what_is_missing_is_not_called_damaged(tmp_path):
    for name in ("a.zip", "a.csv", "a.tar.gz", "a"):
        with pytest.raises(FerKerasError, match="there is no such file or folder"):
            load_faces(tmp_path / name)
        [(_, _, error)] = find_pictures([str(tmp_path / name)])
        assert f"{name}: cannot be read (No such file or directory), expected a picture" in str(error)
    [(_, _, error)] = find_pictures([""])
    assert "the path of a picture is empty" in str(error)


@pytest.mark.parametrize(
    ("suffix", "kind"), [("webp", "WEBP"), ("bmp", "BMP"), ("gif", "GIF"), ("tif", "TIFF"), ("jfif", "JPEG")]
)
def test_other_pictures_are_read(suffix, kind, tmp_path):
    pixels = np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))
    path = write_folder(tmp_path / "a", {f"train/sad/1.{suffix}": png(pixels, kind=kind)})
    assert np.abs(load_faces(path).images[0, :, :, 0].astype(int) - pixels).max() <= 6
    assert [short for _, short, _ in find_pictures([str(path)])] == ["1"]


def test_the_first_of_several_frames_is_read_and_said(tmp_path, caplog):
    file = io.BytesIO()
    first, second = (Image.fromarray(np.full((48, 48), value, np.uint8)) for value in (10, 200))
    first.save(file, "GIF", save_all=True, append_images=[second])
    path = write_folder(tmp_path / "a", {"train/sad/1.gif": file.getvalue()})
    assert np.unique(load_faces(path).images).tolist() == [10]
    assert (
        f"{path}: pictures of several frames, the first of each read: 1 (the first is train/sad/1.gif)"
        in caplog.messages
    )
