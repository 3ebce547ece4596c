"""Votes from CSVs: by id, and row by row beside fer2013.csv."""

import numpy as np
import pandas as pd
import pytest

from fer_keras.data.source import load_faces
from fer_keras.data.synthetic import drawn_faces
from fer_keras.data.votes import COLUMNS
from fer_keras.data.votes_csv import read_votes
from fer_keras.errors import FerKerasError

USAGES = {"train": "Training", "public_test": "PublicTest", "private_test": "PrivateTest"}


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(200).take(np.random.default_rng(1).permutation(200))


@pytest.fixture(scope="module")
def ballots():
    return np.random.default_rng(2).multinomial(10, [0.1] * 10, 200)


@pytest.fixture
def fer2013_csv(faces, tmp_path):
    """fer2013.csv: the faces with their splits in any order, as the real one has runs of them."""
    pixels = [" ".join(map(str, image.ravel())) for image in faces.images]
    usages = [USAGES[split] for split in faces.splits]
    path = tmp_path / "fer2013.csv"
    pd.DataFrame({"emotion": faces.labels, "pixels": pixels, "Usage": usages}).to_csv(path, index=False)
    return path


@pytest.fixture
def fer2013new(faces, ballots, tmp_path):
    usages = [USAGES[split] for split in faces.splits]
    table = pd.DataFrame(ballots, columns=COLUMNS)
    table.insert(0, "Usage", usages)
    table.insert(1, "Image name", [f"fer{number:07d}.png" for number in range(200)])
    path = tmp_path / "fer2013new.csv"
    table.to_csv(path, index=False)
    return path


def test_fer2013new_is_read_row_by_row_beside_fer2013(fer2013_csv, fer2013new, faces, ballots):
    data = load_faces(fer2013_csv)
    votes = read_votes(fer2013new, data)
    for image, ballot in zip(faces.images, ballots, strict=True):
        same = (data.images == image).all(axis=(1, 2, 3))
        assert any((votes[row] == ballot).all() for row in np.flatnonzero(same))


def test_votes_are_found_by_id(faces, ballots, tmp_path):
    table = pd.DataFrame(ballots, columns=COLUMNS).assign(id=faces.ids).sample(frac=1, random_state=0)[:150]
    table.to_csv(tmp_path / "votes.csv", index=False)
    votes = read_votes(tmp_path / "votes.csv", faces)
    there = np.isin(faces.ids, table["id"])
    np.testing.assert_array_equal(votes[there], ballots[there])
    assert there.sum() == 150 and not votes[~there].any()


def change(path, edit):
    table = pd.read_csv(path)
    edit(table).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t[:-1], "199 rows, expected one for each of the 200"),
        (lambda t: t.assign(Usage=["Training", *t["Usage"][:-1]]), "line .*: Usage .*, expected that of the same row"),
        (lambda t: t.assign(Usage="Testing"), "line 2: Usage 'Testing', expected Training"),
        (lambda t: t.assign(fear=0.5), "line 2: expected whole numbers of votes"),
        (lambda t: t.assign(fear=11), "line 2: expected whole numbers of votes"),
        (lambda t: t.drop(columns="NF"), "found no NF"),
        (lambda t: t.drop(columns="Usage"), "expected a column id, or Usage"),
        (lambda t: t.assign(id="x"), "an id is there twice"),
        (lambda t: t.assign(id=range(200)), "none of its ids is among those of fer2013.csv"),
    ],
)
def test_votes_that_do_not_go_with_the_images_are_refused(fer2013_csv, fer2013new, edit, message):
    with pytest.raises(FerKerasError, match=message):
        read_votes(change(fer2013new, edit), load_faces(fer2013_csv))


def test_what_is_no_csv_is_refused(faces, tmp_path):
    with pytest.raises(FerKerasError, match="there is no such file"):
        read_votes(tmp_path / "none.csv", faces)
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)))
    with pytest.raises(FerKerasError, match="expected a CSV of votes"):
        read_votes(tmp_path / "bytes.csv", faces)
