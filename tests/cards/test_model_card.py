"""A card holds what was measured, and its Markdown says it."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from fer_keras.cards import model_card as cards
from fer_keras.cards.table import index_text, model_table
from fer_keras.cards.text import card_text
from fer_keras.data.dataset import FaceData, mark_validation
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import evaluate_logits
from fer_keras.evaluation.results import ModelSize
from fer_keras.labels import FER2013, FERPLUS, LabelSet

RUN = {
    "config": {
        "data": {"source": "made up"}, "model": "small-cnn", "options": {}, "temperature": 2.5,
        "views": {"flip": True, "erasing_side": 0.4}, "fit": {"epochs": 40, "batch_size": 64},
    },
    "environment": {"keras": "3.15.1", "commit": "", "precision": "mixed_bfloat16"},
}  # fmt: skip
HISTORY = pd.DataFrame({"val_accuracy": [0.2, 0.5, 0.5, np.nan], "seconds": [1800.0, 1800.0, 61.0, 1.0]})
COUNTS = dict(zip(FER2013.classes, (3995, 436, 4097, 7215, 4830, 3171, 4965), strict=True))
"""Of FER2013's training images."""
FACTS = {
    "fingerprint": "f" * 64,
    "validation_images": 7,
    "audit": {
        "conflict_groups": 47,
        "conflict_images": 129,
        "splits": [
            {
                "name": name, "images": 1000, "class_counts": COUNTS, "constant": 2, "surplus_copies_not_constant": 3,
                "copies_of_train": copies,
            }
            for name, copies in (("train", None), ("public_test", 78))
        ],
    },
}  # fmt: skip


def scored(data, splits=("public_test",), right=1.0, parameters=1234):
    logits = {}
    for name in splits:
        labels = data.split(name).labels
        logits[name] = 5.0 * np.eye(7)[(labels + (np.arange(len(labels)) >= round(right * len(labels)))) % 7]
    return evaluate_logits(logits, data, size=ModelSize(parameters, 2_500_000, 4096, 1_230_000))


def card_of(evaluation, name="m", teachers=None, siblings=()):
    run = {**RUN, "config": {**RUN["config"], **({"teachers": teachers} if teachers else {})}}
    facts = {
        "fingerprint": f"{name}-shipped", "fingerprint_as_trained": f"{name}-trained", "data": FACTS,
        "figures": {"Confusion": "figures/confusion.png"}, "reproduce": "train it",
    }  # fmt: skip
    return cards.model_card(name, evaluation, (run, HISTORY), facts, siblings)


def test_the_facts_of_a_model(data):
    evaluation = scored(data, right=0.5)
    card = card_of(evaluation)
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert {"size": card["size"], **card["scores"]} == evaluation.to_dict()
    recipe = card["recipe"]
    assert (recipe["epochs"], recipe["best_epoch"], recipe["best_validation_accuracy"]) == (4, 2, 0.5)
    assert recipe["seconds"] == 3662.0 and recipe["config"] == RUN["config"]
    assert (card["fingerprint"], card["fingerprint_as_trained"]) == ("m-shipped", "m-trained")
    assert card["evaluate"] == "python scripts/evaluate.py saved_models/m --card"


def test_the_card_in_words(make_data):
    data = make_data(["train"] * 70 + ["public_test"] * 14, drawn=False)
    text = card_text(card_of(scored(data, right=0.5)))
    for line in (
        "A teacher: the architecture `small-cnn`, fitted to labels.",
        "**50.00% of 14 PublicTest images right**",
        "Size: 1,234 trainable parameters, 2,500,000 multiply-adds an image, 4,096 bytes of activations at once,",
        "The European Union forbids inferring emotions at work",
        "- In a small test people agreed with FER2013's labels on 65 +- 5% of its images (arXiv 1307.0414).\n",
        "| PublicTest | 14 | 50.00% (",
        "| angry | 2 | 50.00% |",
        "Commonest mistakes: angry called disgust (1);",
        "![Confusion](figures/confusion.png)",
        "| images with an exact copy in training |  | 78 (7.8%) |",
        "47 groups of identical images carry different labels (129 images).",
        "- 4 of 40 epochs in 1:01:02 (h:mm:ss); the kept one is epoch 2, by its validation accuracy of 50.00%",
        "- temperature 2.5\n- views: flip True, erasing side 0.4\n- fit: epochs 40, batch size 64\n",
        "- trained with: keras 3.15.1, precision mixed_bfloat16\n",
        "```\ntrain it\n```",
        "```\npython scripts/evaluate.py saved_models/m --data fer2013.zip --card\n```",
    ):
        assert line in text, line
    assert "drawn" not in text and "options" not in text


