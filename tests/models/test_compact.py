"""Compact files are smaller and hold what they should."""

import zipfile

import keras
import numpy as np
import pytest

from fer_keras.errors import FerKerasError
from fer_keras.models import from_preset
from fer_keras.models.compact import save_compact


def test_compressed_files_hold_the_same_weights(tmp_path):
    model = from_preset("small-cnn")
    save_compact(model, tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")
    for old, new in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_half_precision_rounds_and_saves_space(tmp_path):
    model = from_preset("small-cnn")
    weights = model.get_weights()
    model.save(tmp_path / "full.keras")
    save_compact(model, tmp_path / "half.keras", half=True)
    again = keras.models.load_model(tmp_path / "half.keras")
    for old, new in zip(weights, again.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old.astype(np.float16).astype(np.float32))
    assert (tmp_path / "half.keras").stat().st_size < 0.5 * (tmp_path / "full.keras").stat().st_size


def test_every_member_is_compressed(tmp_path):
    save_compact(from_preset("small-cnn"), tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        assert {"config.json", "metadata.json", "model.weights.h5"} == set(archive.namelist())


def test_a_weight_too_large_is_refused_and_nothing_is_written(tmp_path):
    model = from_preset("small-cnn")
    model.set_weights([w + 1e6 for w in model.get_weights()])
    with pytest.raises(FerKerasError, match="too large for half precision"):
        save_compact(model, tmp_path / "a.keras", half=True)
    assert not list(tmp_path.iterdir())
