"""The faces of a drawn video are followed: their ids, labels and boxes as they move, cross, leave and come back."""

import csv
import os
import signal
import subprocess
import sys
import time

import av
import numpy as np
import pytest
from command import ROOT, run
from drawn_video import HAPPY, SIDE, SURPRISED, read_sound, read_video, scene, write_video
from PIL import Image

MODEL = str(ROOT / "saved_models" / "separable-93k")
RATE = 20


def crossing():
    """4 s: happy goes right, and leaves at 3 s; surprised goes left below; happy is back, where he left, at 3.5 s."""
    pictures = []
    for step in range(4 * RATE):
        x = 4 * step
        placed = [(SURPRISED, 230 - 2.8 * step, 130)]
        if step < 3 * RATE:
            placed.insert(0, (HAPPY, x, 20))
        elif step >= 3.5 * RATE:
            placed.insert(0, (HAPPY, 225, 20))
        pictures.append(scene(*placed))
    return pictures


def gone(step, first, last):
    return first * RATE <= step < last * RATE


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "v.mp4", crossing(), rate=RATE, tone="aac")


def rows_of(path):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: value if name == "label" else float(value) for name, value in row.items()} for row in rows]


@pytest.fixture(scope="module")
def followed(video):
    folder = video.parent
    words = ["--csv", folder / "r.csv", "--plot", folder / "c.mp4", "--timeline", folder / "t.png"]
    ended = run("video.py", MODEL, video, *words)
    assert (ended.status, ended.out) == (0, ""), ended.err
    return rows_of(folder / "r.csv")


def of(rows, face):
    return [row for row in rows if row["face"] == face]


def test_each_face_keeps_its_id_while_they_pass_each_other(followed):
    assert {row["face"] for row in followed} == {1, 2}
    for row in followed:
        step = row["frame"]
        x, y = (4 * step if step < 60 else 225, 20) if row["face"] == 1 else (230 - 2.8 * step, 130)
        assert abs(row["x"] + row["width"] / 2 - x - SIDE / 2) < 12
        assert abs(row["y"] + row["height"] / 2 - y - SIDE / 2) < 12


def test_each_frame_has_a_row_for_each_face_that_is_there(followed):
    assert [row["frame"] for row in of(followed, 2)] == list(range(80))
    assert [row["frame"] for row in of(followed, 1)] == [*range(60), *range(70, 80)]
    np.testing.assert_allclose([row["seconds"] for row in of(followed, 2)], np.arange(80) / RATE, atol=1e-3)


def test_each_face_has_its_expression(followed):
    assert {row["label"] for row in of(followed, 1)} == {"happy"}
    assert {row["label"] for row in of(followed, 2)} == {"surprise"}
    for row in followed:
        assert sum(row[name] for name in ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")) == (
            pytest.approx(1, abs=1e-5)
        )


