"""A format of somebody's own needs its record and one call; the package stays as it is."""

import shutil

import keras
import numpy as np
import pytest

from fer_keras.cards.exports import exports_text
from fer_keras.errors import FerKerasError
from fer_keras.export.formats import FORMATS, ExportFormat, format_names, register_format
from fer_keras.export.record import read_exports, stale_files
from fer_keras.files import read_json
from fer_keras.jobs.export_subject import ExportOptions
from fer_keras.jobs.exporting import export_model
from fer_keras.jobs.timed_files import format_colours, format_titles

CLASSES = 7
POOL = 8

RUNTIME = """
import json
import sys

import numpy as np


def main(key, path, faces, answers):
    file = np.load(path)
    images = np.load(faces).astype(np.float32) / 255
    size = int(file["pool"])
    pooled = images.reshape(-1, 48 // size, size, 48 // size, size).mean(axis=(2, 4)).reshape(len(images), -1)
    logits = pooled @ file["kernel"] + file["bias"]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    with open(answers, "wb") as out:
        np.save(out, powers / powers.sum(axis=1, keepdims=True))
    print(json.dumps({"versions": {key: "1.0", "numpy": np.__version__}, "helpers": []}))


main(*sys.argv[1:])
"""


def write_toy(model, path, inputs, factor=1.0):
    """The weights of a linear model, and the names of its classes, as NumPy's archive."""
    kernel, bias = (weight * factor for weight in model.get_layer("scores").get_weights())
    with path.open("wb") as file:
        np.savez(file, kernel=kernel, bias=bias, pool=POOL, classes=np.array(inputs.classes))


def write_wrong(model, path, inputs):
    """Logits three times as large: the same expressions, other probabilities."""
    write_toy(model, path, inputs, factor=3.0)


