"""The baselines' own files, by a stand-in of the package `fer`: the same names, an untrained network."""

import keras
import numpy as np
import pytest

from fer_keras.export.baselines import fer_files, fer_pixels
from fer_keras.export.runtimes import litert


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder called fer, importable, and the Keras model in it."""
    data = tmp_path / "site" / "fer" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").write_text("raise ImportError('must not be imported')")
    inputs = keras.Input((64, 64, 1))
    x = keras.layers.Conv2D(7, 3, strides=2, use_bias=False)(inputs)
    outputs = keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization()(x)))
    model = keras.Model(inputs, outputs)
    model.save(data / "emotion_model.hdf5")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return data, model


def test_the_bundled_files_are_found_and_one_is_converted(package, tmp_path):
    data, model = package
    files = {file.runtime: file for file in fer_files(tmp_path)}
    assert files.keys() == {"keras", "litert_float32"}
    assert files["keras"].path == data / "emotion_model.hdf5"
    assert {file.parameters for file in files.values()} == {63 + 4 * 7}
    images = fer_pixels(np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1), np.uint8))
    answer, _ = litert(str(files["litert_float32"].path))
    assert np.abs(answer(images) - model.predict_on_batch(images)).max() < 1e-5
    (data / "emotion_model_quantized.tflite").write_bytes(b"")
    assert [file.runtime for file in fer_files(tmp_path)] == ["keras", "litert_float32", "litert_int8"]


def test_without_the_package_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr("fer_keras.export.baselines.find_spec", lambda name: None)
    assert fer_files(tmp_path) == []


def test_without_opencv_it_is_left_out(package, tmp_path, monkeypatch, capsys):
    from importlib.util import find_spec

    monkeypatch.setattr("fer_keras.export.baselines.find_spec", lambda name: None if name == "cv2" else find_spec(name))
    assert fer_files(tmp_path) == []
    assert "fer is left out: it is installed, but not OpenCV" in capsys.readouterr().out


def test_pixels_are_enlarged_and_scaled():
    images = np.zeros((2, 48, 48, 1), np.uint8)
    images[1] = 255
    pixels = fer_pixels(images)
    assert pixels.shape == (2, 64, 64, 1) and pixels.dtype == np.float32
    assert (pixels[0] == -1.0).all() and (pixels[1] == 1.0).all()