def test_the_text_is_of_the_card_alone(data):
    card = card_of(scored(data))
    text = card_text(card)
    assert card_text(json.loads(json.dumps(card))) == text
    assert "**drawn faces, not FER2013**" in text
    assert "\nDrawn faces, not FER2013.\n" in text
    card["limits"] = ["None."]
    assert "## Limits\n\n- None.\n" in card_text(card)


def test_teachers_by_name_or_fingerprint(data):
    siblings = [card_of(scored(data), name) for name in ("a", "b")]
    siblings.append(ensemble(data, siblings))
    card = card_of(scored(data), teachers=["b-trained", "a-shipped", "0123456789abcdef"], siblings=siblings)
    assert card["kind"] == "student"
    assert [teacher["name"] for teacher in card["recipe"]["teachers"]] == ["b", "a", None]
    assert "[b](../b/card.md), [a](../a/card.md), a model that is not among these (fingerprint `0123456789ab`)." in (
        card_text(card)
    )


def test_what_a_model_began_with_is_told_to_the_beginning(data):
    first = {"fingerprint": "1" * 64}
    config = {"model": "small-cnn", "view_seed": 3, "fit": {"learning_rate": 0.01}}
    history = {"epochs": 1000, "seconds": 7300.0, "best_validation_accuracy": 0.5}
    second = {"fingerprint": "2" * 64, "config": config, **history, "ancestor": first}
    run = {**RUN, "ancestor": {**second, "fingerprint": "3" * 64, "ancestor": second}}
    facts = {"fingerprint": "a", "data": FACTS, "figures": {}, "reproduce": "train"}
    card = cards.model_card("m", scored(data), (run, HISTORY), facts, ())
    run["ancestor"]["config"] = {"model": "small-cnn", "fit": {"learning_rate": 0.004}}
    learned = "the best of 1,000 epochs of a `small-cnn` in 2:01:40 (learning rate"
    assert (
        f"\n- it began with the weights of fingerprint `333333333333`, {learned} 0.004, validation accuracy 50.00%)"
        f"\n- which began with the weights of fingerprint `222222222222`, {learned} 0.01, view seed 3, validation"
        " accuracy 50.00%)"
        "\n- which began with the weights of fingerprint `111111111111`\n"
    ) in card_text(card)
    assert "began" not in card_text(card_of(scored(data)))


def ensemble(data, members, splits=("public_test",)):
    evaluation = scored(data, splits, parameters=2468)
    rows = [(card, scored(data, splits, 0.5)) for card in members]
    facts = {"mirrored": False, "data": FACTS, "figures": {}, "reproduce": "put together"}
    return cards.ensemble_card("both", evaluation, rows, facts)


def test_the_card_of_an_ensemble(data):
    card = ensemble(data, [card_of(scored(data), name) for name in ("a", "b")])
    assert (card["kind"], card["members"], card["fingerprint"]) == ("ensemble", ["a", "b"], None)
    assert [row["fingerprint"] for row in card["beside"]] == ["a-shipped", "b-shipped"]
    text = card_text(card)
    assert "[a](../a/card.md), [b](../b/card.md). It has no weights of its own." in text
    assert "| [both](../both/card.md) (drawn faces) | ensemble | 2,468 | 2.5 M | - | 100.0 [100.0, 100.0] |" in text
    assert "| [b](../b/card.md) (drawn faces) | teacher | 1,234 | 2.5 M | - | 50.0 [" in text
    assert "| [b](../b/card.md) | `small-cnn` | labels | 4 | 1:01:02 |\n" in text
    assert "## Recipe" not in text and "load_model" not in text and "This puts it together again" in text


def test_members_say_what_taught_them_and_where(data):
    a, b = card_of(scored(data), "a"), card_of(scored(data), "b", teachers=["a-trained"])
    a["recipe"]["environment"] = {"device": "Abacus"}
    b["recipe"]["teachers"][0]["name"] = "a"
    text = card_text(ensemble(data, [a, b]))
    assert "| [a](../a/card.md) | `small-cnn` | labels | 4 | 1:01:02 on one Abacus |\n" in text
    assert "| [b](../b/card.md) | `small-cnn` | [a](../a/card.md) | 4 | 1:01:02 |\n" in text


def test_the_table_of_all_cards(data):
    small, large = card_of(scored(data, parameters=10), "small"), card_of(scored(data, parameters=20), "large")
    student = card_of(scored(data, parameters=99), "student", teachers=["x"])
    both = ensemble(data, [small, large])
    text = index_text([student, small, large, both])
    lines = [line for line in text.splitlines() if line.startswith("| [")]
    assert [line[3:].split("]")[0] for line in lines] == ["both", "large", "small", "student"]
    error = 100 * scored(data).splits["public_test"].all.calibration_error
    assert lines[1].endswith(f"| - | 100.0 [100.0, 100.0] | 100.0 | 100.0 | {error:.1f} | 1.23 MB |")
    assert lines[0].endswith(f"| {error:.1f} | - |"), "an ensemble has no file"
    assert "PrivateTest" not in text


