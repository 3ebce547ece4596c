"""The Kaggle archive, a zip or a folder: `<split>/<class>/<id>.png|jpg`."""

import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image

from fer_keras.data.archive import Archive, printable
from fer_keras.data.dataset import SPLIT_OF_USAGE, SPLITS, FaceData
from fer_keras.data.image import MAX_IMAGE_BYTES, decode_face
from fer_keras.errors import FerKerasError
from fer_keras.labels import CLASS_ALIASES, CLASSES, IMAGE_SHAPE

SPLIT_OF_PREFIX: dict[str, str] = {f"{usage}_": split for usage, split in SPLIT_OF_USAGE.items()}
"""How FER2013's image names start; it decides, whatever the folder."""

SPLIT_OF_FOLDER: dict[str, str] = {
    "train": "train",
    "test": "test",
    "public_test": "public_test",
    "publictest": "public_test",
    "private_test": "private_test",
    "privatetest": "private_test",
}
"""The split's folder (lower case) -> the split of images without such a prefix."""

LAYOUT = "<split>/<class>/<image>.png or .jpg, <split> being train or test"

_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")


class _Face(NamedTuple):
    """One image, in the order that sorts a FaceData: the archive's own order must not matter."""

    split: int
    stem: str
    label: int
    member: str


def holds_faces(names: Iterable[str]) -> bool:
    """Say whether an archive with these members has folders of classes inside folders of splits."""
    names = list(names)
    depth = _wrapping_depth(names)
    return any(len(name.split("/")) - depth >= 3 for name in names)


def read_folder(archive: Archive, resize: bool = False) -> tuple[FaceData, list[str]]:
    """Read the images of an archive, straight from the zip if it is one.

    Rows are sorted by (split in the order of `SPLITS`, file name without its ending, class), so a zip
    and the folder it unpacks to give the same rows. That file name is the id; where an archive uses it
    more than once, the ids are the paths `train/angry/1.png`. Folders that wrap everything are skipped.

    Returns:
        The faces, and what should be said about them: one sentence if some were in colour.

    Raises:
        FerKerasError: a folder is no split or no class, or a member of a class's folder is no image
            of 48x48 pixels (of any size, with `resize`).
    """
    faces, depth = _find_faces(archive)
    images = np.empty((len(faces), *IMAGE_SHAPE), np.uint8)
    coloured = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for row, face in enumerate(faces):
            data = archive.read(face.member, MAX_IMAGE_BYTES)
            pixels, colour = decode_face(data, archive.where(face.member), resize)
            images[row, :, :, 0] = pixels
            if colour:
                coloured.append(face.member)
    notes = []
    if coloured:
        notes.append(f"images in colour, converted to grey: {len(coloured)} (the first is {printable(coloured[0])})")
    uses = Counter(face.stem for face in faces)
    ids = [face.stem if uses[face.stem] == 1 else _strip(face.member, depth) for face in faces]
    labels = np.array([face.label for face in faces], np.int64)
    splits = [SPLITS[face.split] for face in faces]
    return FaceData.create(images, labels, ids, splits, archive.path.resolve().name), notes


def _strip(name: str, depth: int) -> str:
    return "/".join(name.split("/")[depth:])


def _wrapping_depth(names: list[str]) -> int:
    """The number of folders, one inside the other, that hold everything and are no split."""
    depth = 0
    while True:
        tops = {parts[depth] for name in names if len(parts := name.split("/")) > depth + 1}
        if len(tops) != 1 or tops.pop().lower() in SPLIT_OF_FOLDER:
            return depth
        depth += 1


def _find_faces(archive: Archive) -> tuple[list[_Face], int]:
    depth = _wrapping_depth(list(archive.sizes))
    faces = []
    for name in archive.sizes:
        parts = name.split("/")[depth:]
        if len(parts) <= 1 and PurePosixPath(name).suffix.lower() not in _IMAGE_SUFFIXES:
            continue  # a README, a licence
        faces.append(_place(parts, name, archive.where(name)))
    return sorted(faces), depth


def _place(parts: list[str], member: str, where: str) -> _Face:
    if len(parts) >= 2 and parts[0].lower() not in SPLIT_OF_FOLDER:
        expected = ", ".join(SPLIT_OF_FOLDER)
        raise FerKerasError(f"{where}: '{printable(parts[0])}' is no folder of a split, expected one of {expected}")
    if len(parts) != 3:
        raise FerKerasError(f"{where}: expected {LAYOUT}")
    folder, class_name, file = parts
    if class_name.lower() not in CLASS_ALIASES:
        expected = ", ".join(CLASSES)
        raise FerKerasError(f"{where}: '{printable(class_name)}' is no class, expected one of {expected}")
    split = SPLIT_OF_FOLDER[folder.lower()]
    for prefix, prefix_split in SPLIT_OF_PREFIX.items():
        if file.startswith(prefix):
            split = prefix_split
    return _Face(SPLITS.index(split), PurePosixPath(file).stem, CLASS_ALIASES[class_name.lower()], member)
