"""The shipped reference student, exported once without data."""

import shutil

import pytest
from command import ROOT


@pytest.fixture(scope="session")
def _exported(tmp_path_factory):
    from fer_keras.export import parity
    from fer_keras.export.export import export_model

    folder = tmp_path_factory.mktemp("exported") / "reference-mobilenet"
    folder.mkdir()
    shutil.copyfile(ROOT / "saved_models" / "reference-mobilenet" / "model.keras", folder / "model.keras")
    said, processes, answers_of = [], {}, parity.answers_of

    def watched(runtime, *words):
        answers, processes[runtime] = answers_of(runtime, *words)
        return answers, processes[runtime]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "answers_of", watched)
        return folder, export_model(folder, say=said.append), said, processes


@pytest.fixture(scope="session")
def exported(_exported):
    """The folder of a copy with all its exports, what exports.json holds, and what was said."""
    return _exported[:3]


@pytest.fixture(scope="session")
def processes(_exported):
    """What the process that answered each format told of itself."""
    return _exported[3]


@pytest.fixture(scope="session")
def keras_model(exported):
    from fer_keras.models.load import load_model

    return load_model(exported[0])
