"""What finding faces in a photo costs, beside Haar's detector where OpenCV has it, and what a video costs.

Times are those of the processor, which other work on the machine adds little to.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import get_data_path
from PIL import Image, ImageOps

from fer_keras import load
from fer_keras.evaluation.tables import NONE, table
from fer_keras.faces.finder import NETWORKS_FOR, FaceFinder
from fer_keras.faces.following import FaceFollower
from fer_keras.faces.video import Frame, open_video
from fer_keras.faces.video_copy import open_copy
from fer_keras.jobs.benchmark import turns
from fer_keras.jobs.timed_files import AskedProgram
from fer_keras.jobs.video_rows import annotated

PHOTO_SIZE = (1280, 886)
VIDEO_SIZE = (640, 480)
_HEAD = (92, 41, 440, 389)
"""Of matplotlib's portrait, which is in the public domain."""
_HEADS = {(60, 80): 330, (430, 60): 290, (800, 100): 250, (1090, 60): 170, (500, 480): 210, (900, 520): 140}
"""Left and top -> side in pixels."""
_GREY = (96, 120, 110)
_FRAMES = 150

Finder = Callable[[Image.Image], int]


def group_photo() -> Image.Image:
    """Return a photo of 1280x886 with six faces, of 92 to 216 pixels."""
    photo = Image.effect_noise(PHOTO_SIZE, 20).convert("RGB")
    for place, side in _HEADS.items():
        photo.paste(_head(side), place)
    return photo


def _head(side: int) -> Image.Image:
    with Image.open(Path(get_data_path(), "sample_data", "grace_hopper.jpg")) as portrait:
        return portrait.convert("RGB").crop(_HEAD).resize((side, side))


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def haar() -> Finder | None:
    """Return Haar's detector with the settings that this project had for it; None without an OpenCV that has it."""
    try:
        import cv2

        detector = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades, "haarcascade_frontalface_default.xml")))
    except (ImportError, AttributeError):  # 5 has no cascades
        return None
    cv2.setNumThreads(1)

    def find(photo: Image.Image) -> int:
        grey = ImageOps.equalize(ImageOps.contain(photo.convert("L"), (800, 800)))
        smallest = max(24, round(0.04 * max(grey.size)))
        sizes = {"scaleFactor": 1.1, "minNeighbors": 8, "minSize": (smallest, smallest)}
        return len(detector.detectMultiScale(np.asarray(grey), **sizes))

    return find


def named_finders() -> dict[str, Finder]:
    """Return name -> how many faces it finds in a photo: our networks, and Haar's detector where it can be had."""
    ours = {
        "BlazeFace, both networks and tiles": FaceFinder(),
        "BlazeFace, both networks": FaceFinder(tiles=False),
        "BlazeFace, full range": FaceFinder(("full",), tiles=False),
        "BlazeFace, short range": FaceFinder(("short",), tiles=False),
    }
    # Each lambda keeps its own finder.
    counts: dict[str, Finder] = {name: lambda photo, f=finder: len(f.find(photo)) for name, finder in ours.items()}
    cascade = haar()
    if cascade is None:
        print("Haar is left out: there is no opencv-python-headless below 5")
        return counts
    return {**counts, "Haar cascade": cascade}


