"""A camera's latest frame is answered; here FFmpeg's test device and a drawn video stand in for one."""

import csv
import itertools
import threading
import time

import pytest
from command import ROOT, run
from drawn_video import HAPPY, SURPRISED, scene, write_video
from PIL import Image

from fer_keras.errors import FerKerasError
from fer_keras.faces import camera, window
from fer_keras.faces.video import Frame

MODEL = str(ROOT / "saved_models" / "separable-93k")


@pytest.fixture
def plugged_in(tmp_path, monkeypatch):
    """A camera that shows two drawn faces."""
    path = write_video(tmp_path / "camera.mp4", [scene((HAPPY, 20, 60), (SURPRISED, 200, 60))] * 20)
    monkeypatch.setattr(camera, "camera_source", lambda name: (str(path), "mp4"))
    monkeypatch.setattr(camera, "_WANTED", {})


def test_rows_of_both_faces_are_printed_without_a_display(plugged_in, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    status, out, err = run("webcam.py", MODEL)
    rows = list(csv.DictReader(out.splitlines()))
    assert status == 0, err
    assert {(row["face"], row["label"]) for row in rows} == {("1", "happy"), ("2", "surprise")}
    assert rows[0]["seconds"] == "0.000000"


def test_a_window_shows_frames_until_it_is_closed(plugged_in, monkeypatch, tmp_path):
    shown = []

    class Closing:
        is_open = True

        def show(self, picture):
            shown.append(picture)
            self.is_open = False

    monkeypatch.setattr("fer_keras.jobs.webcam.open_window", lambda title: Closing())
    ended = run("webcam.py", MODEL, "--csv", tmp_path / "r.csv")
    assert (ended.status, ended.out) == (0, "") and len(shown) == 1 and isinstance(shown[0], Image.Image)
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 3


def test_a_camera_that_is_not_there_is_one_sentence():
    ended = run("webcam.py", MODEL, "--camera", "/dev/video77")
    assert ended.status == 2 and ended.err.count("\n") == 1
    assert ended.err.startswith("error: camera /dev/video77: there is no /dev/video77, expected a camera")


@pytest.mark.parametrize(
    ("system", "name", "source"),
    [
        ("linux", "0", ("/dev/video0", "v4l2")),
        ("linux", "/dev/video2", ("/dev/video2", "v4l2")),
        ("darwin", "1", ("1:none", "avfoundation")),
        ("win32", "HD Camera", ("video=HD Camera", "dshow")),
    ],
)
def test_cameras_have_the_names_of_their_system(system, name, source, monkeypatch):
    monkeypatch.setattr("sys.platform", system)
    assert camera.camera_source(name) == source


def frame(number):
    return Frame(number, float(number), Image.new("RGB", (2, 2)), number)


def test_frames_that_come_meanwhile_are_left_out():
    go_on, read = threading.Event(), threading.Event()

    def frames():
        yield frame(0)
        go_on.wait(60)
        yield from map(frame, range(1, 6))
        read.set()

    latest = camera._latest(frames())
    assert next(latest).number == 0
    go_on.set()
    read.wait(60)
    time.sleep(0.05)
    assert [seen.number for seen in latest] == [5]


def test_the_thread_that_reads_a_camera_closes_it():
    threads = []

    def frames():
        threads.append(threading.get_ident())
        try:
            yield from map(frame, itertools.count())
        finally:
            threads.append(threading.get_ident())

    latest = camera._latest(frames())
    next(latest)
    latest.close()
    assert threads[0] == threads[1] != threading.get_ident()


def test_an_error_of_the_camera_reaches_who_waits_for_a_frame():
    def frames():
        yield frame(0)
        raise FerKerasError("unplugged")

    latest = camera._latest(frames())
    with pytest.raises(FerKerasError, match="unplugged"):
        for _ in latest:
            pass


def test_without_a_display_there_is_no_window(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert window.open_window("title") is None
