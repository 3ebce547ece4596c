"""The published outputs of a model are compared with the model, not with the drawing."""

import hashlib

import numpy as np
import pytest

from fer_keras.cards import sample
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.files import read_json, write_json


def test_a_model_agrees_with_its_own_sample_to_six_digits(reader, tmp_path):
    sample.write_sample(reader, tmp_path)
    images = sample.sample_faces()
    assert images.shape == (14, 48, 48, 1) and len({image.tobytes() for image in images}) == 14
    published = read_json(tmp_path / "sample.json")
    assert published["pixels_sha256"] == hashlib.sha256(images.tobytes()).hexdigest()
    np.testing.assert_allclose(published["logits"], predict_logits(reader, images), rtol=1e-5)
    assert sample.sample_difference(reader, tmp_path) <= 1e-6 < sample.SAMPLE_TOLERANCE


def test_a_model_that_changed_is_far_off(reader, make_reader, tmp_path):
    sample.write_sample(reader, tmp_path)
    changed = make_reader()
    kernel, bias = changed.get_weights()
    changed.set_weights([kernel * 1.001, bias])
    before, after = (predict_logits(model, sample.sample_faces()) for model in (reader, changed))
    expected = np.abs(after - before).max() / np.abs(before).max()
    assert expected > sample.SAMPLE_TOLERANCE
    assert sample.sample_difference(changed, tmp_path) == pytest.approx(expected, rel=1e-2)


def test_a_change_of_the_drawing_is_told_apart(reader, tmp_path, monkeypatch):
    sample.write_sample(reader, tmp_path)
    monkeypatch.setattr(sample, "_SEED", 1)
    with pytest.raises(FerKerasError, match=r"sample\.json: was written for other drawn faces"):
        sample.sample_difference(reader, tmp_path)


@pytest.mark.parametrize("damage", [lambda rows: rows[:-1], lambda rows: [rows[0][:-1], *rows[1:]]])
def test_a_sample_of_another_shape_is_a_sentence(damage, reader, tmp_path):
    sample.write_sample(reader, tmp_path)
    published = read_json(tmp_path / "sample.json")
    write_json(tmp_path / "sample.json", {**published, "logits": damage(published["logits"])})
    with pytest.raises(FerKerasError, match=r"sample\.json: expected logits \[14, 7\]"):
        sample.sample_difference(reader, tmp_path)
