"""A camera's frames as they come: only the latest one is kept, so that answers never lag behind."""

import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path

from fer_keras.errors import FerKerasError
from fer_keras.faces.video import Frame, open_video

_WANTED = {"framerate": "30", "video_size": "640x480"}


def camera_source(camera: str) -> tuple[str, str]:
    """Return what FFmpeg calls a camera on this system, and its format for cameras.

    Args:
        camera: a number, from 0 on, or a name: /dev/video0 on Linux, what the system's settings call it on Windows.
    """
    if sys.platform == "darwin":
        return f"{camera}:none", "avfoundation"
    if sys.platform == "win32":
        return f"video={camera}", "dshow"
    return (f"/dev/video{camera}" if camera.isdigit() else camera), "v4l2"


@contextmanager
def camera_frames(camera: str) -> Iterator[Iterator[Frame]]:
    """Open a camera and yield its frames; a frame's `seconds` count from the first one on.

    Raises:
        FerKerasError: there is no such camera, it is in use, or the package av is not installed.
    """
    source, format = camera_source(camera)
    if format == "v4l2" and not Path(source).exists():
        raise FerKerasError(f"camera {camera}: there is no {source}, expected a camera; --camera names another")
    try:
        with closing(_latest(_frames(source, format))) as frames:
            yield chain([next(frames)], frames)  # a camera that cannot be opened says so here
    except FerKerasError as error:
        raise FerKerasError(f"camera {camera}: {error}") from error


def _frames(source: str, format: str) -> Generator[Frame, None, None]:
    with open_video(source, format, _WANTED) as video:
        yield from video.items()


def _latest(frames: Generator[Frame, None, None]) -> Generator[Frame]:
    """Read frames in a thread of their own and yield the latest one whenever the next is asked for.

    The thread closes them too: FFmpeg crashes where one thread closes what another reads.
    """
    new, slot, ended = threading.Condition(), [], []

    def read() -> None:
        error: BaseException | None = None
        try:
            with closing(frames):
                for frame in frames:
                    with new:
                        if ended:
                            return
                        slot[:] = [(frame, time.monotonic())]
                        new.notify()
        except Exception as caught:  # handed to who asks for the next frame
            error = caught
        with new:
            ended.append(error)
            new.notify()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    begin: float | None = None
    try:
        while True:
            with new:
                new.wait_for(lambda: slot or ended)
                if not slot:
                    if ended[0]:
                        raise ended[0]
                    return
                frame, seen = slot.pop()
            begin = seen if begin is None else begin
            yield frame._replace(seconds=seen - begin)
    finally:
        with new:
            ended.append(None)
        with suppress(RuntimeError):
            reader.join(timeout=2.0)  # so that the next to ask finds the camera free
