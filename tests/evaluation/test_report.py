"""Reports say what was scored, plainly."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer_keras.errors import FerKerasError
from fer_keras.evaluation import report, tables
from fer_keras.evaluation.evaluate import evaluate_logits
from fer_keras.evaluation.results import ModelSize, read_history


def evaluation(data, right=1.0, size=None, splits=("public_test", "private_test")):
    """The first share `right` of each split called rightly, the rest by the next class."""
    logits = {}
    for name in splits:
        labels = data.split(name).labels
        off = np.arange(len(labels)) >= round(right * len(labels))
        logits[name] = 5.0 * np.eye(7)[(labels + off) % 7]
    return evaluate_logits(logits, data, size=size)


@pytest.fixture
def history():
    return pd.DataFrame({"epoch": [0, 1], "loss": [2.0, 1.0], "val_accuracy": [0.3, 0.4], "learning_rate": [1e-3, 0]})


def test_a_report_has_scores_figures_origin_and_json(data, history, tmp_path):
    student = evaluation(data, 0.5, ModelSize(93_139, 2_000_000, 400_000, 512_345))
    rows = [
        ("student", student),
        ("teacher", evaluation(data, 1.0)),
        ("public only", evaluation(data, 1, None, ["public_test"])),
    ]
    origin = report.Origin(history, {"epochs": 2, "views": {"flip": True}}, "make it")
    path = report.write_report(tmp_path, "A student", rows, origin)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# A student\n\n**50.00% of 14 PrivateTest images right** (95% interval ")
    assert "41.67% without those that have a copy in training, by a model of 93,139 parameters" in text
    assert "**drawn faces, not FER2013**" in text and "For scale: people" not in text
    assert "2,000,000 multiply-adds an image, 400,000 bytes of activations at once, 512,345 bytes on disk" in text
    assert "| PrivateTest, no copies | 12 | 41.67% (" in text
    assert "PublicTest, no copies" not in text
    assert "2 PrivateTest images (14.3%)" in text
    assert "| student | 93,139 | 2,000,000 | 512,345 | 50.00% | 50.00% |  |" in text
    assert "| teacher | - | - | - | 100.00% | 100.00% | -50.00 (" in text
    assert "| public only | - | - | - | 100.00% | - | - |" in text
    assert "| angry | 2 | 50.00% | 50.00% | 0.00% |" in text
    assert "Commonest mistakes: angry called disgust (1)" in text
    assert "```\nmake it\n```" in text and "- epochs: 2\n" in text and '"flip": true' in text
    assert "tensorflow 2." in text
    figures = {"training", "confusion", "calibration", "mistakes"}
    assert {p.stem for p in (tmp_path / "figures").iterdir()} == figures
    assert all(f"(figures/{name}.png)" in text for name in figures)
    assert all(Image.open(p).width > 600 for p in (tmp_path / "figures").iterdir())
    scores = json.loads((tmp_path / "evaluation.json").read_text())
    assert scores["name"] == "student" and list(scores["beside"]) == ["teacher", "public only"]
    assert scores["splits"]["private_test"]["all"]["accuracy"] == 0.5
    assert scores["beside"]["teacher"]["splits"]["public_test"]["all"]["accuracy"] == 1.0


def test_a_copy_to_be_passed_on_shows_no_faces(data, tmp_path):
    sheet = tmp_path / "figures" / report.MISTAKES_FIGURE
    sheet.parent.mkdir()
    sheet.write_bytes(b"of a report before")
    text = report.write_report(tmp_path, "t", [("student", evaluation(data, 0.5))], faces=False).read_text()
    assert not sheet.exists()
    assert report.MISTAKES_FIGURE not in text and "Side by side" not in text and "Training\n" not in text


def test_without_private_test_the_report_is_of_public_test(tmp_path, make_data):
    data = make_data(["train"] * 7 + ["public_test"] * 14, drawn=False)
    rows = [("student", evaluation(data, splits=["public_test"]))]
    text = report.write_report(tmp_path, "t", rows).read_text()
    assert "**100.00% of 14 PublicTest images right**" in text and "PrivateTest" not in text
    assert "For scale: in a small test people agreed with FER2013's labels on 65 +- 5% of its images" in text
    assert "drawn" not in text
    assert "No image has an exact copy among the training images." in text and "No mistakes." in text


def test_agreement_with_fer2013_is_not_said_of_other_data_with_its_classes(make_data):
    data = make_data(["train"] * 7 + ["test"] * 14, drawn=False)
    assert tables.verdict(evaluation(data, splits=["test"])).startswith("**100.00% of 14 test images right**")
    assert "For scale" not in tables.verdict(evaluation(data, splits=["test"]))


def test_unknown_copies_are_called_unknown(make_data):
    data = make_data(["test"] * 7)
    text = tables.scores(evaluation(data, splits=["test"]))
    assert "no training images here to compare with" in text


def test_models_scored_on_other_images_do_not_stand_side_by_side(data, tmp_path):
    other = data.take(np.arange(len(data)))
    other.images[-1] ^= 1
    with pytest.raises(FerKerasError, match="student and teacher were scored on different PrivateTest images"):
        report.write_report(tmp_path, "t", [("student", evaluation(data)), ("teacher", evaluation(other))])
    with pytest.raises(FerKerasError, match="at least one evaluation"):
        report.write_report(tmp_path, "t", [])
    assert not list(tmp_path.iterdir())


def test_history_is_read_where_there_is_one(history, tmp_path):
    assert read_history(tmp_path) is None
    history = history.assign(seconds=1.5)
    history.to_csv(tmp_path / "metrics.csv", index=False)
    pd.testing.assert_frame_equal(read_history(tmp_path), history)
    for text in ("", "epoch,val_accuracy,seconds\n", "epoch,val_accuracy\n0,0.5\n", "val_accuracy,seconds\n0.5,soon\n"):
        (tmp_path / "metrics.csv").write_text(text)
        with pytest.raises(FerKerasError, match=r"metrics\.csv: expected a CSV"):
            read_history(tmp_path)
