"""From faces with labels and votes to a student of votes: teachers with two heads, each of which left a part out."""

from dataclasses import replace

import numpy as np
import pytest

from fer_keras.config import NO_DATA, DataConfig, FitConfig, StudentConfig, TeacherConfig
from fer_keras.data.dataset import fold_of
from fer_keras.data.synthetic import drawn_faces
from fer_keras.distill.teachers import cached_logits, identify_teachers, load_teacher
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.labels import FER2013, FERPLUS
from fer_keras.models.load import load_model, read_label_set
from fer_keras.training.data import training_data
from fer_keras.training.run import Run
from fer_keras.training.student import train_student
from fer_keras.training.teacher import train_teacher

TINY = {"widths": (4, 8), "strides": (4, 4), "dropouts": ()}
FIT = FitConfig(epochs=2, batch_size=64, learning_rate=1e-2, ema_epochs=0.0, precision="float32")


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(600, seed=3, ambiguous=0.5)


@pytest.fixture(scope="module")
def teachers(faces, tmp_path_factory):
    """Two folders, of a teacher that left out the first half of the training images and one that left out the other."""
    folder = tmp_path_factory.mktemp("teachers")
    for left_out in (1, 2):
        options = replace(NO_DATA, targets="labels+votes", folds=2, left_out=left_out)
        data, config = training_data(faces, options)
        recipe = TeacherConfig(config, "reference-separable", TINY, mixup=0.5, weak_epochs=1, fit=FIT)
        run = Run(folder / str(left_out), recipe, resume=False)
        train_teacher(run, data.split("train"), data.split("val"))
    return [folder / "1", folder / "2"]


def test_two_heads_are_learned_from_both_targets_and_scored_apart(teachers, faces):
    history = Run(teachers[0], None, resume=True).progress.history
    for row in history:
        assert row["val_accuracy"] == pytest.approx((row["val_labels_accuracy"] + row["val_votes_accuracy"]) / 2)
    label_set = read_label_set(teachers[0])
    assert [label_set.head(head) for head in label_set.heads] == [FER2013, FERPLUS]
    data, _ = training_data(faces, replace(NO_DATA, targets="labels+votes"))
    val, logits = data.split("val"), predict_logits(load_model(teachers[0]), data.split("val").images)
    best = max(history, key=lambda row: row["val_accuracy"])
    right = (val.targets[:, :7].argmax(-1) == logits[:, :7].argmax(-1))[val.targets[:, :7].any(-1)]
    assert best["val_labels_accuracy"] == pytest.approx(right.mean(), abs=1e-6)


def test_teachers_that_left_out_parts_saw_the_other_parts_alone(faces):
    whole, config = training_data(faces)
    assert config == replace(DataConfig(faces.source, config.fingerprint), classes=FER2013.classes)
    parts = [training_data(faces, replace(NO_DATA, folds=3, left_out=part))[0] for part in (1, 2, 3)]
    for part in parts:
        np.testing.assert_array_equal(part.split("val").index, whole.split("val").index)
    seen = [set(part.split("train").index) for part in parts]
    everything = set(whole.split("train").index)
    assert set.union(*seen) == everything and not set.intersection(*seen)
    assert sum(map(len, seen)) == 2 * len(everything)


def test_a_student_of_votes_is_taught_by_the_head_of_votes_of_who_left_the_image_out(teachers, faces, tmp_path):
    data, config = training_data(faces, replace(NO_DATA, targets="votes"))
    train, loaded = data.split("train"), [load_teacher(path, data.label_set) for path in teachers]
    assert data.label_set is FERPLUS and [(t.folds, t.left_out) for t in loaded] == [(2, 1), (2, 2)]
    student = StudentConfig(config, (), "reference-separable", TINY, cached_views=2, cross_fitted=True, fit=FIT)
    fingerprints = tuple(identity.teacher for identity in identify_teachers(student, loaded, train))
    cache = cached_logits(replace(student, teachers=fingerprints), loaded, train, tmp_path / "logits")
    everyone = cached_logits(student := replace(student, cross_fitted=False), loaded, train, tmp_path / "logits")
    fold = fold_of(train, 2)
    expected = np.where((fold == 0)[:, None], *np.moveaxis(everyone.view(1), 1, 0))
    assert cache.members == 1 and everyone.members == 2
    np.testing.assert_array_equal(cache.view(1)[:, 0], expected)
    model = load_model(train_student(Run(tmp_path / "run", student, resume=False), train, data.split("val"), cache))
    assert model.output_shape == (None, 8) and read_label_set(tmp_path / "run") == FERPLUS
