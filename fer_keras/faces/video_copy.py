"""A copy of a video with other pictures: its frame rate, time stamps and sound are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from fer_keras.errors import FerKerasError
from fer_keras.faces.video import Frame, Video
from fer_keras.files import replacing

if TYPE_CHECKING:
    import av

_ENCODERS = ("libx264", "libopenh264", "mpeg4")
"""The first that is there; all play in what plays .mp4."""

SUFFIXES = (".mp4", ".mov", ".mkv")


def require_video_name(path: Path) -> None:
    """Check that a video can be written to `path`.

    Raises:
        FerKerasError: its name has another ending than those of `SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise FerKerasError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}")


class VideoCopy:
    """An open copy; made by `open_copy`."""

    def __init__(self, container: "av.container.OutputContainer", video: Video, start: float) -> None:
        self._container, self._video, self._start = container, video, Fraction(start).limit_denominator(1_000_000)
        self._pictures: av.VideoStream | None = None
        self._sound: av.AudioStream | None = None
        self._last = -1
        self._is_copied = video.audio is not None and video.audio.codec.name in container.supported_codecs
        self._waiting: list[av.Packet] = []

    def write(self, frame: Frame, picture: Image.Image) -> None:
        """Add a picture, RGB, at the time of a frame; the first one decides the size."""
        import av

        if self._pictures is None:
            self._open(picture)
        new = av.VideoFrame.from_image(picture.crop((0, 0, self._pictures.width, self._pictures.height)))
        base = self._video.stream.time_base
        new.time_base = base
        new.pts = self._last = max(self._last + 1, frame.pts - round(self._start / base))
        self._container.mux(self._pictures.encode(new))

    def sound(self, packet: "av.Packet") -> None:
        """Add a packet of the video's sound."""
        if self._pictures is None:  # the file's header needs both
            self._waiting.append(packet)
            return
        shift = round(self._start / packet.time_base)
        if self._is_copied:
            packet.pts = packet.pts - shift
            packet.dts = packet.dts - shift if packet.dts is not None else packet.pts
            packet.stream = self._sound
            self._container.mux(packet)
            return
        for sound in packet.decode():
            sound.pts = None if sound.pts is None else sound.pts - shift
            self._container.mux(self._sound.encode(sound))

    def finish(self) -> None:
        """Write what the encoders still hold."""
        if self._pictures is not None:
            self._container.mux(self._pictures.encode(None))
            if self._sound is not None and not self._is_copied:
                self._container.mux(self._sound.encode(None))

    def _open(self, picture: Image.Image) -> None:
        import av

        name = next(encoder for encoder in _ENCODERS if encoder in av.codecs_available)
        stream = self._container.add_stream(name, rate=self._video.rate)
        stream.width, stream.height = (side // 2 * 2 for side in picture.size)  # colours are stored for 2x2 pixels
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = self._video.stream.time_base
        if name == "libx264":
            stream.options = {"preset": "veryfast", "crf": "20"}
        self._pictures = stream
        if self._is_copied:
            self._sound = self._container.add_stream_from_template(self._video.audio)
        elif self._video.audio is not None:
            self._sound = self._container.add_stream("aac", rate=self._video.audio.rate)
        for packet in self._waiting:
            self.sound(packet)
        self._waiting.clear()


@contextmanager
def open_copy(path: Path, video: Video, start: float = 0.0) -> Iterator[VideoCopy]:
    """Open a copy of `video` from `start`, in seconds, on; it is whole or absent, and playable wherever writing ends.

    Raises:
        FerKerasError: as `require_video_name`, or the encoder refuses the video.
    """
    import av

    require_video_name(path)
    with replacing(path) as partial:
        try:
            with av.open(str(partial), "w") as container:
                copy = VideoCopy(container, video, start)
                yield copy
                copy.finish()
        except av.error.FFmpegError as error:
            raise FerKerasError(f"{path}: cannot be written ({error.strerror or error})") from error
