"""An archive of pictures, a zip, a tar or a folder: `<split>/<class>/<id>.png`."""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image

from fer_keras.data.archive import Archive, printable
from fer_keras.data.class_names import Names, classes_of, names_in
from fer_keras.data.face_data import SPLIT_OF_NAME, SPLIT_OF_USAGE, SPLITS, FaceData
from fer_keras.data.image import MAX_IMAGE_BYTES, decode_picture, is_picture
from fer_keras.errors import FerKerasError
from fer_keras.labels import IMAGE_SHAPE

LAYOUT = "<split>/<class>/<image>.png or .jpg, <split> being train, val or test"


class _Face(NamedTuple):
    """One image, in the order that sorts a FaceData: the archive's own order must not matter."""

    split: int
    stem: str
    word: str
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

    The classes are `names`, as `classes_of`; by default those of a classes.json at the root, else the folders' own.

    Returns:
        The faces, and what should be said about them, a sentence each.

    Raises:
        FerKerasError: a folder is no split or no class, or a picture in a class's folder is damaged or not
            of 48x48 pixels (of any size, with `resize`).
    """
    depth = wrapping_depth(archive.sizes)
    pictures = sorted(filter(is_picture, archive.sizes))
    if not pictures:
        raise FerKerasError(f"{archive.path}: holds no faces, expected {LAYOUT}")
    contradicting: list[str] = []
    faces = [_face(archive, name, depth, contradicting) for name in pictures]
    names = names or names_in(archive, depth)
    try:
        classes = classes_of((face.word for face in faces), names)
    except FerKerasError as error:
        wrong = (archive.where(face.member) for face in faces if face.word == getattr(error, "word", None))
        raise FerKerasError(f"{next(wrong, archive.path)}: {error}") from error
    faces.sort(key=lambda face: (face.split, face.stem, classes.numbers[face.word], face.member))
    images, notes = decode_members(archive, [face.member for face in faces], resize)
    uses = Counter(face.stem for face in faces)
    ids = [face.stem if uses[face.stem] == 1 else face.member.split("/", depth)[-1] for face in faces]
    labels = np.array([classes.numbers[face.word] for face in faces], np.int64)
    splits = [SPLITS[face.split] for face in faces]
    inside = [name for name in sorted({*archive.sizes} - {*pictures}) if name.count("/") > depth]  # else a README
    notes = [
        *classes.notes,
        *notes,
        *counted("images whose names say another split than their folder, which wins", contradicting),
        *counted("files left out, which are no pictures", inside),
    ]
    source = archive.path.resolve().name
    return FaceData.create(images, labels, ids, splits, source, label_set=classes.label_set), notes


def counted(finding: str, members: Sequence[str]) -> list[str]:
    """Return a sentence about members that says how many they are; none where there are none."""
    return [f"{finding}: {len(members)} (the first is {printable(members[0])})"] if members else []


def decode_members(archive: Archive, members: Sequence[str], resize: bool) -> tuple[np.ndarray, list[str]]:
    """Return the images of some members, uint8 [N, 48, 48, 1], and what should be said about them."""
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


def _face(archive: Archive, name: str, depth: int, contradicting: list[str]) -> _Face:
    """The folder says the split; FER2013's own names say which of its tests an image in `test` is of."""
    parts = name.split("/")[depth:]
    if len(parts) > 1 and parts[0].lower() not in SPLIT_OF_NAME:
        problem = f"'{printable(parts[0])}' is no folder of a split, expected one of {', '.join(SPLIT_OF_NAME)}"
        raise FerKerasError(f"{archive.where(name)}: {problem}")
    if len(parts) != 3:
        raise FerKerasError(f"{archive.where(name)}: expected {LAYOUT}")
    folder, word, file = parts
    split = SPLIT_OF_NAME[folder.lower()]
    said = next((part for usage, part in SPLIT_OF_USAGE.items() if file.startswith(f"{usage}_")), split)
    if split == "test" and said in ("public_test", "private_test"):
        split = said
    elif said != split and (split, said) != ("val", "train"):  # validation images are often training images
        contradicting.append(name)
    return _Face(SPLITS.index(split), PurePosixPath(file).stem, word, name)
