"""How finders are timed, how `fer` is asked in an environment of its own, and what the table says of it."""

import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from fer_keras.errors import FerKerasError
from fer_keras.jobs import benchmark_faces
from fer_keras.jobs.timed_files import AskedProgram

STAND_INS = {
    "cv2.py": "def setNumThreads(count): assert count == 1",
    "fer/__init__.py": "",
    "fer/fer.py": "class FER: pass",
    "fer/classes.py": """
import cv2

class Video:
    def __init__(self, video_file, outdir):
        self.file = video_file

    def analyze(self, detector, output, save_video, annotate_frames, save_frames):
        print("chats on standard output")
        assert cv2.waitKey(1) == -1 and output == "pandas" and annotate_frames == save_video and not save_frames
        return [{"happy": 1.0}] * (len(self.file) + save_video)
""",
    "fer-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: fer\nVersion: 1.2\n",
}


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """What stands in for `fer` and OpenCV."""
    for name, text in STAND_INS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


PROGRAM = str(Path(benchmark_faces.__file__).with_name("fer_on_video.py"))


def test_fer_answers_one_video_after_the_other(environment):
    with closing(AskedProgram([sys.executable, "-P", PROGRAM], "fer")) as fer:
        assert fer.versions == {"fer": "1.2"}
        seconds, faces = benchmark_faces._ask(fer, Path("v.mp4"), copied=True)
        assert faces == 6 and 0 <= seconds < 1
        assert benchmark_faces._ask(fer, Path("v.mp4"), copied=False)[1] == 5


def test_a_python_without_fer_is_a_sentence(tmp_path):
    with (
        pytest.raises(FerKerasError, match=r"--fer-python .*python.*: fer cannot be run .*No module named"),
        benchmark_faces.video_ways("separable-88k", Path(sys.executable)),
    ):
        pass


def test_the_table_has_each_way_beside_the_same_way_of_fer():
    rows = [
        ("ours: rows", 1.0, 80.0, 70.0),
        ("ours: rows, detector at every third frame", 0.5, 160.0, 150.0),
        ("ours: rows and annotated copy", 1.0, 50.0, 49.0),
        ("fer 1.2: rows", 0.9, 40.0, 39.0),
    ]
    names = ["way", "faces", "frames_per_second", "frames_per_second_median"]
    lines = benchmark_faces.video_table(pd.DataFrame(rows, columns=names)).splitlines()
    assert lines[2:] == [
        "| ours: rows | 100% | 80 | 2.0 |",
        "| ours: rows, detector at every third frame | 50% | 160 | 4.0 |",
        "| ours: rows and annotated copy | 100% | 50 | - |",
        "| fer 1.2: rows | 90% | 40 | 1.0 |",
    ]


def test_each_finder_has_its_faces_and_its_times(monkeypatch):
    clock = iter([0, 9, 0, 9, 0, 2, 0, 1, 0, 4, 0, 3])  # before and after each turn
    monkeypatch.setattr(benchmark_faces, "time", SimpleNamespace(process_time=lambda: next(clock)))
    turns = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    table = benchmark_faces.benchmark_photo(iter(turns), {"a": lambda photo: 6, "b": lambda photo: photo.width})
    assert table.values.tolist() == [["a", 6, 2000.0, 3000.0], ["b", 1280, 1000.0, 2000.0]]
