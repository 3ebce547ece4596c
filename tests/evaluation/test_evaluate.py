"""Scores of whole models, their sizes, and what cannot be loaded."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from fer_keras.data.dataset import FaceData
from fer_keras.data.synthetic import draw_faces, drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation import evaluate, tables
from fer_keras.evaluation.confidence import softmax
from fer_keras.evaluation.report import write_report
from fer_keras.evaluation.results import Evaluation, ModelSize
from fer_keras.labels import LabelSet


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
    blind = replace(data, targets=np.where(data.splits[:, None] == "private_test", np.float32(0), data.targets))
    assert list(evaluate.evaluate(reader, blind).splits) == ["public_test"]


def test_an_evaluation_is_json_without_images(reader, data):
    scores = evaluate.evaluate(reader, data).to_dict()
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    assert scores["drawn"] is True and scores["data"] == "made up"
    assert scores["size"]["parameters"] == 14 and scores["size"]["file_bytes"] is None
    assert list(scores["splits"]["private_test"]) == ["all", "without_copies", "copies"]
    assert scores["splits"]["private_test"]["without_copies"]["count"] == 12


def test_scores_come_back_from_json(reader, make_data):
    data = make_data(["train"] * 7 + ["public_test"] * 6 + ["test"] * 7)  # the last expression is not in public_test
    data.images[13:] = data.images[:7]  # and test is nothing but copies
    evaluation = evaluate.evaluate(reader, data)
    assert evaluation.splits["test"].without_copies is None
    scores = json.loads(json.dumps(evaluation.to_dict()))
    assert scores["splits"]["public_test"]["all"]["per_class_recall"][6] is None
    back = Evaluation.from_dict(scores)
    assert back.to_dict() == scores
    assert tables.scores(back) == tables.scores(evaluation) and tables.recalls(back) == tables.recalls(evaluation)
    assert back.splits["test"].logits is None and back.splits["test"].data is None
    assert Evaluation.from_dict({**scores, "size": None}).size is None


def test_an_ensemble_is_scored_by_its_mean_probability(data):
    labels = data.split("public_test").labels
    right, wrong = 2.0 * np.eye(7)[labels], 5.0 * np.eye(7)[(labels + 1) % 7]
    sizes = [ModelSize(10, 100, 1000, 7), ModelSize(20, 200, 500, 8)]
    members = [
        evaluate.evaluate_logits({"public_test": logits}, data, size=size)
        for logits, size in zip((right, wrong), sizes, strict=True)
    ]
    both = evaluate.evaluate_ensemble(members, data)
    np.testing.assert_allclose(
        softmax(both.splits["public_test"].logits), (softmax(right) + softmax(wrong)) / 2, atol=1e-6
    )
    assert both.splits["public_test"].all.accuracy == 0.0
    assert evaluate.evaluate_ensemble([members[0]] * 2, data).splits["public_test"].all.accuracy == 1.0
    assert both.size == ModelSize(30, 300, 1000, 15)
    unknown = replace(members[0], size=ModelSize(10, None, None, None))
    assert evaluate.evaluate_ensemble([unknown, members[1]], data).size == ModelSize(30, None, None, None)
    assert evaluate.evaluate_ensemble([replace(unknown, size=None), members[1]], data).size is None


def test_saved_models_are_called_by_their_folders_or_paths(reader, data, tmp_path):
    for name in ("a/member-1", "b/member-1", "c"):
        (tmp_path / name).mkdir(parents=True)
        reader.save(tmp_path / name / "model.keras")
    reader.save(tmp_path / "plain.keras")
    paths = [tmp_path / name for name in ("a/member-1", "b/member-1", "c", "plain.keras")]
    (rows,) = evaluate.evaluate_files(paths, data, splits=["public_test"]).values()
    full = [str(tmp_path / name / "model.keras") for name in ("a/member-1", "b/member-1")]
    assert [name for name, _ in rows] == ["ensemble", *full, "c", "plain"]
    assert all(list(row.splits) == ["public_test"] for _, row in rows)
    assert [name for name, _ in evaluate.evaluate_files(paths[2:3], data)[""]] == ["c"]


def test_an_ensemble_costs_what_its_members_do(reader, make_reader):
    inputs = keras.Input((48, 48, 1))
    members = [make_reader(), make_reader()]
    ensemble = keras.Model(inputs, keras.layers.Average()([member(inputs) for member in members]))
    alone, together = evaluate.model_size(reader), evaluate.model_size(ensemble)
    assert (alone.parameters, alone.multiply_adds) == (14, 7)
    assert (together.parameters, together.multiply_adds) == (28, 14)
    assert together.activation_memory == alone.activation_memory > 48 * 48 * 4


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
    for name in ("text.keras", "model.h5", "model.tflite"):
        (tmp_path / name).write_text("not a model")
        with pytest.raises(FerKerasError, match=rf"{name}: damaged or another kind of file, expected a"):
            evaluate.load_model(tmp_path / name)
    inputs = keras.Input((48, 48, 3))
    keras.Model(inputs, keras.layers.Dense(7)(keras.layers.Flatten()(inputs))).save(tmp_path / "colour.keras")
    with pytest.raises(FerKerasError, match=r"found one from \(None, 48, 48, 3\) to \(None, 7\)"):
        evaluate.load_model(tmp_path / "colour.keras")
    inputs = keras.Input((48, 48, 1))
    keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs))).save(tmp_path / "one.keras")
    with pytest.raises(FerKerasError, match=r"at least 2, found one from \(None, 48, 48, 1\) to \(None, 1\)"):
        evaluate.load_model(tmp_path / "one.keras")


def test_five_outputs_are_not_scored_on_seven_classes():
    data = drawn_faces(140, seed=0)
    with pytest.raises(FerKerasError, match=r"has 7 classes \(angry, .*\), the model gives logits \[7, 5\]"):
        evaluate.evaluate_logits({"public_test": np.zeros((7, 5))}, data)


def test_own_classes_are_scored_by_their_names(tmp_path):
    label_set = LabelSet("own", ("calm", "tense", "asleep"))
    images, labels = draw_faces(np.arange(6), seed=1), np.array([0, 1, 2, 2, 1, 0])
    data = FaceData.create(images, labels, list("abcdef"), ["test"] * 6, "own", label_set=label_set)
    evaluation = evaluate.evaluate_logits({"test": np.eye(3)[[0, 1, 2, 2, 1, 1]]}, data)
    assert evaluation.classes == ("calm", "tense", "asleep")
    assert evaluation.splits["test"].all.confusion.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 2]]
    assert Evaluation.from_dict(evaluation.to_dict()).classes == evaluation.classes
    text = write_report(tmp_path, "own", [("m", evaluation)]).read_text(encoding="utf-8")
    assert "calm called tense (1)" in text and "| asleep |" in text and "angry" not in text
    other = replace(evaluation, classes=("tense", "calm", "asleep"))
    with pytest.raises(FerKerasError, match="an ensemble needs members of the same classes in the same order"):
        evaluate.evaluate_ensemble([evaluation, other], data)
