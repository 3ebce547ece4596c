"""The shipped reference student, exported once without data."""

import shutil

import pytest
from command import ROOT


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """The folder of a copy with all its exports, what exports.json holds, and what was said."""
    from fer_keras.export.export import export_model

    folder = tmp_path_factory.mktemp("exported") / "reference-mobilenet"
    folder.mkdir()
    shutil.copyfile(ROOT / "saved_models" / "reference-mobilenet" / "model.keras", folder / "model.keras")
    said = []
    return folder, export_model(folder, say=said.append), said


@pytest.fixture(scope="session")
def keras_model(exported):
    from fer_keras.evaluation.evaluate import load_model

    return load_model(exported[0])
