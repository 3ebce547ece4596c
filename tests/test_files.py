"""Files are whole or absent."""

import errno
from pathlib import Path

import pytest

from fer_keras.errors import FerKerasError
from fer_keras.files import (
    cache_dir,
    file_sha256,
    locked,
    read_json,
    remove_partials,
    replacing,
    write_json,
    write_text,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"x": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_appears_whole_and_an_existing_one_stays(tmp_path):
    for content in ("first", "second"):
        with replacing(tmp_path / "made" / "folder") as partial:
            partial.mkdir()
            (partial / "file").write_text(content)
            assert content == "second" or not (tmp_path / "made" / "folder").exists()
    assert (tmp_path / "made" / "folder" / "file").read_text() == "first"
    assert [p.name for p in (tmp_path / "made").iterdir()] == ["folder"]


def test_the_ending_stays_for_savers_that_look_at_it(tmp_path):
    with replacing(tmp_path / "a.weights.h5") as partial:
        assert partial.name.endswith("a.weights.h5") and partial.parent == tmp_path
        partial.write_text("")


def test_the_cache_folder_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path / "elsewhere"))
    assert cache_dir() == tmp_path / "elsewhere"
    monkeypatch.delenv("FER_KERAS_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "fer_keras"


def test_what_is_not_json_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(FerKerasError, match=r"a\.json: expected JSON"):
        read_json(tmp_path / "a.json")
    with pytest.raises(FerKerasError, match="there is no such file"):
        read_json(tmp_path / "b.json")


def test_sha256_is_the_standards(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_sha256(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_what_killed_processes_left_is_removed(tmp_path):
    write_json(tmp_path / "kept.json", 1)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".partial-7-model.keras").write_text("half")
    (tmp_path / ".partial-7-epoch-00003").mkdir()
    (tmp_path / ".partial-7-epoch-00003" / "state").write_text("half")
    remove_partials(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "kept.json"]


def test_a_folder_that_is_held_and_one_that_cannot_be(tmp_path, monkeypatch):
    held = pytest.raises(FerKerasError, match="another process is at this run")
    with locked(tmp_path, wait=False), held, locked(tmp_path, wait=False):
        pass

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    refused = pytest.raises(FerKerasError, match=r"this file system cannot lock files \(No locks available\)")
    with refused, locked(tmp_path, wait=True):
        pass


def test_what_is_renamed_is_on_the_disk_before(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").readlink().name))
    write_text(tmp_path / "a.txt", "a")
    with replacing(tmp_path / "folder") as partial:
        (partial / "inside").mkdir(parents=True)
        (partial / "inside" / "b").touch()
    assert [name[-5:] for name in synced] == ["a.txt", "b"]