def _seconds(turns: Iterator[tuple[int, int]], work: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Seconds of the processor, one core, that each says it took, in every round but the first, which warms up."""
    names = list(work)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    with one_core():
        for number, place in turns:
            taken = work[names[place]]()
            if number:
                seconds[names[place]].append(taken)
    return seconds


def benchmark_photo(turns: Iterator[tuple[int, int]], finders: dict[str, Finder]) -> pd.DataFrame:
    """Time finders on one photo and one core.

    Returns:
        A row a finder: `finder`, `faces` found of the photo's six, `milliseconds` of the processor in the
        fastest round and in the median one, `milliseconds_median`.
    """
    photo = group_photo()
    faces = {name: find(photo) for name, find in finders.items()}
    seconds = _seconds(turns, {name: partial(_timed, find, photo) for name, find in finders.items()})
    rows = [(name, faces[name], 1000 * min(times), 1000 * np.median(times)) for name, times in seconds.items()]
    return pd.DataFrame(rows, columns=["finder", "faces", "milliseconds", "milliseconds_median"]).round(2)


def _timed(find: Finder, photo: Image.Image) -> float:
    start = time.process_time()
    find(photo)
    return time.process_time() - start


def drawn_video(path: Path) -> None:
    """Write a video of 640x480 in which one face moves."""
    import av

    head = _head(200)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(30))
        stream.width, stream.height = VIDEO_SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(_FRAMES):
            picture = Image.new("RGB", VIDEO_SIZE, _GREY)
            picture.paste(head, (60 + 2 * number, 140))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode(None))


VideoWay = Callable[[Path], tuple[float, int]]
"""A video -> the seconds of the processor that its faces took, and how many frames had one."""


@contextmanager
def video_ways(model: str, fer_python: Path | None) -> Iterator[dict[str, VideoWay]]:
    """Yield what is made of a video, by name: ours, and `fer`'s where a Python that has it is named."""
    ours = {
        f"{model}: rows": (1, False),
        f"{model}: rows, detector at every third frame": (3, False),
        f"{model}: rows and annotated copy": (1, True),
    }
    ways = {name: partial(_watch, model=model, detect_every=every, copied=copy) for name, (every, copy) in ours.items()}
    if fer_python is None:
        yield ways
        return
    command = [str(fer_python), "-P", "-W", "ignore", str(Path(__file__).with_name("fer_on_video.py"))]
    with closing(AskedProgram(command, f"--fer-python {fer_python}: fer cannot be run")) as fer:
        name = f"fer {fer.versions['fer']}"
        for end, copy in (("rows", False), ("rows and annotated copy", True)):
            ways[f"{name}: {end}"] = partial(_ask, fer, copied=copy)
        yield ways


def _ask(fer: AskedProgram, source: Path, copied: bool) -> tuple[float, int]:
    answer = fer.ask(video=str(source), copy=copied)
    return answer["seconds"], answer["faces"]


def benchmark_video(rounds: int, model: str, fer_python: Path | None = None) -> pd.DataFrame:
    """Time the way of a video of one face from the file to the answers, on one core, all ways in every round.

    Args:
        rounds: counted ones.
        model: name or path of a model.
        fer_python: a Python that can import the package `fer`; it is measured too.

    Returns:
        A row a way: `way`, `faces`, the share of frames in which it saw one, `frames_per_second` of the processor in
        the fastest round and in the median one, `frames_per_second_median`.
    """
    seen: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder, one_core(), video_ways(model, fer_python) as ways:
        source = Path(folder, "v.mp4")
        drawn_video(source)

        def go(name: str) -> float:
            seconds, seen[name] = ways[name](source)
            return seconds

        seconds = _seconds(turns(len(ways), rounds), {name: partial(go, name) for name in ways})
    rows = [
        (name, seen[name] / _FRAMES, _FRAMES / min(times), _FRAMES / np.median(times))
        for name, times in seconds.items()
    ]
    return pd.DataFrame(rows, columns=["way", "faces", "frames_per_second", "frames_per_second_median"]).round(2)


def video_table(results: pd.DataFrame) -> str:
    """Return the results of `benchmark_video` as a Markdown table, beside `fer`'s same way where it was measured."""
    speeds = dict(zip(results["way"], results["frames_per_second"], strict=True))
    fer = {way.partition(": ")[2]: speed for way, speed in speeds.items() if way.startswith("fer ")}
    lines = []
    for way, faces, speed, _ in results.itertuples(index=False):
        beside = fer.get(way.partition(": ")[2].partition(",")[0])
        lines.append((way, f"{faces:.0%}", f"{speed:.0f}", f"{speed / beside:.1f}" if beside else NONE))
    return table(("", "frames with the face", "frames a second", "times as fast as fer"), lines)


def _watch(source: Path, model: str, detect_every: int, copied: bool) -> tuple[float, int]:
    start, seen = time.process_time(), 0
    follower = FaceFollower(load(model), FaceFinder(NETWORKS_FOR["video"], tiles=False), detect_every=detect_every)
    with ExitStack() as stack:
        video = stack.enter_context(open_video(source))
        copy = stack.enter_context(open_copy(source.with_name("copy.mp4"), video)) if copied else None
        for frame in (item for item in video.items() if isinstance(item, Frame)):
            faces = follower.follow(frame.picture, frame.seconds)
            seen += bool(faces)
            if copy:
                copy.write(frame, annotated(frame.picture, faces))
    return time.process_time() - start, seen
