"""Votes from files: a CSV by id, fer2013new.csv row by row, FER+'s folders by pixels."""

import numpy as np
import pandas as pd
import pytest
from face_files import png, write_drawn_folder, write_folder

from fer_keras.data.dataset import duplicate_groups
from fer_keras.data.source import load_faces
from fer_keras.data.synthetic import drawn_faces
from fer_keras.data.votes import COLUMNS, vote_majorities, vote_shares, with_votes
from fer_keras.data.votes_files import find_or_read
from fer_keras.errors import FerKerasError
from fer_keras.labels import FERPLUS

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
    votes = find_or_read(str(fer2013new), data)
    for image, ballot in zip(faces.images, ballots, strict=True):
        same = (data.images == image).all(axis=(1, 2, 3))
        assert any((votes[row] == ballot).all() for row in np.flatnonzero(same))


def test_votes_are_found_by_id(faces, ballots, tmp_path):
    table = pd.DataFrame(ballots, columns=COLUMNS).assign(id=faces.ids).sample(frac=1, random_state=0)[:150]
    table.to_csv(tmp_path / "votes.csv", index=False)
    votes = find_or_read(str(tmp_path / "votes.csv"), faces)
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
        (lambda t: t.assign(fear=0.5), "line 2: '0.5', expected whole numbers of votes"),
        (lambda t: t.assign(fear=11), "line 2: '11', expected whole numbers of votes"),
        (lambda t: t.drop(columns="NF"), "found no NF"),
        (lambda t: t.drop(columns="Usage"), "expected a column id, or Usage"),
        (lambda t: t.assign(id="x"), "an id is there twice"),
        (lambda t: t.assign(id=range(200)), "none of its ids is among those of fer2013.csv"),
    ],
)
def test_votes_that_do_not_go_with_the_images_are_refused(fer2013_csv, fer2013new, edit, message):
    with pytest.raises(FerKerasError, match=message):
        find_or_read(str(change(fer2013new, edit)), load_faces(fer2013_csv))


def test_what_is_no_csv_is_refused(faces, tmp_path):
    for option in ("", str(tmp_path / "none.csv"), "ferpluss"):
        with pytest.raises(FerKerasError, match=f"votes '{option}': there is no such file, expected 'ferplus', a CSV"):
            find_or_read(option, faces)
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)))
    with pytest.raises(FerKerasError, match="expected a CSV of votes"):
        find_or_read(str(tmp_path / "bytes.csv"), faces)
    with pytest.raises(FerKerasError, match="holds no votes, expected FER\\+'s folders"):
        find_or_read(str(write_drawn_folder(tmp_path / "a", ("happy", "sad"), 24)), faces)


FOLDERS = {"train": "FER2013Train", "public_test": "FER2013Valid", "private_test": "FER2013Test"}


def write_ferplus(path, faces, ballots):
    """`faces` as FER+'s generate_training_data.py writes them."""
    for split, folder in FOLDERS.items():
        rows = np.flatnonzero(faces.splits == split)
        names = [f"fer{row:07d}.png" for row in rows]
        write_folder(
            path / folder, {name: png(faces.images[row, ..., 0]) for name, row in zip(names, rows, strict=True)}
        )
        lines = [
            f'{name},"(0, 0, 48, 48)",{",".join(map(str, ballots[row]))}' for name, row in zip(names, rows, strict=True)
        ]
        (path / folder / "label.csv").write_text("\n".join(lines) + "\n")
    return path


def test_ferplus_folders_are_data_with_votes(faces, ballots, tmp_path):
    path = write_ferplus(tmp_path / "FERPlus" / "data", faces, ballots)
    for _ in range(2):  # read, then from the cache
        data = load_faces(path)
        rows = np.array([int(name[3:]) for name in data.ids])
        assert sorted(rows.tolist()) == list(range(200))
        np.testing.assert_array_equal(data.images, faces.images[rows])
        np.testing.assert_array_equal(data.votes, ballots[rows])
        assert data.splits.tolist() == faces.splits[rows].tolist() and data.label_set == FERPLUS
        np.testing.assert_array_equal(data.targets, vote_shares(ballots)[rows])
        np.testing.assert_array_equal(find_or_read("ferplus", data), data.votes)
    assert len(with_votes(data, data.votes, "majority")) == vote_majorities(ballots).sum()
    assert (
        len(
            load_faces(
                write_folder(
                    tmp_path / "one",
                    {f"FER2013Train/{p.name}": p.read_bytes() for p in (path / "FER2013Train").iterdir()},
                )
            )
        )
        == 160
    )


def test_ferplus_folders_give_their_votes_to_the_same_images(faces, ballots, tmp_path):
    path = write_ferplus(tmp_path / "a", faces, ballots)
    votes = find_or_read(str(path), faces)
    there = np.isin(faces.splits, ["train", "public_test"])
    np.testing.assert_array_equal(np.sort(votes[there], axis=0), np.sort(ballots[there], axis=0))
    once = np.bincount(duplicate_groups(faces))[duplicate_groups(faces)] == 1
    np.testing.assert_array_equal(votes[there & once], ballots[there & once])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(0, 0, 48, 48)", "(0, 0, 40, 48)", r"line 1: box '\(0, 0, 40, 48\)', expected \(0, 0, 48, 48\)"),
        ("fer0", "far0", "line 1: 'far0.*png' is not beside it, expected the pictures that FER"),
        (",", ",,", "line 1: .* fields, expected 12"),
        ('48)",', '48)",x', "line 1: 'x[0-9]', expected whole numbers of votes, 0..10"),
        ("\n", "\nfer0000000.png,", "line 2: .* fields, expected 12"),
    ],
)
def test_bad_rows_of_a_label_csv_are_named(faces, ballots, tmp_path, old, new, message):
    path = write_ferplus(tmp_path / "a", faces, ballots) / "FER2013Valid" / "label.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(FerKerasError, match=f"FER2013Valid/label.csv, {message}"):
        load_faces(tmp_path / "a")


def test_a_picture_twice_is_refused_and_one_without_a_row_counted(faces, ballots, tmp_path, caplog):
    path = write_ferplus(tmp_path / "a", faces, ballots) / "FER2013Test" / "label.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[1:]))
    assert len(load_faces(tmp_path / "a")) == 199
    first = lines[0].split(",")[0]
    assert f"pictures left out, which no label.csv names: 1 (the first is FER2013Test/{first})" in caplog.text
    path.write_text("\n".join([*lines, lines[0]]))
    with pytest.raises(FerKerasError, match=f"line 21: '{first}' is there twice"):
        load_faces(tmp_path / "a")
