"""Models of FER+'s eight classes are shipped, carded and exported as those of seven are."""

import keras
import numpy as np
import pandas as pd

import fer_keras
from fer_keras.cards.model_card import read_card
from fer_keras.config import DataConfig, FitConfig, TeacherConfig, environment, to_dict
from fer_keras.data.dataset import FaceData, mark_validation
from fer_keras.data.synthetic import drawn_faces
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export.formats import FORMATS
from fer_keras.files import read_json, write_json
from fer_keras.jobs.exporting import export_model
from fer_keras.jobs.shipping import ship
from fer_keras.labels import FERPLUS
from fer_keras.models.load import load_model


def eight_classes():
    """Drawn faces of FER+'s classes, every eighth called contempt, which cannot be drawn."""
    seven = drawn_faces(420, seed=5).with_label_set(FERPLUS)
    labels = np.where(np.arange(len(seven)) % 8 == 0, FERPLUS.number("contempt"), seven.labels)
    return FaceData.create(seven.images, labels, seven.ids, seven.splits, seven.source, drawn=True, label_set=FERPLUS)


def test_eight_classes_in_every_format(tmp_path):
    data = eight_classes()
    run, folder = tmp_path / "run", tmp_path / "saved_models" / "m"
    run.mkdir()
    keras.utils.set_random_seed(1)
    kernel = keras.initializers.RandomNormal(stddev=1.0)
    inputs = keras.Input((48, 48, 1))
    pooled = keras.layers.AveragePooling2D(6)(keras.layers.Rescaling(1 / 64, offset=-2.0)(inputs))
    keras.Model(inputs, keras.layers.Dense(8, kernel_initializer=kernel)(keras.layers.Flatten()(pooled))).save(
        run / "model.keras"
    )
    fingerprint = mark_validation(data).split("train").fingerprint
    config = TeacherConfig(
        DataConfig(data.source, fingerprint, classes=FERPLUS.classes), "small-cnn", fit=FitConfig(epochs=1)
    )
    write_json(run / "config.json", {"config": to_dict(config), "environment": environment()})
    pd.DataFrame({"epoch": [0], "val_accuracy": [0.2], "seconds": [1.5]}).to_csv(run / "metrics.csv", index=False)
    ship(run, folder, data, half=False)
    exports = export_model(folder, data=data, say=lambda line: None)
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
