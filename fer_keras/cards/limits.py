"""What a model is for and what it cannot do, by the classes and the data that it has."""

from collections.abc import Sequence

from fer_keras.cards.schema import DataFacts
from fer_keras.evaluation.tables import HUMAN_AGREEMENT
from fer_keras.labels import FER2013, FERPLUS

_USE = (
    "Telling which of {count} coarse expressions a tightly cropped, roughly frontal face shows to others: for research"
    " and teaching on small models and knowledge distillation, and where a wrong answer harms nobody.",
    "Not for judging anyone, nor for decisions about people. The European Union forbids inferring emotions at work"
    " and in education, but for medical or safety reasons (Regulation (EU) 2024/1689, article 5(1)(f)).",
)
_CANNOT = "The model cannot tell emotions, intentions, truthfulness, health or character."
_SEARCHED = (
    "FER2013 came from web searches: posed and celebrity faces, unknown shares of age, sex, ethnicity and culture."
    " Scores may be worse for groups that are rare in it; it has no annotation by which that could be measured."
)
_LABELLED = (
    "The labels are the expressions that the search words for an image stood for, checked by people (arXiv 1307.0414),"
    f" not what the person felt. {_CANNOT}",
    f"{HUMAN_AGREEMENT[0].upper()}{HUMAN_AGREEMENT[1:]}.",
    _SEARCHED,
)
_VOTED = (
    "The labels are what ten people saw in an image (FER+, arXiv 1608.01041), not what the person felt. They often"
    f" disagree, and call posed faces neutral more readily than FER2013's labels do. {_CANNOT}",
    _SEARCHED,
)
_UNKNOWN = (
    f"The labels are those of the data below, not what the person felt. {_CANNOT}",
    "Which people the data show is not known here. Scores may be worse for groups that are rare in them.",
)
_DRAWN = ("It learned drawn faces, to try the software: it says nothing of photographs.",)
_ALL = (
    "It takes 48x48 grey pixels and finds no faces: it answers for any picture, whether it shows a face or not.",
    "A confidence is not a probability of being right until it is calibrated; the calibration error says how far off.",
)
_COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

_FER2013_TRAINING = dict(zip(FER2013.classes, (3995, 436, 4097, 7215, 4830, 3171, 4965), strict=True))
"""Its training images by class: who has these counts has them."""


def is_fer2013(data: DataFacts) -> bool:
    """Return whether the data are FER2013 with its own labels, whatever their files are called."""
    return any(
        split["name"] == "train" and split["class_counts"] == _FER2013_TRAINING for split in data["audit"]["splits"]
    )


def intended_use(classes: Sequence[str]) -> list[str]:
    """Return what a model of these classes is for."""
    count = _COUNTS[len(classes) - 2] if len(classes) <= 10 else str(len(classes))
    return [text.format(count=count) for text in _USE]


def limits(classes: Sequence[str], data: DataFacts, drawn: bool) -> list[str]:
    """Return what a model of these classes, which learned these data, cannot do."""
    if drawn:
        return [*_DRAWN, _CANNOT, *_ALL]
    votes = tuple(classes) == FERPLUS.classes
    return [*(_LABELLED if is_fer2013(data) else _VOTED if votes else _UNKNOWN), *_ALL]
