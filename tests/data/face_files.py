"""Writers of small files in the formats that the readers know."""

import csv
import io
import zipfile

import numpy as np
from PIL import Image

from fer_keras.data.dataset import SPLIT_OF_USAGE
from fer_keras.data.synthetic import draw_faces
from fer_keras.labels import FER2013

FOLDER_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
USAGES = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}


def png(pixels, mode=None, kind="PNG"):
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(file, kind)
    return file.getvalue()


def text(pixels):
    return " ".join(map(str, pixels.ravel()))


def write_csv(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_fer2013(path, faces):
    """`faces` as fer2013.csv has them."""
    usages = {split: usage for usage, split in SPLIT_OF_USAGE.items()}
    rows = zip(faces.labels, map(text, faces.images), map(usages.get, faces.splits), strict=True)
    return write_csv(path, ["emotion", "pixels", "Usage"], rows)


def write_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def write_folder(path, members):
    for name, data in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def write_drawn_folder(path, classes, count, seed=0):
    """Drawn faces of some expressions as `<split>/<class>/<n>.png`, of which two thirds train, a sixth val and test."""
    labels = np.arange(count) % len(classes)
    images = draw_faces(np.array([FER2013.number(name) for name in classes])[labels], seed)[..., 0]
    splits = ["train", "train", "train", "train", "val", "test"]
    members = {
        f"{splits[number // len(classes) % 6]}/{classes[label]}/{number:04d}.png": png(image)
        for number, (label, image) in enumerate(zip(labels, images, strict=True))
    }
    return write_folder(path, members)