def test_the_annotated_copy_keeps_frames_and_sound_and_shows_boxes(followed, video):
    times, pictures = read_video(video.parent / "c.mp4")
    np.testing.assert_allclose(times, np.arange(80) / RATE, atol=1e-3)
    np.testing.assert_array_equal(read_sound(video.parent / "c.mp4"), read_sound(video))
    changed = np.abs(np.asarray(pictures[30], int) - np.asarray(crossing()[30], int)).max(axis=2) > 25
    for row in (row for row in followed if row["frame"] == 30):
        x, y, width, height = (int(row[name]) for name in ("x", "y", "width", "height"))
        assert changed[y + height // 2, x - 1 : x + 2].any()
        assert changed[y + height - 1 : y + height + 2, x + width // 2].any()
        assert not changed[y + height // 2 - 5 : y + height // 2 + 5, x + 20 : x + width - 20].any()


def test_the_timeline_is_a_picture(followed, video):
    with Image.open(video.parent / "t.png") as picture:
        assert picture.width == 1500 and picture.height > 500


def test_one_who_is_gone_for_longer_is_another(tmp_path):
    pictures = [scene((HAPPY, 100, 60)) if not gone(step, 1, 2.5) else scene() for step in range(4 * RATE)]
    path = write_video(tmp_path / "v.mp4", pictures, rate=RATE)
    assert run("video.py", MODEL, path, "--csv", tmp_path / "r.csv").status == 0
    rows = rows_of(tmp_path / "r.csv")
    assert [row["face"] for row in rows] == [1] * 20 + [2] * 30
    assert [row["frame"] for row in of(rows, 2)] == list(range(50, 80))


def test_a_change_of_expression_takes_the_time_constant(tmp_path):
    pictures = [scene((HAPPY if step < 20 else SURPRISED, 100, 60)) for step in range(2 * RATE)]
    path = write_video(tmp_path / "v.mp4", pictures, rate=RATE)
    labels = {}
    for smoothing in (0, 0.4):
        assert run("video.py", MODEL, path, "--csv", tmp_path / "r.csv", "--smoothing", smoothing).status == 0
        labels[smoothing] = [row["label"] for row in rows_of(tmp_path / "r.csv")]
    assert labels[0] == ["happy"] * 20 + ["surprise"] * 20
    first = labels[0.4].index("surprise")
    assert 22 <= first <= 28 and labels[0.4] == ["happy"] * first + ["surprise"] * (40 - first)


def test_options(video, tmp_path):
    words = [MODEL, video, "--every", 5, "--start", 1, "--end", 2, "--max-faces", 1, "--detect-every", 2]
    ended = run("video.py", *words, "--plot", tmp_path / "c.mp4")
    rows = list(csv.DictReader(ended.out.splitlines()))
    assert [(row["frame"], row["seconds"], row["face"]) for row in rows] == [
        (str(20 + 5 * step), f"{1 + 0.25 * step:.6f}", "1") for step in range(5)
    ]
    assert len(read_video(tmp_path / "c.mp4")[0]) == 21


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--end", 1, "--start", 2], "--end 1: expected more than --start 2"),
        (["--every", 0], "--every 0: expected a number from 1"),
        (["--plot", "c.gif"], "c.gif: expected a name that ends in .mp4"),
        (["--timeline", "t.pdf"], "t.pdf: expected a name that ends in .png or .svg"),
        (["another.mp4"], "another.mp4: expected one video, found 2"),
    ],
)
def test_a_wrong_option_is_one_sentence(words, sentence, video):
    ended = run("video.py", video, *words)
    assert ended.status == 2 and ended.err.startswith(f"error: {sentence}") and ended.err.count("\n") == 1


def test_a_damaged_video_keeps_what_came_before(tmp_path):
    pictures = [scene((HAPPY, 10 + step, 60)) for step in range(4 * RATE)]
    whole = write_video(tmp_path / "whole.mkv", pictures, rate=RATE).read_bytes()
    (tmp_path / "v.mkv").write_bytes(whole[: len(whole) // 2])
    ended = run("video.py", MODEL, tmp_path / "v.mkv", "--csv", tmp_path / "r.csv", "--plot", tmp_path / "c.mp4")
    assert ended.status == 1 and "it is truncated" in ended.err
    rows = rows_of(tmp_path / "r.csv")
    assert 3 < len(rows) == len(read_video(tmp_path / "c.mp4")[0]) < 70


def test_ctrl_c_leaves_whole_rows_and_a_playable_copy(tmp_path):
    pictures = [scene((HAPPY, 10 + step / 10, 60)) for step in range(400)]
    path = write_video(tmp_path / "v.mp4", pictures, rate=RATE)
    words = [MODEL, path, "--csv", tmp_path / "r.csv", "--plot", tmp_path / "c.mp4"]
    command = [sys.executable, "-m", "fer_keras", "video", *map(str, words)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    while not any(file.stat().st_size > 2000 for file in tmp_path.glob(".partial-*r.csv")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130 and "what was written is whole" in said
    rows = rows_of(tmp_path / "r.csv")
    assert 10 < len(rows) < 400 and [row["frame"] for row in rows] == list(range(len(rows)))
    assert len(read_video(tmp_path / "c.mp4")[0]) == len(rows)
    assert not list(tmp_path.glob(".partial-*"))


def test_memory_does_not_grow_with_length(tmp_path):
    """500 frames take no more than 50, to 20 MB; all of them decoded would be 115."""
    peaks = []
    for frames in (50, 500):
        path = write_video(tmp_path / f"{frames}.mp4", [scene((HAPPY, 100, 60))] * frames, rate=RATE)
        program = (
            "import resource, sys; from fer_keras.jobs.video import main; sys.argv = ['v', *sys.argv[1:]]; main();"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        words = [MODEL, path, "--csv", tmp_path / "r.csv", "--every", 10, "--timeline", tmp_path / "t.png"]
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        peaks.append(int(done.stdout.split()[-1]) / 1024)
    assert peaks[1] < peaks[0] + 20


def test_no_tensorflow_is_imported(video, tmp_path):
    program = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = sys.modules['cv2'] = None;"
        "from fer_keras import __main__; __main__.start()"
    )
    words = ["video", MODEL, str(video), "--end", "0.2", "--plot", str(tmp_path / "c.mp4")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1 + 2 * 5 and av.open(str(tmp_path / "c.mp4")).streams.video
