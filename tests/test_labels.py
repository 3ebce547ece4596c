"""Label sets: their numbers, spellings, and which names are a known set."""

import pytest

from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, FERPLUS, LabelSet, label_set_in_order, label_set_of


def test_the_known_sets_have_their_papers_orders():
    assert FER2013.classes == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert FERPLUS.classes == (
        "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
    )  # fmt: skip


@pytest.mark.parametrize(("spelling", "number"), [("angry", 0), ("Anger", 0), (" HAPPINESS ", 3), ("smile", None)])
def test_a_class_has_its_number_in_every_spelling(spelling, number):
    assert FER2013.number(spelling) == number


def test_names_in_any_order_and_spelling_are_the_known_set():
    names = ["sadness", "Neutral", "anger", "fearful", "surprised", "happiness", "disgusted"]
    assert label_set_of(names) is FER2013
    assert label_set_of([*names, "contempt"]) is FERPLUS


def test_other_names_are_a_set_of_their_own_in_their_order():
    own = label_set_of(["happy", "sad", "neutral"], "faces")
    assert own == LabelSet("faces", ("happy", "sad", "neutral")) and own.number("Sad") == 1 and len(own) == 3


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["happy"], "expected from 2 to"),
        ("happy", "classes 'happy': expected from 2 to"),
        (5, "class 5: expected a text"),
        (["happy", None], "class None: expected a text"),
        (["happy", ""], "not empty and differ"),
        (["happy", "Happy"], "not empty and differ"),
        ([*FER2013.classes, "anger"], "two of them are the same of FER2013's"),
    ],
)
def test_names_that_make_no_set_are_refused(names, message):
    with pytest.raises(FerKerasError, match=message):
        label_set_of(names)


def test_prefixes_of_classes_say_which_columns_are_a_head():
    names = [*(f"labels/{name}" for name in FER2013.classes), *(f"votes/{name}" for name in FERPLUS.classes)]
    both = label_set_in_order(names)
    assert both.heads == (slice(0, 7), slice(7, 15))
    assert [both.head(columns) for columns in both.heads] == [FER2013, FERPLUS]
    assert [both.head_name(columns) for columns in both.heads] == ["labels", "votes"]


@pytest.mark.parametrize("classes", [FER2013.classes, ("yes", "no", "n/a")])
def test_classes_without_prefixes_are_one_head(classes):
    own = label_set_in_order(classes)
    assert own.heads == (slice(0, len(classes)),)
    assert own.head_name(own.heads[0]) == ""
    assert own.head(own.heads[0]).classes[0] == classes[0]
