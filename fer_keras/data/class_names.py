"""Which classes the words are that a data set has for them: its folders' names, or a CSV's labels."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fer_keras.data.archive import Archive, printable
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, KNOWN, LabelSet, label_set_of

CLASSES_FILE = "classes.json"
"""At the root of a data set: a list of names in order, or an object, a folder's name -> its class."""

Names = Sequence[str] | Mapping[str, str]
"""What is said of the classes: their names in order, or the data's word for each -> its name."""


class ClassNames(NamedTuple):
    """The classes; each word as the data have it -> the number of its class; what should be said about them."""

    label_set: LabelSet
    numbers: Mapping[str, int]
    notes: tuple[str, ...] = ()


class UnknownClassError(FerKerasError):
    """A `word` that is no class; the caller says where it stands."""

    def __init__(self, word: str, problem: str) -> None:
        super().__init__(problem)
        self.word = word


def is_number(word: str) -> bool:
    """Say whether a word is a whole number such as a numbered folder has."""
    return re.fullmatch("[0-9]{1,4}", word) is not None


def names_in(archive: Archive, depth: int = 0) -> Names | None:
    """Return what a classes.json says, at the root of an archive or below the folders that wrap everything, if any.

    Raises:
        FerKerasError: it is neither a list of names nor an object of a name for each folder.
    """
    found = [name for name in archive.sizes if name == CLASSES_FILE or name.split("/")[depth:] == [CLASSES_FILE]]
    if not found:
        return None
    name = max(found, key=len)
    text = archive.read(name, 2**20)
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    values = list(names.values()) if isinstance(names, dict) else names
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        expected = "expected JSON, a list of the classes' names, or an object of a name for each folder"
        raise FerKerasError(f"{archive.where(name)}: {expected}")
    return names


def classes_of(words: Iterable[str], names: Names | None = None) -> ClassNames:
    """Say which classes the words of folders are.

    Without `names`, which the user or a classes.json says, words that are all of a known set's classes in any spelling
    are that set. Others are a set of their own, sorted by name: numbers are never guessed to be expressions.

    Raises:
        UnknownClassError: a word is none of `names`.
        FerKerasError: the words, or the names, make no set; or numbers do not say which names are theirs.
    """
    words = sorted(set(words))
    if names is None:
        return _own(words)
    if isinstance(names, Mapping):
        name_of, label_set = names, label_set_of(dict.fromkeys(names.values()))
    else:
        name_of, label_set = {word: word for word in words}, label_set_of(names)
        if all(map(is_number, words)) and not any(map(is_number, names)):
            name_of = _in_numeric_order(words, names)
    for word in words:
        if word not in name_of:
            raise UnknownClassError(word, f"'{printable(word)}' is not in {CLASSES_FILE}, expected its class there")
        if label_set.number(name_of[word]) is None:
            expected = printable(", ".join(label_set.classes), 200)
            raise UnknownClassError(word, f"'{printable(word)}' is no class, expected one of {expected}")
    return ClassNames(label_set, {word: label_set.number(name_of[word]) for word in words})


def _in_numeric_order(words: list[str], names: Sequence[str]) -> dict[str, str]:
    """The first name belongs to folder 0, or to 1 where the numbers reach from 1 to C."""
    least, most, count = min(map(int, words)), max(map(int, words)), len(names)
    if not (least == 0 and most < count) and not (least > 0 and most == count):
        raise FerKerasError(
            f"folders {printable(', '.join(words), 80)}: expected 0 to {count - 1} or 1 to {count} for"
            f" {count} classes; an object in a {CLASSES_FILE} can say which is which"
        )
    return {word: names[int(word) - (least > 0)] for word in words}


def _own(words: list[str]) -> ClassNames:
    spellings: dict[str, list[str]] = {}
    for word in words:
        spellings.setdefault(_usual(word), []).append(word)
    names = [same[0] if len(same) == 1 else usual for usual, same in spellings.items()]
    names.sort(key=lambda name: (int(name) if is_number(name) else -1, name))
    if len(names) == 1 and FER2013.number(names[0]) is not None:  # one class is no set: it is one of FER2013's
        return ClassNames(FER2013, {word: FER2013.number(word) for word in words})
    if len(names) == 1:
        raise FerKerasError(f"'{printable(names[0])}' is the only class, expected two or more, or their names")
    label_set = label_set_of(names)
    if label_set in KNOWN:
        return ClassNames(label_set, {word: label_set.number(word) for word in words})
    place = {_usual(name): number for number, name in enumerate(label_set.classes)}
    unnamed = f"; --classes or a {CLASSES_FILE} names them" if all(map(is_number, names)) else ""
    note = f"classes: {printable(', '.join(label_set.classes), 300)} (a set of their own{unnamed})"
    return ClassNames(label_set, {word: place[_usual(word)] for word in words}, (note,))


def _usual(word: str) -> str:
    """The usual spelling of a word: the known set's, else lower case; of numbers without zeros before them."""
    if is_number(word):
        return str(int(word))
    numbers = ((label_set, label_set.number(word)) for label_set in KNOWN)
    spellings = (label_set.classes[number] for label_set, number in numbers if number is not None)
    return next(spellings, word.strip().lower())
