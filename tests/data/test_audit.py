"""The audit counts what was put in."""

import json

import numpy as np
import pytest
from command import run
from face_files import text, write_csv

from fer_keras.data.audit import audit
from fer_keras.data.dataset import FaceData
from fer_keras.labels import FER2013


@pytest.fixture
def images():
    images = np.random.default_rng(2).integers(0, 256, (12, 48, 48), dtype=np.uint8)
    images[1] = images[0]  # a copy inside train, of another label
    images[2] = images[0]
    images[3] = 9
    images[4] = 9  # constant, and copies of each other
    images[8] = images[5]  # public_test has a copy of train, of the same label
    images[9] = images[0]  # and one of another label
    images[11] = images[10]  # copies inside private_test; one has no label
    return images[..., None]


LABELS = [0, 3, 0, 4, 4, 5, 6, 2, 5, 6, 1, -1]
SPLITS = ["train"] * 7 + ["public_test"] * 3 + ["private_test"] * 2


def test_counts(images):
    report = audit(FaceData.create(images, np.array(LABELS), list("abcdefghijkl"), SPLITS, "made up"))
    train, _, private = report.splits
    assert [split.name for split in report.splits] == ["train", "public_test", "private_test"]
    assert [split.images for split in report.splits] == [7, 3, 2]
    assert train.class_counts == dict(zip(FER2013.classes, [2, 0, 0, 1, 2, 1, 1], strict=True))
    assert [split.unlabelled for split in report.splits] == [0, 0, 1]
    assert [split.constant for split in report.splits] == [2, 0, 0]
    assert [split.surplus_copies for split in report.splits] == [3, 0, 1]
    assert [split.surplus_copies_not_constant for split in report.splits] == [2, 0, 1]
    assert [split.copies_of_train for split in report.splits] == [None, 2, 0]
    assert (report.conflict_groups, report.conflict_images, report.train_conflict_groups) == (1, 4, 1)
    assert private.class_counts["disgust"] == 1


def test_conflicts_across_splits_only(images):
    labels = np.array(LABELS)
    labels[1] = 0
    report = audit(FaceData.create(images, labels, list("abcdefghijkl"), SPLITS, "made up"))
    assert (report.conflict_groups, report.conflict_images, report.train_conflict_groups) == (1, 4, 0)


def test_unlabelled_data_have_no_conflicts(images):
    report = audit(FaceData.create(images, np.full(12, -1), list("abcdefghijkl"), ["test"] * 12, "made up"))
    assert report.conflict_groups == report.conflict_images == 0
    assert report.splits[0].unlabelled == 12 and report.splits[0].copies_of_train == 0


def test_script(images, tmp_path):
    usages = {"train": "Training", "public_test": "PublicTest", "private_test": "PrivateTest"}
    rows = [(LABELS[i], text(images[i]), usages[SPLITS[i]]) for i in range(11)]
    path = write_csv(tmp_path / "a.csv", ["emotion", "pixels", "Usage"], rows)
    status, said, _ = run("audit_data.py", path, "--json", tmp_path / "out" / "audit.json")
    assert status == 0
    lines = {line[:26].strip(): line[26:].split() for line in said.splitlines()}
    assert lines["images"] == ["7", "3", "1"]
    assert lines["copies of train"] == ["-", "2", "(66.7%)", "0", "(0.0%)"]
    assert "identical images with different labels: 1 groups, 4 images (1 groups inside train)" in said
    report = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert report["splits"][1]["copies_of_train"] == 2 and report["conflict_images"] == 4


def test_script_says_one_sentence(tmp_path):
    status, out, err = run("audit_data.py", tmp_path / "none")
    assert status == 2 and out == ""
    assert err == f"error: {tmp_path}/none: there is no such file or folder\n"
