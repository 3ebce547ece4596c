"""The classes that a data set or a model has, and the size of the images.

References:
    - Goodfellow et al., "Challenges in Representation Learning: A report on three machine learning contests", 2013,
      arXiv 1307.0414 (FER2013).
    - Barsoum et al., "Training deep networks for facial expression recognition with crowd-sourced label distribution",
      2016, arXiv 1608.01041 (FER+).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from fer_keras.errors import FerKerasError

IMAGE_SIZE: int = 48
IMAGE_SHAPE: tuple[int, int, int] = (IMAGE_SIZE, IMAGE_SIZE, 1)

UNLABELLED: int = -1
"""The number of the class of an image that has none; such images can be distilled, not scored."""

MAX_CLASSES: int = 1000

_SPELLINGS = (
    ("angry", "anger"),
    ("disgust", "disgusted"),
    ("fear", "fearful", "afraid"),
    ("happy", "happiness"),
    ("sad", "sadness"),
    ("surprise", "surprised"),
    ("contempt", "contemptuous"),
)
"""Words that data sets use for the same expression."""


@dataclass(frozen=True)
class LabelSet:
    """Classes in their order; the number of a class is its place.

    Attributes:
        name: what people call the set.
        classes: the names.

    Raises:
        FerKerasError: there are fewer than two classes, or one is empty or there twice.
    """

    name: str
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        names = [name.lower() for name in self.classes]
        if not 2 <= len(names) <= MAX_CLASSES:
            raise FerKerasError(f"classes {','.join(self.classes)[:80]!r}: expected from 2 to {MAX_CLASSES} names")
        for name in names:
            if not name.strip() or names.count(name) > 1:
                raise FerKerasError(f"class {name[:80]!r}: expected names that are not empty and differ")

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def heads(self) -> tuple[slice, ...]:
        """The columns of each head of a model of these classes, in order.

        Names such as `labels/happy` and `votes/happiness` are classes of two heads, called `labels` and `votes`. Names
        without a `/` are all of one.
        """
        prefixes = [name.rpartition("/")[0] for name in self.classes] if _all_prefixed(self.classes) else [""]
        starts = [place for place, prefix in enumerate(prefixes) if not place or prefix != prefixes[place - 1]]
        return tuple(slice(*ends) for ends in pairwise([*starts, len(self)]))

    def head(self, columns: slice) -> "LabelSet":
        """Return the classes of one of `heads`, without its name before them."""
        return label_set_in_order(name.rpartition("/")[2] for name in self.classes[columns])

    def head_name(self, columns: slice) -> str:
        """Return what one of `heads` is called; an empty text where there is one in all."""
        return self.classes[columns.start].rpartition("/")[0] if _all_prefixed(self.classes) else ""

    def number(self, spelling: str) -> int | None:
        """Return the number of a class in any known spelling, whatever the case; None where there is none."""
        names, word = [name.lower() for name in self.classes], spelling.strip().lower()
        others = next((words for words in _SPELLINGS if word in words), ())
        return next((names.index(other) for other in (word, *others) if other in names), None)


def _texts(names: Iterable[str]) -> tuple[str, ...]:
    """The names, if they are some; a single text, whose letters are no names, counts as one."""
    names = tuple(names) if isinstance(names, Iterable) and not isinstance(names, str) else (names,)
    for name in names:
        if not isinstance(name, str):
            raise FerKerasError(f"class {repr(name)[:80]}: expected a text")
    return names


def _all_prefixed(classes: tuple[str, ...]) -> bool:
    return all("/" in name for name in classes)


FER2013 = LabelSet("FER2013", ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"))
FERPLUS = LabelSet("FER+", ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"))

KNOWN: tuple[LabelSet, ...] = (FER2013, FERPLUS)
"""Sets whose order is taken from here."""


def label_set_of(names: Iterable[str], title: str = "own") -> LabelSet:
    """Return the known set whose classes these are, in any order and spelling, or else a set of their own.

    Args:
        names: each class once, in the order that a set of their own shall have.
        title: what that is called.

    Raises:
        FerKerasError: the names make no set.
    """
    own = LabelSet(title, tuple(name.strip() for name in _texts(names)))
    for label_set in KNOWN:
        if {label_set.number(name) for name in own.classes} == {*range(len(label_set))}:
            if len(own) == len(label_set):
                return label_set
            raise FerKerasError(f"classes {', '.join(own.classes)}: two of them are the same of {label_set.name}'s")
    return own


def label_set_in_order(names: Iterable[str], title: str = "own") -> LabelSet:
    """Return the set of a model's outputs, whose order counts: a known one only if it is exactly that.

    Args:
        names: of the outputs, in their order.
        title: what a set of their own is called.

    Raises:
        FerKerasError: the names make no set.
    """
    own = LabelSet(title, _texts(names))
    return next((label_set for label_set in KNOWN if label_set.classes == own.classes), own)
