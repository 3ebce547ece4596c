"""Data bring their classes: from folders, from a CSV's labels, from what the user or a classes.json says."""

import json

import numpy as np
import pytest
from face_files import png, text, write_csv, write_drawn_folder, write_folder, write_zip

from fer_keras.data import load_faces
from fer_keras.data.dataset import mark_validation
from fer_keras.data.synthetic import draw_faces, drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, FERPLUS
from fer_keras.training.data import training_data

FACES = draw_faces(np.arange(7), seed=4)[..., 0]
PNGS = [png(face) for face in FACES]
RAF_DB = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")


def labels_of(faces):
    """Id -> the name of its class."""
    return {name: faces.classes[label] for name, label in zip(faces.ids.tolist(), faces.labels.tolist(), strict=True)}


def folders(path, *names, split="train"):
    return write_folder(path, {f"{split}/{name}/{name}.png": PNGS[n % 7] for n, name in enumerate(names)})


def test_folders_of_other_classes_are_a_set_of_their_own_said_once(tmp_path, caplog):
    path = folders(tmp_path / "a", "sad", "happiness", "neutral")
    for _ in range(2):  # read, then from the cache
        caplog.clear()
        faces = load_faces(path)
        assert faces.classes == ("happiness", "neutral", "sad")
        assert labels_of(faces) == {"happiness": "happiness", "neutral": "neutral", "sad": "sad"}
        assert caplog.messages == [f"{path}: classes: happiness, neutral, sad (a set of their own)"]
    assert faces.with_label_set(FER2013).labels.tolist() == [3, 6, 4]


def test_all_of_ferplus_is_ferplus(tmp_path, caplog):
    faces = load_faces(folders(tmp_path / "a", *FER2013.classes, "Contempt"))
    assert faces.label_set is FERPLUS or faces.label_set == FERPLUS
    assert labels_of(faces)["happy"] == "happiness" and not caplog.messages


def test_said_classes_give_order_and_spellings(tmp_path, caplog):
    path = folders(tmp_path / "a", "sadness", "Happy")
    faces = load_faces(path, classes=("sad", "happy", "neutral"))
    assert faces.classes == ("sad", "happy", "neutral") and not caplog.messages
    assert labels_of(faces) == {"sadness": "sad", "Happy": "happy"}
    with pytest.raises(FerKerasError, match="'sadness' is no class, expected one of happy, neutral"):
        load_faces(path, classes=("happy", "neutral"))


def test_numbered_folders_are_never_guessed(tmp_path, caplog):
    path = folders(tmp_path / "a", *map(str, range(1, 8)))
    assert load_faces(path).classes == tuple("1234567")
    assert "a set of their own; --classes or a classes.json names them" in caplog.text
    named = {str(number): name for number, name in enumerate(RAF_DB, 1)}
    assert load_faces(path, classes=RAF_DB).label_set == FER2013
    assert labels_of(load_faces(path, classes=RAF_DB)) == named
    for content in (list(RAF_DB), named):
        (path / "classes.json").write_text(json.dumps(content))
        assert labels_of(load_faces(path)) == named
    (path / "classes.json").write_text('{"1": "sad", "2": "happy"}')
    with pytest.raises(FerKerasError, match=r"train/3/3\.png: '3' is not in classes\.json"):
        load_faces(path)


def test_numbers_that_do_not_say_where_they_start_are_refused(tmp_path):
    with pytest.raises(FerKerasError, match="folders 1, 2: expected 0 to 2 or 1 to 3 for 3 classes"):
        load_faces(folders(tmp_path / "a", "1", "2"), classes=("sad", "happy", "neutral"))
    faces = load_faces(folders(tmp_path / "b", "0", "1"), classes=("sad", "happy", "neutral"))
    assert labels_of(faces) == {"0": "sad", "1": "happy"}


def test_labels_of_a_csv_may_be_names_or_numbers_of_said_classes(tmp_path):
    rows = [(name, text(FACES[n])) for n, name in enumerate(("smile", "frown", "smile"))]
    faces = load_faces(write_csv(tmp_path / "a.csv", ["label", "feature"], rows))
    assert faces.classes == ("frown", "smile") and faces.labels.tolist() == [1, 0, 1]
    rows = [(n, text(FACES[n]), "Training") for n in (2, 0, 1)]
    path = write_csv(tmp_path / "b.csv", ["emotion", "pixels", "Usage"], rows)
    assert load_faces(path).labels.tolist() == [2, 0, 1] and load_faces(path).label_set == FER2013
    assert list(labels_of(load_faces(path, classes=RAF_DB)).values()) == ["disgust", "surprise", "fear"]
    with pytest.raises(FerKerasError, match=r"line 2: emotion '2', expected a whole number 0\.\.1"):
        load_faces(path, classes=("happy", "sad"))


def test_a_csv_of_pandas_and_kaggles_own_are_read(tmp_path):
    rows = [(n, n, text(FACES[n])) for n in range(3)]
    faces = load_faces(write_csv(tmp_path / "a.csv", ["", "emotion", "pixels"], rows))
    assert faces.labels.tolist() == [0, 1, 2] and faces.split_names == ("train",)
    faces = load_faces(write_csv(tmp_path / "test.csv", ["pixels"], [(text(face),) for face in FACES]))
    assert faces.labels.tolist() == [-1] * 7 and faces.split_names == ("test",)


def test_validation_of_its_own_is_kept(tmp_path):
    path = write_drawn_folder(tmp_path / "a", ("happy", "neutral", "sad"), 60)
    faces = load_faces(path)
    assert faces.classes == ("happy", "neutral", "sad") and faces.split_names == ("train", "val", "test")
    assert mark_validation(faces, 0.0) is faces
    marked, config = training_data(faces)
    assert marked is faces and config.validation == 0.0


def test_some_expressions_are_drawn_as_a_set_of_their_own():
    faces = drawn_faces(120, seed=1, classes=("happy", "sad", "neutral"))
    assert faces.classes == ("happy", "sad", "neutral") and faces.drawn
    assert all(faces.split(name).class_counts().min() >= 1 for name in faces.split_names)
    with pytest.raises(FerKerasError, match="option classes 'bored'"):
        drawn_faces(120, classes=("happy", "bored"))


def test_files_that_are_no_pictures_are_counted(tmp_path, caplog):
    members = {"train/sad/1.png": PNGS[0], "train/happy/2.webp": png(FACES[1], kind="WEBP"), "train/sad/a.txt": b"a"}
    path = write_zip(tmp_path / "a.zip", members)
    assert len(load_faces(path)) == 2
    assert f"{path}: files left out, which are no pictures: 1 (the first is train/sad/a.txt)" in caplog.messages
