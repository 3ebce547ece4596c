"""What is committed beside a saved model is what exports.json says, of the model as it is."""

from pathlib import Path

import pytest

from fer_keras.cards.model_card import read_card
from fer_keras.data.model_classes import read_label_set
from fer_keras.export import record
from fer_keras.export.formats import FORMATS
from fer_keras.files import CALIBRATION_FILE, EXPORTS_FILE, file_sha256, read_json
from fer_keras.labels import FER2013

SAVED = Path(__file__).parents[2] / "saved_models"
FOLDERS = sorted(path.parent for path in SAVED.glob("*/card.json") if (path.parent / "model.keras").exists())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_exports_and_temperature_are_those_of_the_model(folder):
    card, sha256 = read_card(folder), file_sha256(folder / "model.keras")
    for key, name in (("exports", EXPORTS_FILE), ("calibration", CALIBRATION_FILE)):
        assert (key in card) == (folder / name).exists()
        if key in card:
            assert card[key] == read_json(folder / name) and card[key]["model_sha256"] == sha256
    formats = card["exports"]["formats"]
    assert set(formats) >= {key for key, entry in FORMATS.items() if not entry.same_as}
    for facts in formats.values():
        if facts["kept"]:
            found = record.artifact_facts(folder / facts["file"])
            assert found == {key: facts[key] for key in ("bytes", "sha256")}
        assert facts["accuracy"] is not None, "on real faces"
    kept = {facts["file"] for facts in formats.values() if facts["kept"]}
    files = {path.name for pattern in ("*.tflite", "*.onnx", "[0-9]*") for path in folder.glob(pattern)}
    assert files <= kept, "nothing unaccounted for"


@pytest.mark.parametrize("name", ["separable-25k", "separable-88k", "separable-93k"])
def test_browsers_and_microcontrollers_have_a_file_of_the_students(name):
    facts = read_card(SAVED / name)["exports"]["formats"]["litert_int8_1"]
    batched = read_card(SAVED / name)["exports"]["formats"]["litert_int8"]
    assert facts["kept"] and all(facts[key] == batched[key] for key in ("faces", "agreement", "accuracy"))
    assert read_label_set(SAVED / name / facts["file"]) == FER2013
