"""Videos read frame by frame, with the time stamps and the rotation that they were recorded with.

PyAV brings FFmpeg's libraries in its wheels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from fer_keras.errors import FerKerasError, not_installed

if TYPE_CHECKING:
    import av

_TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}
_EARLY = 1.0
"""Seconds by which the last frame may come before the end that a file promises."""


class Frame(NamedTuple):
    """A frame of a video.

    Attributes:
        number: from 0 on, of all frames of the video.
        seconds: its time stamp.
        picture: RGB, upright.
        pts: its time stamp in the stream's `time_base`.
    """

    number: int
    seconds: float
    picture: Image.Image
    pts: int


class Video:
    """An open video; made by `open_video`.

    Attributes:
        path: the file.
        stream: its pictures.
        audio: its sound; None without.
        seconds: its length; None where that is not known.
    """

    def __init__(self, path: Path, container: "av.container.InputContainer") -> None:
        self.path, self._container = path, container
        self.stream = container.streams.video[0]
        self.stream.thread_type = "AUTO"
        self.audio = container.streams.audio[0] if container.streams.audio else None
        self.seconds = container.duration / 1e6 if container.duration else None

    @property
    def rate(self) -> Fraction:
        """Frames a second, on average."""
        return self.stream.average_rate or self.stream.guessed_rate or Fraction(25)

    def frame_count(self, start: float, end: float | None) -> int:
        """Return about how many frames lie between two times in seconds; 0 where the length is not known."""
        last = self.seconds if end is None else min(end, self.seconds or end)
        return 0 if last is None else max(0, round((last - start) * float(self.rate)))

    def items(self, start: float = 0.0, end: float | None = None) -> Iterator["Frame | av.Packet"]:
        """Yield the frames from `start` to `end`, in seconds, and between them the packets of the sound.

        Raises:
            FerKerasError: the file is damaged, or ends long before it should.
        """
        with _sentences(self.path):
            number, last = 0, 0.0
            for packet in self._container.demux([stream for stream in (self.stream, self.audio) if stream]):
                if packet.stream is self.audio:
                    if packet.pts is not None and _lies_in(float(packet.pts * packet.time_base), start, end):
                        yield packet
                    continue
                for frame in packet.decode():
                    last = float(frame.time) if frame.time is not None else float(number / self.rate)
                    if end is not None and last > end:
                        return
                    if _lies_in(last, start, end):
                        pts = round(last / self.stream.time_base) if frame.pts is None else frame.pts
                        yield Frame(number, last, _upright(frame), pts)
                    number += 1
        if not number:
            raise FerKerasError(f"{self.path}: holds not one whole frame, expected a video")
        if self.seconds and last + 1.0 / float(self.rate) < self.seconds - _EARLY:
            raise FerKerasError(
                f"{self.path}: ends after {last:.1f} seconds, expected {self.seconds:.1f}: it is truncated"
            )


@contextmanager
def open_video(source: str | Path, format: str | None = None, options: dict[str, str] | None = None) -> Iterator[Video]:
    """Open a video file, or with a `format` of FFmpeg's devices a camera.

    Raises:
        FerKerasError: there is no such file, it is no video, it has no pictures, or nothing here can decode it; or the
            package av is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise not_installed(error) from error
    path = Path(source)
    if format is None:
        _check_file(path)
    with _sentences(path), av.open(str(source), format=format, options=options or {}) as container:
        if not container.streams.video:
            kind = "only sound" if container.streams.audio else "no pictures"
            raise FerKerasError(f"{path}: holds {kind}, expected a video")
        if container.streams.video[0].codec_context is None:
            raise FerKerasError(f"{path}: nothing here decodes its pictures, expected H.264, HEVC, VP9 or AV1")
        yield Video(path, container)


def _lies_in(seconds: float, start: float, end: float | None) -> bool:
    """Say whether a time is asked for; what an encoder puts before 0, as AAC's does, belongs to the beginning."""
    return (start <= 0 or seconds >= start) and (end is None or seconds <= end)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise FerKerasError(f"{path}: there is no such file, expected a video")
    if not path.stat().st_size:
        raise FerKerasError(f"{path}: is empty, expected a video")


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Make one sentence of FFmpeg's errors."""
    import av

    try:
        yield
    except (av.error.DecoderNotFoundError, av.codec.codec.UnknownCodecError) as error:
        raise FerKerasError(f"{path}: nothing here decodes it ({error})") from error
    except av.error.FFmpegError as error:
        reason = error.strerror or error
        raise FerKerasError(f"{path}: cannot be read as a video ({reason}), it may be truncated") from error


def _upright(frame: "av.VideoFrame") -> Image.Image:
    picture = frame.to_image()
    turn = _TURNS.get(round(frame.rotation / 90) * 90 % 360)
    return picture if turn is None else picture.transpose(turn)
