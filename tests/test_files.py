"""Files are whole or absent."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fer_keras import files
from fer_keras.errors import FerKerasError
from fer_keras.files import (
    cache_dir,
    file_sha256,
    locked,
    read_json,
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
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(FerKerasError, match=r"deep\.json: expected JSON"):
        read_json(tmp_path / "deep.json")
    (tmp_path / "half.json").write_text('{"a": "\\ud83d\\ude00", "b": "\\uDC80"}')
    with pytest.raises(FerKerasError, match=r"half\.json: expected JSON"):
        read_json(tmp_path / "half.json")
    with pytest.raises(FerKerasError, match="cannot be read"):
        read_json(tmp_path)
    with pytest.raises(FerKerasError, match="there is no such file"):
        read_json(tmp_path / "b.json")


def test_sha256_is_the_standards(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_sha256(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")


def partial(folder, process, name, host=files._HOST):
    """What `process` writes in `folder`, half-written."""
    path = folder / f".partial-{host}-{process}-{name}"
    path.mkdir(parents=True)
    (path / "state").write_text("half")
    return path


@pytest.fixture(scope="module")
def dead():
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_claimed_folder_loses_what_dead_processes_left_and_nothing_else(tmp_path, dead):
    write_json(tmp_path / "kept.json", 1)
    gone = [partial(tmp_path, dead, "epoch-00003"), partial(tmp_path / "deep", dead, "model.keras")]
    scratch = tmp_path / ".partial-x7_k"
    scratch.mkdir()
    elsewhere = partial(tmp_path, dead, "a", host="01234567")
    long_ago = partial(tmp_path, dead, "b", host="01234567")
    os.utime(long_ago, (0, time.time() - 25 * 3600))
    alive = partial(tmp_path, os.getppid(), "model.keras")
    with replacing(tmp_path / "mine") as mine:
        mine.write_text("")
        with locked(tmp_path, wait=False):
            assert not any(path.exists() for path in (*gone, scratch, long_ago))
            assert all(path.exists() for path in (elsewhere, alive, mine))


def test_the_next_try_removes_what_a_dead_writer_of_the_same_file_left(tmp_path, dead):
    gone, other = partial(tmp_path, dead, "card.md"), partial(tmp_path, dead, "card.json")
    own = partial(tmp_path, os.getpid(), "card.md")  # of an earlier process of this number
    write_text(tmp_path / "card.md", "whole")
    assert not gone.exists() and not own.exists() and other.exists()


def test_a_folder_that_is_held_and_one_that_cannot_be(tmp_path, monkeypatch):
    held = pytest.raises(FerKerasError, match="another process is at this run")
    with locked(tmp_path, wait=False), held, locked(tmp_path, wait=False):
        pass
    with locked(tmp_path, wait=False):  # free again
        pass

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    refused = pytest.raises(FerKerasError, match=r"cannot write or lock files there \(No locks available\)")
    with refused, locked(tmp_path, wait=True):
        pass


def test_a_second_process_waits_until_the_first_lets_go(tmp_path):
    code = "import sys; from fer_keras.files import locked\nwith locked(sys.argv[1], wait=True): print('held')"
    with locked(tmp_path, wait=False):
        second = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(1.5)
    assert second.communicate(timeout=300)[0] == "held\n"


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError, match="No space left") as error, replacing(tmp_path / "model.keras"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(tmp_path / "model.keras")
    with pytest.raises(OSError, match="No space left") as error, replacing(tmp_path / "model.keras") as partial:
        raise OSError(errno.ENOSPC, "No space left on device", "best.keras", None, str(partial))  # as shutil does
    assert (error.value.filename, error.value.filename2) == (str(tmp_path / "model.keras"), None)


@pytest.mark.parametrize("empty", ["", "."])
def test_an_empty_path_is_refused(empty):
    with pytest.raises(FerKerasError, match="expected the name of a file to write"):
        write_text(empty, "")


def test_what_is_renamed_is_on_the_disk_before(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").readlink().name))
    write_text(tmp_path / "a.txt", "a")
    with replacing(tmp_path / "folder") as partial:
        (partial / "inside").mkdir(parents=True)
        (partial / "inside" / "b").touch()
    assert [name[-5:] for name in synced] == ["a.txt", "b"]
