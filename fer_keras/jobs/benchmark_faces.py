"""What finding faces in a photo costs, beside Haar's detector where OpenCV has it, and what a video costs.

Times are those of the processor, which other work on the machine adds little to.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import get_data_path
from PIL import Image, ImageOps

from fer_keras import load
from fer_keras.faces.finder import FaceFinder
from fer_keras.faces.following import FaceFollower
from fer_keras.faces.video import Frame, open_video
from fer_keras.faces.video_copy import open_copy
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


def _seconds(turns: Iterator[tuple[int, int]], work: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Seconds of the processor, one core, that each takes in every round but the first, which warms up."""
    names = list(work)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    with one_core():
        for number, place in turns:
            start = time.process_time()
            work[names[place]]()
            if number:
                seconds[names[place]].append(time.process_time() - start)
    return seconds


def benchmark_photo(turns: Iterator[tuple[int, int]], finders: dict[str, Finder]) -> pd.DataFrame:
    """Time finders on one photo and one core.

    Returns:
        A row a finder: `finder`, `faces` found of the photo's six, `milliseconds` of the processor in the
        fastest round and in the median one, `milliseconds_median`.
    """
    photo = group_photo()
    faces = {name: find(photo) for name, find in finders.items()}
    seconds = _seconds(turns, {name: partial(find, photo) for name, find in finders.items()})
    rows = [(name, faces[name], 1000 * min(times), 1000 * np.median(times)) for name, times in seconds.items()]
    return pd.DataFrame(rows, columns=["finder", "faces", "milliseconds", "milliseconds_median"]).round(2)


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


VIDEO_WAYS = {
    "rows": (1, False),
    "rows, detector at every third frame": (3, False),
    "rows and annotated copy": (1, True),
}
"""What is made of a video -> the detector's frames, and whether a copy is written."""


def benchmark_video(turns: Iterator[tuple[int, int]], model: str) -> pd.DataFrame:
    """Time the way of a video of one face from the file to the answers, on one core.

    Returns:
        A row a way: `way`, `frames_per_second` of the processor in the fastest round and in the median one,
        `frames_per_second_median`.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "v.mp4")
        drawn_video(source)
        work = {name: partial(_watch, source, model, *way) for name, way in VIDEO_WAYS.items()}
        seconds = _seconds(turns, work)
    rows = [(name, _FRAMES / min(times), _FRAMES / np.median(times)) for name, times in seconds.items()]
    return pd.DataFrame(rows, columns=["way", "frames_per_second", "frames_per_second_median"]).round(1)


def _watch(source: Path, model: str, detect_every: int, copied: bool) -> None:
    follower = FaceFollower(load(model), FaceFinder(("full", "short"), tiles=False), detect_every=detect_every)
    with open_video(source) as video:
        frames = (item for item in video.items() if isinstance(item, Frame))
        if not copied:
            for frame in frames:
                follower.follow(frame.picture, frame.seconds)
            return
        with open_copy(source.with_name("copy.mp4"), video) as copy:
            for frame in frames:
                copy.write(frame, annotated(frame.picture, follower.follow(frame.picture, frame.seconds)))
