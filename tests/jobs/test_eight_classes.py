"""Models of FER+'s eight classes are shipped, carded and exported as those of seven are, and judged by votes."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

import fer_keras
from fer_keras.cards.model_card import read_card
from fer_keras.config import NO_DATA, DataConfig, FitConfig, TeacherConfig, environment, to_dict
from fer_keras.data.dataset import FaceData, mark_validation
from fer_keras.data.synthetic import drawn_faces
from fer_keras.data.votes import vote_majorities
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.confidence import nll
from fer_keras.evaluation.evaluate import evaluate_files, predict_logits
from fer_keras.evaluation.metrics import majorities
from fer_keras.export.formats import FORMATS
from fer_keras.files import read_json, write_json
from fer_keras.jobs.exporting import export_model
from fer_keras.jobs.own_data import with_own_validation
from fer_keras.jobs.shipping import remake_card, ship
from fer_keras.labels import FERPLUS
from fer_keras.models.load import load_model
from fer_keras.training.data import training_data, with_targets


@pytest.fixture(scope="module")
def voted_run(tmp_path_factory):
    """A run of a network of votes, as training would leave it, and the faces, which have labels and votes."""
    faces, run = drawn_faces(420, seed=5, ambiguous=0.5), tmp_path_factory.mktemp("voted") / "run"
    data, config = training_data(faces, replace(NO_DATA, targets="votes"))
    write_run(run, config)
    return run, faces, data


def write_run(run, config):
    run.mkdir()
    save_model(run / "model.keras", len(config.classes))
    recipe = TeacherConfig(config, "small-cnn", fit=FitConfig(epochs=1))
    write_json(run / "config.json", {"config": to_dict(recipe), "environment": environment()})
    pd.DataFrame({"epoch": [0], "val_accuracy": [0.2], "seconds": [1.5]}).to_csv(run / "metrics.csv", index=False)


def save_model(file, outputs):
    keras.utils.set_random_seed(1)
    kernel = keras.initializers.RandomNormal(stddev=1.0)
    inputs = keras.Input((48, 48, 1))
    pooled = keras.layers.AveragePooling2D(6)(keras.layers.Rescaling(1 / 64, offset=-2.0)(inputs))
    keras.Model(inputs, keras.layers.Dense(outputs, kernel_initializer=kernel)(keras.layers.Flatten()(pooled))).save(
        file
    )


def eight_classes():
    """Drawn faces of FER+'s classes, every eighth called contempt, which cannot be drawn."""
    seven = drawn_faces(420, seed=5).with_label_set(FERPLUS)
    labels = np.where(np.arange(len(seven)) % 8 == 0, FERPLUS.number("contempt"), seven.labels)
    return FaceData.create(seven.images, labels, seven.ids, seven.splits, seven.source, drawn=True, label_set=FERPLUS)


def test_eight_classes_in_every_format(tmp_path):
    data = eight_classes()
    run, folder = tmp_path / "run", tmp_path / "saved_models" / "m"
    fingerprint = mark_validation(data).split("train").fingerprint
    write_run(run, DataConfig(data.source, fingerprint, classes=FERPLUS.classes))
    ship(run, folder, data, half=False)
    exports = export_model(folder, data=data)
    assert list(exports["formats"]) == list(FORMATS)
    public = data.split("public_test")
    expected = predict_logits(load_model(folder), public.images)
    for facts in exports["formats"].values():
        assert facts["classes"] == list(FERPLUS.classes) and facts["faces"] == len(public)
        assert facts["keras_accuracy"] == (expected.argmax(axis=1) == public.labels).mean()
        assert facts["agreement"] >= 0.9
    for facts in exports["formats"].values():
        if facts["file"].endswith(("tflite", "onnx")):
            classifier = fer_keras.load(folder / facts["file"])
            assert classifier.label_set == FERPLUS and classifier.calibrated
            tolerance = 0.05 if "int8" in facts["file"] else 1e-3
            np.testing.assert_allclose(
                classifier.logits(public.images), expected, atol=tolerance * np.abs(expected).max()
            )
    card, text = read_card(folder), (folder / "card.md").read_text()
    assert (
        card["classes"] == list(FERPLUS.classes)
        and len(card["scores"]["splits"]["public_test"]["all"]["confusion"]) == 8
    )
    assert "eight coarse expressions" in text and "| contempt |" in text and "[N, 8]" in text
    assert card["exports"] == read_json(folder / "exports.json")


def test_a_network_of_votes_is_judged_by_votes(voted_run, tmp_path):
    run, faces, data = voted_run
    folder = tmp_path / "saved_models" / "m"
    ship(run, folder, faces, half=False)
    card, calibration = read_card(folder), read_json(folder / "calibration.json")
    model = load_model(folder)
    splits = {name: data.split(name) for name in ("val", "public_test")}
    logits = {name: predict_logits(model, part.images) for name, part in splits.items()}
    for name, part in splits.items():
        labels, shares = majorities(part)
        assert (labels < 0).any() and (labels >= 0).any()
        scores = card["scores"]["splits"][name]["all"]
        assert scores["count"] == (labels >= 0).sum() and scores["votes"]["count"] == len(part)
        assert scores["votes"]["cross_entropy"] == pytest.approx(nll(logits[name], shares))
    (folder / "calibration.json").unlink()
    facts = export_model(folder, ["onnx"], faces)["formats"]["onnx"]
    labels = majorities(splits["public_test"])[0]
    right = (logits["public_test"].argmax(axis=1) == labels)[labels >= 0].mean()
    assert facts["keras_accuracy"] == pytest.approx(right) and facts["faces"] == len(labels)
    again = read_json(folder / "calibration.json")
    assert again.keys() == calibration.keys()
    for key in ("temperature", "nll", "calibration_error", "brier"):
        assert again[key] == pytest.approx(calibration[key], rel=1e-4)
    assert remake_card(folder, faces) == folder / "card.md"
    with pytest.raises(FerKerasError, match="m: was trained on other images than the training images of"):
        remake_card(folder, faces.take(np.arange(1, len(faces))))


def test_two_heads_are_scored_apart_and_do_not_answer_as_one(tmp_path):
    faces = drawn_faces(420, seed=5, ambiguous=0.5)
    data, config = training_data(faces, replace(NO_DATA, targets="labels+votes", folds=2, left_out=1))
    write_run(tmp_path / "both", config)
    file = tmp_path / "both" / "model.keras"
    whole = with_own_validation([file], faces)
    assert len(whole) == len(faces) and (whole.splits == "val").sum() == (data.splits == "val").sum()
    rows = evaluate_files([file, file], with_targets(whole, config))
    assert list(rows) == ["labels", "votes"] and rows["votes"][0][0] == "ensemble"
    public = whole.split("public_test")
    logits = predict_logits(load_model(file), public.images)
    majority = vote_majorities(public.votes)
    expected = {
        "labels": (logits[:, :7].argmax(axis=1) == public.labels).mean(),
        "votes": (logits[:, 7:].argmax(axis=1) == majority.argmax(axis=1))[majority.any(axis=1)].mean(),
    }
    for head, right in expected.items():
        for _, evaluation in rows[head]:
            assert evaluation.splits["public_test"].all.accuracy == pytest.approx(right)
    (labels,) = evaluate_files([file], whole)[""]
    assert labels[1].splits["public_test"].all.accuracy == pytest.approx(expected["labels"])
    with pytest.raises(FerKerasError, match="has the heads labels and votes"):
        export_model(tmp_path / "both")
    with pytest.raises(FerKerasError, match="has the heads labels and votes"):
        fer_keras.load(file)
