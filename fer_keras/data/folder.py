"""An archive of pictures, a zip, a tar or a folder: `<split>/<class>/<id>.png`."""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image

from fer_keras.data.archive import Archive, printable
from fer_keras.data.class_names import (
    CLASSES_FILE,
    MAX_CLASSES_FILE,
    ClassNames,
    Names,
    UnknownClassError,
    classes_of,
    read_names,
)
from fer_keras.data.face_data import SPLIT_OF_NAME, SPLIT_OF_USAGE, SPLITS, FaceData
from fer_keras.data.image import MAX_IMAGE_BYTES, decode_picture, is_picture
from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE

LAYOUT = "<split>/<class>/<image>.png or .jpg, <split> being train, val or test"


class _Member(NamedTuple):
    """A picture: the parts of its path below the wrapping folders, and its whole name."""

    folder: str
    word: str
    file: str
    name: str


class _Face(NamedTuple):
    """One image, in the order that sorts a FaceData: the archive's own order must not matter."""

    split: int
    stem: str
    label: int
    member: str


def holds_faces(names: Iterable[str]) -> bool:
    """Say whether an archive with these members has folders of pictures inside folders of splits."""
    names = list(names)
    depth = wrapping_depth(names)
    return any(is_picture(name) and name.count("/") >= depth + 2 for name in names)


def read_folder(archive: Archive, resize: bool = False, names: Names | None = None) -> tuple[FaceData, list[str]]:
    """Read the images of an archive, straight from the zip if it is one.

    Rows are sorted by (split in the order of `SPLITS`, file name without its ending, class), so a zip
    and the folder it unpacks to give the same rows. That file name is the id; where an archive uses it
    more than once, the ids are the paths `train/angry/1.png`. Folders that wrap everything are skipped.

    Args:
        archive: the zip, tar or folder.
        resize: accept images of any size.
        names: the classes, as `fer_keras.data.class_names.classes_of`; default: those of a classes.json at the root,
            else the folders' own.

    Returns:
        The faces, and what should be said about them, a sentence each.

    Raises:
        FerKerasError: a folder is no split or no class, or a picture in a class's folder is damaged or not
            of 48x48 pixels (of any size, with `resize`).
    """
    depth = wrapping_depth(archive.sizes)
    members, left_out = _find_members(archive, depth)
    if not members:
        raise FerKerasError(f"{archive.path}: holds no faces, expected {LAYOUT}")
    classes = _classes(archive, members, names or names_in(archive, depth))
    contradicting: list[str] = []
    faces = sorted(_place(member, classes, contradicting) for member in members)
    images, notes = decode_members(archive, [face.member for face in faces], resize)
    uses = Counter(face.stem for face in faces)
    ids = [face.stem if uses[face.stem] == 1 else face.member.split("/", depth)[-1] for face in faces]
    labels = np.array([face.label for face in faces], np.int64)
    splits = [SPLITS[face.split] for face in faces]
    notes = [
        *classes.notes,
        *notes,
        *counted("images whose names say another split than their folder, which wins", sorted(contradicting)),
        *counted("files left out, which are no pictures", sorted(left_out)),
    ]
    source = archive.path.resolve().name
    return FaceData.create(images, labels, ids, splits, source, label_set=classes.label_set), notes


def counted(what: str, members: Sequence[str]) -> list[str]:
    """Return a sentence about members that says how many they are; none where there are none."""
    return [f"{what}: {len(members)} (the first is {printable(members[0])})"] if members else []


def decode_members(archive: Archive, members: Sequence[str], resize: bool) -> tuple[np.ndarray, list[str]]:
    """Return the images of some members, uint8 [N, 48, 48, 1], and what should be said about them.

    Raises:
        FerKerasError: one is damaged, or not of 48x48 pixels (of any size, with `resize`).
    """
    images = np.empty((len(members), *IMAGE_SHAPE), np.uint8)
    coloured, moving = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for row, member in enumerate(members):
            picture = decode_picture(archive.read(member, MAX_IMAGE_BYTES), archive.where(member), resize)
            images[row, :, :, 0] = picture.face
            coloured += [member] * picture.colour
            moving += [member] * picture.moving
    notes = counted("images in colour, converted to grey", coloured)
    return images, notes + counted("pictures of several frames, the first of each read", moving)


def wrapping_depth(names: Iterable[str]) -> int:
    """Return the number of folders, one inside the other, that hold everything and are no split."""
    folders = {tuple(name.split("/")[:-1]) for name in names} - {()}
    depth = 0
    while True:
        tops = {parts[depth] for parts in folders if len(parts) > depth}
        if len(tops) != 1 or tops.pop().lower() in SPLIT_OF_NAME:
            return depth
        depth += 1


def _find_members(archive: Archive, depth: int) -> tuple[list[_Member], list[str]]:
    """The pictures, and the other files inside folders."""
    members, left_out = [], []
    for name in archive.sizes:
        parts = name.split("/")[depth:]
        if not is_picture(name):
            if len(parts) > 1:  # else a README, a licence
                left_out.append(name)
            continue
        where = archive.where(name)
        if len(parts) >= 2 and parts[0].lower() not in SPLIT_OF_NAME:
            expected = ", ".join(SPLIT_OF_NAME)
            raise FerKerasError(f"{where}: '{printable(parts[0])}' is no folder of a split, expected one of {expected}")
        if len(parts) != 3:
            raise FerKerasError(f"{where}: expected {LAYOUT}")
        members.append(_Member(*parts, name))
    return members, left_out


def names_in(archive: Archive, depth: int) -> Names | None:
    """Return what a classes.json says, at the root of an archive or below the folders that wrap everything.

    Raises:
        FerKerasError: it is none.
    """
    for name in sorted(archive.sizes, key=len, reverse=True):
        if name == CLASSES_FILE or name.split("/")[depth:] == [CLASSES_FILE]:
            return read_names(archive.read(name, MAX_CLASSES_FILE), archive.where(name))
    return None


def _classes(archive: Archive, members: list[_Member], names: Names | None) -> ClassNames:
    try:
        return classes_of((member.word for member in members), names)
    except UnknownClassError as error:
        first = min(member.name for member in members if member.word == error.word)
        raise FerKerasError(f"{archive.where(first)}: {error}") from error
    except FerKerasError as error:
        raise FerKerasError(f"{archive.path}: {error}") from error


def _place(member: _Member, classes: ClassNames, contradicting: list[str]) -> _Face:
    """The folder says the split; FER2013's own names say which of its tests an image in `test` is of."""
    split = SPLIT_OF_NAME[member.folder.lower()]
    said = next((part for usage, part in SPLIT_OF_USAGE.items() if member.file.startswith(f"{usage}_")), split)
    if split == "test" and said in ("public_test", "private_test"):
        split = said
    elif said != split and (split, said) != ("val", "train"):  # validation images are often training images
        contradicting.append(member.name)
    return _Face(SPLITS.index(split), PurePosixPath(member.file).stem, classes.numbers[member.word], member.name)
