"""Scores of whole models, their sizes, and what cannot be loaded."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from fer_keras.data.synthetic import drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation import evaluate
from fer_keras.evaluation.metrics import softmax


def test_logits_do_not_depend_on_the_batch(reader, data):
    logits = evaluate.predict_logits(reader, data.images, batch_size=512)
    classes = np.arange(7.0)
    pixels = data.images[:, 0, 0].astype(float)
    np.testing.assert_allclose(logits, 2 * classes * pixels / 30 - classes**2, atol=1e-4)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(evaluate.predict_logits(reader, data.images, batch_size=9), logits, atol=1e-5)
    assert evaluate.predict_logits(reader, data.images[:0]).shape == (0, 7)


def test_a_model_that_ends_in_softmax_is_scored_alike(reader, data, make_reader):
    plain = evaluate.evaluate(reader, data)
    soft = evaluate.evaluate(make_reader(softmax=True), data)
    np.testing.assert_allclose(
        softmax(soft.splits["public_test"].logits), softmax(plain.splits["public_test"].logits), atol=1e-5
    )
    assert soft.splits["public_test"].all.nll == pytest.approx(plain.splits["public_test"].all.nll, abs=1e-4)


def test_every_split_is_scored_with_and_without_copies(reader, data):
    data.images[0:2, 0, 0] = data.images[84:86, 0, 0] = 180  # the two copies are now called neutral
    result = evaluate.evaluate(reader, data)
    assert list(result.splits) == ["public_test", "private_test"]
    assert result.headline == "private_test"
    private = result.splits["private_test"]
    assert (private.copies, private.all.count, private.without_copies.count) == (2, 14, 12)
    assert private.all.accuracy == pytest.approx(12 / 14)
    assert private.without_copies.accuracy == 1.0
    public = result.splits["public_test"]
    assert (public.copies, public.all.accuracy, public.without_copies.accuracy) == (0, 1.0, 1.0)


def test_copies_of_validation_images_count_too(reader, data):
    copied = data.take(np.arange(len(data)))
    copied.splits[0] = "val"
    result = evaluate.evaluate(reader, copied)
    assert list(result.splits) == ["val", "public_test", "private_test"]
    assert result.splits["private_test"].copies == 2
    assert result.splits["val"].copies == 0  # itself is not a copy


def test_unlabelled_images_are_passed_over(reader, make_data):
    data = make_data(["train"] * 7 + ["test"] * 10, labels=[*range(7), *range(7), -1, -1, -1])
    test = evaluate.evaluate(reader, data).splits["test"]
    assert test.all.count == len(test.data) == len(test.logits) == 7


def test_a_source_with_nothing_to_score(reader, make_data):
    data = make_data(["train"] * 7 + ["test"], labels=[*range(7), -1])
    with pytest.raises(FerKerasError, match="made up: no labelled images to score, found splits"):
        evaluate.evaluate(reader, data)
    train = evaluate.evaluate(reader, data, splits=("train",)).splits["train"]
    assert (train.all.accuracy, train.copies, train.without_copies) == (1.0, None, None)


def test_without_training_images_copies_are_unknown(reader, make_data):
    test = evaluate.evaluate(reader, make_data(["test"] * 7)).splits["test"]
    assert test.copies is None and test.without_copies is None


def test_a_split_of_nothing_but_copies(reader, make_data):
    data = make_data(["train"] * 7 + ["test"] * 7)
    data.images[7:] = data.images[:7]
    test = evaluate.evaluate(reader, data).splits["test"]
    assert test.copies == 7 and test.without_copies is None and test.all.accuracy == 1.0


def test_held_back_private_test_and_drawn_private_test(reader):
    data = drawn_faces(400)
    assert evaluate.evaluate(reader, data).headline == "private_test"
    hidden = data.take(data.splits != "private_test")
    assert evaluate.evaluate(reader, hidden).headline == "public_test"
    blind = replace(data, labels=np.where(data.splits == "private_test", -1, data.labels))
    assert list(evaluate.evaluate(reader, blind).splits) == ["public_test"]


def test_an_evaluation_is_json_without_images(reader, data):
    written = evaluate.evaluate(reader, data).to_dict()
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert written["drawn"] is True and written["data"] == "made up"
    assert written["size"]["parameters"] == 14 and written["size"]["file_bytes"] is None
    assert list(written["splits"]["private_test"]) == ["all", "without_copies", "copies"]
    assert written["splits"]["private_test"]["without_copies"]["count"] == 12


def test_an_ensemble_costs_what_its_members_do(reader, make_reader):
    inputs = keras.Input((48, 48, 1))
    members = [make_reader(), make_reader()]
    ensemble = keras.Model(inputs, keras.layers.Average()([member(inputs) for member in members]))
    one, two = evaluate.model_size(reader), evaluate.model_size(ensemble)
    assert (one.parameters, one.multiply_adds) == (14, 7)
    assert (two.parameters, two.multiply_adds) == (28, 14)
    assert two.activation_memory == one.activation_memory > 48 * 48 * 4


def test_a_saved_model_comes_back_from_its_file_and_its_folder(reader, data, tmp_path):
    reader.save(tmp_path / "model.keras")
    expected = evaluate.predict_logits(reader, data.images)
    for path in (tmp_path, tmp_path / "model.keras"):
        loaded = evaluate.load_model(path)
        np.testing.assert_array_equal(evaluate.predict_logits(loaded, data.images), expected)
    file = evaluate.model_file(tmp_path)
    assert evaluate.model_size(reader, file).file_bytes == file.stat().st_size


def test_what_cannot_be_loaded(tmp_path):
    with pytest.raises(FerKerasError, match=r"nowhere\.keras: there is no such file"):
        evaluate.load_model(tmp_path / "nowhere.keras")
    with pytest.raises(FerKerasError, match=r"model\.keras: there is no such file"):
        evaluate.load_model(tmp_path)
    (tmp_path / "text.keras").write_text("not a model")
    with pytest.raises(FerKerasError, match=r"text\.keras: Keras cannot read a model from this file"):
        evaluate.load_model(tmp_path / "text.keras")
    inputs = keras.Input((48, 48, 3))
    keras.Model(inputs, keras.layers.Dense(7)(keras.layers.Flatten()(inputs))).save(tmp_path / "colour.keras")
    with pytest.raises(FerKerasError, match=r"found one from \(None, 48, 48, 3\) to \(None, 7\)"):
        evaluate.load_model(tmp_path / "colour.keras")
    inputs = keras.Input((48, 48, 1))
    keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(inputs))).save(tmp_path / "five.keras")
    with pytest.raises(FerKerasError, match=r"to \(None, 7\), found one from \(None, 48, 48, 1\) to \(None, 5\)"):
        evaluate.load_model(tmp_path / "five.keras")