def test_private_test_has_columns_where_a_model_was_scored_on_it(data):
    seen = card_of(scored(data, ("public_test", "private_test"), right=0.5), "seen")
    header, _, *rows = model_table([seen, card_of(scored(data), "blind")], "{}").splitlines()
    assert header.endswith("| calibration error | PrivateTest | no copies | file |")
    private = seen["scores"]["splits"]["private_test"]
    low, high = private["all"]["accuracy_interval"]
    cells = (
        f"| 50.0 [{100 * low:.1f}, {100 * high:.1f}] | {100 * private['without_copies']['accuracy']:.1f} | 1.23 MB |"
    )
    assert rows[0].endswith(cells) and private["without_copies"]["accuracy"] == pytest.approx(5 / 12)
    assert rows[1].endswith("| - | - | 1.23 MB |")


def test_a_model_without_public_test_or_multiply_adds_still_has_a_row(make_data):
    data = make_data(["train"] * 7 + ["test"] * 7)
    card = card_of(scored(data, ["test"]))
    card["size"]["multiply_adds"] = None
    row = model_table([card], "{}").splitlines()[-1]
    assert row == "| [m](m) (drawn faces) | teacher | 1,234 | - | - | - | - | - | - | 1.23 MB |"


def test_the_data_are_counted_with_validation_among_training(data):
    data.images[70:72] = data.images[10:12]
    data.labels[10] = 1 - data.labels[70]
    marked = mark_validation(data, 0.2)
    facts = cards.data_facts(marked)
    train, public, private = facts["audit"]["splits"]
    assert (train["images"], public["copies_of_train"], private["copies_of_train"]) == (70, 2, 2)
    assert facts["validation_images"] == (marked.splits == "val").sum() > 0
    assert facts["fingerprint"] == marked.split("train").fingerprint != data.split("train").fingerprint
    assert (facts["audit"]["conflict_groups"], facts["audit"]["conflict_images"]) == (2, 4)


@pytest.mark.parametrize(
    ("classes", "counts", "name", "source"),
    [
        (FERPLUS.classes, range(1, 9), "FER+", "on each of which ten people voted (arXiv 1608.01041)"),
        (("calm", "tense", "asleep"), range(1, 4), "own.csv", "own.csv: the images are not passed on here"),
        (FER2013.classes, range(1, 8), "own.csv", "own.csv: the images are not passed on here"),
        (FER2013.classes, COUNTS.values(), "FER2013", "FER2013: faces from web searches, labelled by their words"),
    ],
)
def test_limits_and_data_are_those_of_the_label_set_and_the_data(classes, counts, name, source):
    facts = json.loads(json.dumps(FACTS))
    for split in facts["audit"]["splits"]:
        split["class_counts"] = dict(zip(classes, counts, strict=True))
    labels = np.arange(len(classes))
    ids, splits = [str(n) for n in labels], ["public_test"] * len(labels)
    images = np.zeros((len(labels), 48, 48, 1), np.uint8)
    own = FaceData.create(images, labels, ids, splits, "own.csv", label_set=LabelSet("own", tuple(classes)))
    evaluation = evaluate_logits({"public_test": 5.0 * np.eye(len(classes))[labels]}, own)
    card_facts = {"fingerprint": "a", "data": facts, "figures": {}, "reproduce": "train"}
    text = card_text(cards.model_card("m", evaluation, (RUN, HISTORY), card_facts, ()))
    assert source in text
    front = yaml.safe_load(text.split("---")[1])
    assert front["labels"] == list(classes) and front["license"] == "apache-2.0"
    (result,) = front["model-index"][0]["results"]
    assert result["dataset"] == {"name": name, "type": "image", "split": "PublicTest"}
    assert {m["type"]: m["value"] for m in result["metrics"]} == {"accuracy": 1.0, "f1": 1.0}
    assert ("search words" in text) == (name == "FER2013")
    assert ("ten people saw" in text) == (name == "FER+")


def test_what_is_no_card(tmp_path):
    for name, text in (("a", "[]"), ("b", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.json").write_text(text)
        with pytest.raises(FerKerasError, match=r"card\.json: expected a model card"):
            cards.read_card(tmp_path / name)
    with pytest.raises(FerKerasError, match=r"card\.json: there is no such file"):
        cards.read_card(tmp_path)