def write_upside_down(model, path, inputs):
    """The least likely expression becomes the likeliest."""
    write_toy(model, path, inputs, factor=-1.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((48, 48, 1))
    pooled = keras.layers.AveragePooling2D(POOL)(keras.layers.Rescaling(1 / 255)(inputs))
    scores = keras.layers.Dense(CLASSES, kernel_initializer=keras.initializers.RandomNormal(stddev=2.0), name="scores")
    keras.Model(inputs, scores(keras.layers.Flatten()(pooled))).save(folder / "model.keras")
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "linear")
    return tmp_path / "linear"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Return a function that registers the format, with the changes that it is given, until the test ends."""
    (tmp_path / "runtime.py").write_text(RUNTIME)
    said = {
        "key": "toy_archive", "name": "toy", "title": "Toy archive", "file": "model.npz", "write": write_toy,
        "runtime": tmp_path / "runtime.py", "colour": "#123456", "converters": ("numpy",),
    }  # fmt: skip
    monkeypatch.setitem(FORMATS, "toy_archive", None)  # so that it goes again
    del FORMATS["toy_archive"]
    return lambda **changes: register_format(ExportFormat(**said | changes))


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_it_is_exported_and_checked(toy, folder):
    assert "toy" not in format_names()
    toy()
    assert format_names() == ("saved_model", "litert", "onnx", "toy")
    said = []
    exports = export_model(folder, ["toy"], options=ExportOptions(say=said.append))
    assert names(folder) == ["exports.json", "model.keras", "model.npz"]
    assert exports == read_json(folder / "exports.json") and list(exports["formats"]) == ["toy_archive"]
    facts = exports["formats"]["toy_archive"]
    assert facts["file"] == "model.npz" and facts["kept"] and facts["agreement"] == 1.0
    assert facts["bytes"] == (folder / "model.npz").stat().st_size
    assert facts["largest_probability_difference"] < 1e-5 and facts["faces"] == 512
    assert facts["made_with"] == {"numpy": np.__version__}
    assert facts["run_with"] == {"toy_archive": "1.0", "numpy": np.__version__}
    assert list(np.load(folder / "model.npz")["classes"]) == facts["classes"] and "calibration" not in facts
    assert said[-1].startswith(f"toy_archive: {folder / 'model.npz'}: {facts['bytes']:,} bytes, agrees on 100.00%")
    assert not any("calibration" in line for line in said), "nothing asks for faces"


def test_a_wrong_writer_is_refused_and_nothing_is_kept(toy, folder):
    toy(write=write_wrong)
    sentence = r"model.npz: is up to 0\.\d+ off the Keras model's probabilities, expected at most 0.001, so nothing"
    with pytest.raises(FerKerasError, match=sentence):
        export_model(folder, ["toy"])
    assert names(folder) == ["model.keras"]


def test_its_own_tolerance_decides(toy, folder):
    toy(write=write_wrong, least_agreement=0.8)
    facts = export_model(folder, ["toy"])["formats"]["toy_archive"]
    assert facts["agreement"] == 1.0 and facts["largest_probability_difference"] > 1e-3
    toy(write=write_upside_down, least_agreement=0.8)  # 5 points less on drawn faces
    before = (folder / "model.npz").read_bytes()
    with pytest.raises(FerKerasError, match=r"model.npz: names .* expression on .* expected at least 75%, so nothing"):
        export_model(folder, ["toy"])
    assert (folder / "model.npz").read_bytes() == before, "what was there and right stays"
    toy(write=write_wrong, most_difference=1.0)
    export_model(folder, ["toy"])


def test_a_runtime_that_fails_is_told_in_its_own_words(toy, folder, tmp_path):
    (tmp_path / "broken.py").write_text("raise SystemExit('no such thing')")
    toy(runtime=tmp_path / "broken.py")
    with pytest.raises(FerKerasError, match=r"model.npz: its own runtime cannot use it \(no such thing\), so nothing"):
        export_model(folder, ["toy"])
    assert names(folder) == ["model.keras"]


def test_it_gets_the_faces_that_it_asks_for_and_the_card_says_which(toy, folder):
    asked = []

    def write(model, path, inputs):
        asked.append(inputs)
        write_toy(model, path, inputs)

    toy(write=write, needs_faces=True, precision="int4")
    exports = export_model(folder, ["toy"])
    (inputs,) = asked
    assert inputs.name == "linear" and len(inputs.classes) == CLASSES and len(inputs.warmup_faces) == 2
    assert inputs.calibration_faces.shape == (512, 48, 48, 1) and inputs.calibration_faces.dtype == np.uint8
    assert exports["formats"]["toy_archive"]["calibration"] == {"source": "drawn faces", "images": 512}
    assert "of the int4 file's activations are those that round best on 512 faces" in exports_text(exports, "student")


def test_the_card_and_the_timings_name_it(toy, folder):
    toy(runtime_title="NumPy")
    exports = export_model(folder, ["toy"])
    facts = exports["formats"]["toy_archive"]
    row = f"| Toy archive | `model.npz` | {facts['bytes']:,} | 100.00% | "
    assert row in exports_text(exports, "student")
    assert (format_titles()["toy_archive"], format_colours()["toy_archive"]) == ("NumPy", "#123456")
    del FORMATS["toy_archive"]
    assert row not in exports_text(exports, "student") and "toy_archive" not in format_titles()


def test_its_file_goes_with_the_model(toy, folder):
    toy()
    export_model(folder, ["toy"])
    with (folder / "model.keras").open("ab") as file:
        file.write(b"\0")
    assert stale_files(folder, folder / "model.keras") == [folder / "model.npz", folder / "exports.json"]
    assert read_exports(folder, folder / "model.keras")["formats"] == {}


def test_a_file_belongs_to_one_format(toy):
    with pytest.raises(FerKerasError, match=r"toy_archive: the file model.onnx is onnx's, expected a name of its own"):
        toy(file="model.onnx")
    assert "toy_archive" not in FORMATS


def test_an_unknown_name_is_refused(folder):
    with pytest.raises(FerKerasError, match=r"--format toy: there is none, expected some of saved_model, litert, onnx"):
        export_model(folder, ["toy"])
    assert names(folder) == ["model.keras"]
