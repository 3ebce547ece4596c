"""A model's file holds the names of its classes."""

import json
import zipfile

import keras
import numpy as np
import pytest

from fer_keras.data.model_classes import label_set_or_note, read_label_set
from fer_keras.distill.teachers import load_teacher
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, FERPLUS, LabelSet
from fer_keras.models import build
from fer_keras.models.compact import save_compact
from fer_keras.models.load import load_model, save_model

PETS = LabelSet("pets", ("cat", "dog", "hamster"))
TINY = {"widths": (4, 6), "strides": (4, 2), "dropouts": ()}


@pytest.fixture
def model():
    return build("mobilenet", num_classes=3, **TINY)


@pytest.mark.parametrize("save", [save_model, save_compact])
@pytest.mark.parametrize("label_set", [PETS, FER2013, FERPLUS])
def test_a_file_keeps_its_classes(label_set, save, tmp_path):
    model = build("mobilenet", num_classes=len(label_set), **TINY)
    save(model, tmp_path / "model.keras", label_set)
    for path in (tmp_path, tmp_path / "model.keras"):
        found = read_label_set(path)
        assert (found.name, found.classes) == (label_set.name, label_set.classes)
        again = load_model(path)
        assert again.output_shape == (None, len(label_set))
        for old, new in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(new, old)
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


def test_known_classes_in_another_order_stay_in_it(tmp_path):
    mirrored = LabelSet("mirrored", FER2013.classes[::-1])
    save_model(build("mobilenet", **TINY), tmp_path / "model.keras", mirrored)
    assert read_label_set(tmp_path).classes == FER2013.classes[::-1]


def test_without_classes_inside_those_beside_it_count(model, tmp_path):
    model.save(tmp_path / "model.keras")
    assert read_label_set(tmp_path) is None
    for config in ({"environment": {}}, {"config": {}}, {"config": {"data": {"source": "faces.csv"}}}):
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert read_label_set(tmp_path) is None
    (tmp_path / "config.json").write_text(json.dumps({"config": {"data": {"classes": ["cat", "dog", "hamster"]}}}))
    assert read_label_set(tmp_path).classes == PETS.classes
    save_model(model, tmp_path / "model.keras", LabelSet("colours", ("red", "green", "blue")))
    assert read_label_set(tmp_path).name == "colours"


def test_a_model_that_does_not_say_its_classes_is_noted_where_it_is_scored_or_teaches(model, tmp_path, caplog):
    model.save(tmp_path / "model.keras")
    assert label_set_or_note(tmp_path / "model.keras") is None
    note = f"{tmp_path / 'model.keras'} does not say its classes; those of the data are taken, in their order"
    assert caplog.messages == [note]
    assert load_teacher(tmp_path, PETS).model.output_shape == (None, 3)
    assert caplog.messages == [note] * 2
    save_model(model, tmp_path / "model.keras", PETS)
    assert label_set_or_note(tmp_path / "model.keras").classes == PETS.classes and len(caplog.messages) == 2


def test_classes_of_another_number_are_refused(model, tmp_path):
    for save in (save_model, save_compact):
        with pytest.raises(FerKerasError, match="mobilenet: has 3 outputs, expected 7: angry, disgust"):
            save(model, tmp_path / "model.keras", FER2013)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("classes", ["cat", ["cat"], ["cat", "cat"], ["cat", 2], {"cat": 1}])
@pytest.mark.parametrize("place", ["inside", "beside"])
def test_damaged_classes_are_one_sentence(classes, place, model, tmp_path):
    file, config = tmp_path / "model.keras", tmp_path / "config.json"
    model.save(file)
    if place == "inside":
        with zipfile.ZipFile(file) as old:
            members = {name: old.read(name) for name in old.namelist()}
        members["metadata.json"] = json.dumps({"classes": classes})
        with zipfile.ZipFile(file, "w") as new:
            for name, content in members.items():
                new.writestr(name, content)
    else:
        config.write_text(json.dumps({"config": {"data": {"classes": classes}}}))
    with pytest.raises(FerKerasError, match=f"{file if place == 'inside' else config}: .*class"):
        read_label_set(file)


def test_damaged_files_are_one_sentence(model, tmp_path):
    file, config = tmp_path / "model.keras", tmp_path / "config.json"
    file.write_bytes(b"no zip")
    with pytest.raises(FerKerasError, match=r"model\.keras: expected a \.keras file"):
        read_label_set(file)
    model.save(file)
    for text in ("{", "[]", '{"config": 3}', '{"config": {"data": []}}'):
        config.write_text(text)
        with pytest.raises(FerKerasError, match=f"{config}: expected"):
            read_label_set(file)


@pytest.mark.parametrize("outputs", [1, None])
def test_a_model_without_two_classes_is_refused(outputs, tmp_path):
    images = keras.Input((48, 48, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    model = keras.Model(images, keras.layers.Dense(outputs)(pooled) if outputs else images)
    model.save(tmp_path / "model.keras")
    with pytest.raises(FerKerasError, match=r"expected a model from .* with C classes, at least 2, found one from"):
        load_model(tmp_path)
