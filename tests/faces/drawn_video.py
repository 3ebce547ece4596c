"""Videos of drawn faces that move: BlazeFace finds them, and the shipped students know these two expressions."""

from fractions import Fraction

import av
import numpy as np
from PIL import Image

from fer_keras.data.synthetic import draw_faces

SIZE = (320, 240)
SIDE = 90
BACKGROUND = 120
TIME_BASE = Fraction(1, 1000)


FACES = draw_faces(np.arange(109) % 7, 3)


def drawn_face(number, side=SIDE):
    """The face of a number, enlarged: 108 is happy, 103 surprised."""
    return Image.fromarray(FACES[number, ..., 0]).resize((side, side))


HAPPY, SURPRISED = drawn_face(108), drawn_face(103)


def scene(*placed, size=SIZE):
    """A picture with faces in it: (face, left, top), the last in front."""
    picture = Image.new("RGB", size, (BACKGROUND,) * 3)
    for face, left, top in placed:
        picture.paste(face, (round(left), round(top)))
    return picture


def write_video(path, pictures, times=None, rate=20, turned=0, tone=None):
    """Write pictures at `times` in milliseconds, or evenly; `tone` is the codec of a second of sound, of 440 Hz."""
    times = times if times is not None else [round(1000 * number / rate) for number in range(len(pictures))]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        if turned:
            stream.set_display_rotation(turned)
        sound = container.add_stream(tone, rate=44100) if tone else None
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = time, TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            write_tone(container, sound)
    return path


def write_tone(container, stream, seconds=1.0):
    wave = (0.3 * np.sin(2 * np.pi * 440 * np.arange(int(44100 * seconds)) / 44100)).astype(np.float32)
    for start in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[np.newaxis, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def read_video(path):
    """Times in seconds and pictures of a file."""
    with av.open(str(path)) as container:
        frames = [(float(frame.time), frame.to_image()) for frame in container.decode(video=0)]
    return [time for time, _ in frames], [picture for _, picture in frames]


def read_sound(path):
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate([frame.astype(np.float32).mean(0) for frame in frames])
