"""The cache: keyed by content, whole or remade, shared by concurrent loaders."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from face_files import png, write_folder, write_zip

from fer_keras.data import load_faces, source
from fer_keras.files import cache_dir


def entries():
    return sorted((cache_dir() / "faces").iterdir())


@pytest.fixture
def path(drawn, tmp_path):
    return write_zip(tmp_path / "faces.zip", drawn.members)


@pytest.fixture
def reads(monkeypatch):
    """The paths that a reader has read."""
    seen = []
    read = source._read
    monkeypatch.setattr(source, "_read", lambda path, *options: seen.append(path.name) or read(path, *options))
    return seen


def test_second_load_is_mapped_and_equal(path, drawn, reads):
    first, second = load_faces(path), load_faces(path)
    assert reads == ["faces.zip"]
    assert isinstance(second.images, np.memmap) and not second.images.flags.writeable
    for faces in (first, second):
        np.testing.assert_array_equal(faces.images[..., 0], drawn.images)
        assert faces.labels.tolist() == drawn.labels.tolist() and faces.ids.tolist() == drawn.names
    assert first.fingerprint == second.fingerprint
    assert sorted(file.name for file in entries()[0].iterdir()) == [
        "ids.npy",
        "images.npy",
        "source.json",
        "splits.npy",
        "targets.npy",
    ]


def test_key_is_the_content(path, drawn, reads):
    load_faces(path)
    renamed = path.rename(path.with_name("other.zip"))
    assert load_faces(renamed).source == "other.zip"
    assert reads == ["faces.zip"]
    os.utime(write_zip(renamed, {"train/sad/1.png": png(drawn.images[0])}), (0, 0))
    assert len(load_faces(renamed)) == 1
    load_faces(renamed, resize=True)
    assert reads == ["faces.zip", "other.zip", "other.zip"] and len(entries()) == 3


def test_key_of_a_folder_is_its_names_and_bytes(drawn, tmp_path, reads):
    folder = write_folder(tmp_path / "a", drawn.members)
    load_faces(folder)
    (folder / "train" / ".DS_Store").touch()
    load_faces(folder)
    assert reads == ["a"]
    name = next(iter(drawn.members))
    (folder / name).rename(folder / name.replace(".png", "9.png"))
    load_faces(folder)
    write_folder(folder, {name.replace(".png", "9.png"): png(drawn.images[0] // 2)})
    load_faces(folder)
    assert reads == ["a"] * 3


def test_reader_version_is_in_the_key(path, reads, monkeypatch):
    load_faces(path)
    monkeypatch.setattr(source, "READER_VERSION", source.READER_VERSION + 1)
    load_faces(path)
    assert len(reads) == 2


def shorten(entry):
    (entry / "images.npy").write_bytes((entry / "images.npy").read_bytes()[:-100])


def alter(entry):
    data = bytearray((entry / "targets.npy").read_bytes())
    data[-8] ^= 1
    (entry / "targets.npy").write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        shorten,
        alter,
        lambda entry: (entry / "ids.npy").unlink(),
        lambda entry: (entry / "source.json").write_text("{"),
        lambda entry: (entry / "source.json").write_text("[]"),
    ],
    ids=["short", "altered", "missing", "half a JSON", "another JSON"],
)
def test_damaged_entry_is_remade(damage, path, drawn, reads):
    load_faces(path)
    damage(entries()[0])
    np.testing.assert_array_equal(load_faces(path).images[..., 0], drawn.images)
    assert load_faces(path).labels.tolist() == drawn.labels.tolist()
    assert len(reads) == 2 and len(entries()) == 1


def test_a_crash_while_writing_leaves_nothing(path, monkeypatch):
    class Crash(BaseException):
        pass

    def crash(*_):
        raise Crash

    monkeypatch.setattr(source, "write_json", crash)
    with pytest.raises(Crash):
        load_faces(path)
    assert not list(cache_dir().rglob("*.npy"))


def test_cache_that_cannot_be_written_is_said(path, drawn, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path / "file"))
    faces = load_faces(path)
    np.testing.assert_array_equal(faces.images[..., 0], drawn.images)
    assert not faces.images.flags.writeable
    assert len(caplog.records) == 1 and "cannot be written" in caplog.text


def test_threads_share_the_cache(path, drawn, reads):
    with ThreadPoolExecutor(8) as pool:
        for faces in pool.map(load_faces, [path] * 8):
            np.testing.assert_array_equal(faces.images[..., 0], drawn.images)
    assert len(reads) == 1 and len(entries()) == 1


def test_processes_share_the_cache_even_a_damaged_one(path):
    fingerprint = load_faces(path).fingerprint
    shorten(entries()[0])
    program = "import sys; from fer_keras.data import load_faces; print(load_faces(sys.argv[1]).fingerprint)"
    command = [sys.executable, "-c", program, str(path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0].strip() for process in started] == [fingerprint] * 4
    assert [entry.name[0] for entry in entries()] != ["."] and len(entries()) == 1


def test_importing_the_readers_does_not_import_tensorflow():
    program = "import sys, fer_keras.data.audit, fer_keras.data; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
