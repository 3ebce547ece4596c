"""With data: accuracy of each format, ranges from training images, a temperature, and the card that tells it all."""

import keras
import numpy as np
import pandas as pd
import pytest

from fer_keras.cards.exports import exports_text
from fer_keras.cards.model_card import read_card
from fer_keras.cards.text import card_text
from fer_keras.config import DataConfig, FitConfig, TeacherConfig, environment, to_dict
from fer_keras.data.dataset import mark_validation
from fer_keras.data.synthetic import drawn_faces
from fer_keras.evaluation.calibration import fit_temperature
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.files import read_json, write_json
from fer_keras.jobs.export_subject import ExportOptions
from fer_keras.jobs.exporting import export_model
from fer_keras.jobs.shipping import add_exports, ship
from fer_keras.models.load import load_model


@pytest.fixture(scope="module")
def data():
    return drawn_faces(420, seed=5)


def make_run(folder, data):
    keras.utils.set_random_seed(1)
    folder.mkdir(parents=True)
    inputs = keras.Input((48, 48, 1))
    pooled = keras.layers.AveragePooling2D(6)(keras.layers.Rescaling(1 / 255)(inputs))
    keras.Model(inputs, keras.layers.Dense(7)(keras.layers.Flatten()(pooled))).save(folder / "model.keras")
    data_config = DataConfig(data.source, mark_validation(data).split("train").fingerprint)
    config = TeacherConfig(data_config, "small-cnn", fit=FitConfig(epochs=1))
    write_json(folder / "config.json", {"config": to_dict(config), "environment": environment()})
    pd.DataFrame({"epoch": [0], "val_accuracy": [0.2], "seconds": [1.5]}).to_csv(folder / "metrics.csv", index=False)


@pytest.fixture(scope="module")
def exported(data, tmp_path_factory):
    """A run, and the model shipped from it and exported to LiteRT and ONNX."""
    root = tmp_path_factory.mktemp("root")
    make_run(root / "run", data)
    ship(root / "run", root / "saved_models" / "m", data, half=False)
    said = []
    export_model(root / "saved_models" / "m", ["litert", "onnx"], data, options=ExportOptions(say=said.append))
    return root, said


def test_each_format_is_scored_on_public_test(exported, data):
    folder = exported[0] / "saved_models" / "m"
    public = data.split("public_test")
    right = predict_logits(load_model(folder), public.images).argmax(axis=1) == public.labels
    formats = read_json(folder / "exports.json")["formats"]
    assert list(formats) == ["litert_float32", "litert_float32_1", "litert_int8", "litert_int8_1", "onnx"]
    for facts in formats.values():
        assert (facts["faces"], facts["faces_source"]) == (len(public), "PublicTest of drawn faces")
        assert facts["keras_accuracy"] == right.mean()
    assert formats["onnx"]["accuracy"] == formats["litert_float32"]["accuracy"] == right.mean()
    assert formats["litert_int8"]["calibration"] == {
        "source": "training images of drawn faces",
        "images": min(2048, int((mark_validation(data).splits == "train").sum())),
    }


def test_the_card_tells_it(exported):
    root, said = exported
    folder = root / "saved_models" / "m"
    card, text = read_card(folder), (folder / "card.md").read_text()
    assert said[-1] == f"card: {folder.resolve() / 'card.md'}"
    assert card["exports"] == read_json(folder / "exports.json")
    assert card["calibration"] == read_json(folder / "calibration.json")
    assert text == card_text(card)
    facts = card["exports"]["formats"]["litert_int8"]
    assert f"| LiteRT int8 | `model_int8.tflite` | {facts['bytes']:,} | {facts['agreement']:.2%} | " in text
    assert f"round best on {facts['calibration']['images']} faces: training images of drawn faces.\n" in text
    assert f"the temperature {card['calibration']['temperature']:.3f} (arXiv 1706.04599)" in text
    assert "| PublicTest | " in text.split("## Confidence")[1].split("## Exports")[0]


def test_a_card_without_exports_says_nothing_of_them(exported):
    card = read_card(exported[0] / "saved_models" / "m")
    bare = {key: value for key, value in card.items() if key not in ("exports", "calibration")}
    assert "## Exports" not in card_text(bare) and "## Confidence" not in card_text(bare)


def test_files_elsewhere_and_drawn_ranges_are_named(exported):
    exports = read_json(exported[0] / "saved_models" / "m" / "exports.json")
    exports["formats"]["onnx"]["kept"] = False
    exports["formats"]["litert_int8"]["calibration"] = {"source": "drawn faces", "images": 512}
    text = exports_text(exports, "teacher")
    assert "| ONNX | on demand |" in text and "Files marked `on demand` are not kept here" in text
    assert "round best on 512 faces: drawn faces. These are not photographs" in text


def test_the_temperature_is_fitted_on_validation(exported, data):
    folder = exported[0] / "saved_models" / "m"
    val = mark_validation(data).split("val")
    calibration = read_json(folder / "calibration.json")
    logits = predict_logits(load_model(folder), val.images)
    assert calibration["temperature"] == pytest.approx(fit_temperature(logits, val.labels), rel=1e-4)
    assert calibration["images"] == len(val) and list(calibration["tested_on"]) == ["public_test", "private_test"]
    assert calibration["nll"][1] <= calibration["nll"][0]


def test_a_run_gets_a_temperature_from_its_own_data_only(exported, data, tmp_path):
    make_run(tmp_path / "run", data)
    said = []
    export_model(tmp_path / "run", ["onnx"], drawn_faces(140, seed=6), options=ExportOptions(say=said.append))
    assert any(line.startswith("no temperature is fitted for the confidence: ") for line in said)
    assert not (tmp_path / "run" / "calibration.json").exists()
    export_model(tmp_path / "run", ["onnx"], data, options=ExportOptions(say=said.append))
    shipped = read_json(exported[0] / "saved_models" / "m" / "calibration.json")["temperature"]
    assert read_json(tmp_path / "run" / "calibration.json")["temperature"] == pytest.approx(shipped, rel=1e-3)


def test_a_model_shipped_again_loses_what_was_exported_of_the_old_one(exported, data, tmp_path):
    run, folder = exported[0] / "run", tmp_path / "saved_models" / "m"
    ship(run, folder, data, half=False)
    export_model(folder, ["onnx"], data)
    ship(run, folder, data, half=True)
    assert not (folder / "exports.json").exists() and not (folder / "model.onnx").exists()
    assert "exports" not in read_card(folder)
    before = read_card(folder)
    add_exports(folder)
    assert read_card(folder) == before and np.isfinite(before["calibration"]["temperature"])
