"""Pictures and videos of drawn faces, for the page and for the package."""

import io

import numpy as np
from PIL import Image

from fer_keras.data.synthetic import draw_faces
from fer_keras.labels import FER2013

RATE, FRAMES = 10, 20
"""Of the video file."""


def drawn_face(expression, seed, side=240):
    """A drawn face, enlarged; grey."""
    face = draw_faces(np.arange(len(FER2013)), seed=seed)[FER2013.number(expression)]
    return Image.fromarray(face[..., 0]).resize((side, side), Image.Resampling.BICUBIC)


def scene(*placed, size=(640, 480)):
    """A picture of faces at places: `placed` are (face, (x, y))."""
    picture = Image.new("RGB", size, (110, 118, 126))
    for face, place in placed:
        picture.paste(face.convert("RGB"), place)
    return picture


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def upload(name, data, kind="image/png"):
    return {"name": name, "mimeType": kind, "buffer": data}


def write_y4m(path, frames, rate=15):
    """Write RGB pictures as a video without compression, which Chromium's fake camera plays in a loop."""
    width, height = frames[0].size
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in frames:
            luma, blue, red = frame.convert("YCbCr").split()
            half = (width // 2, height // 2)
            file.write(b"FRAME\n" + luma.tobytes())
            file.write(blue.resize(half).tobytes() + red.resize(half).tobytes())
    return path
