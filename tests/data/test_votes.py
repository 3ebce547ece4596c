"""FER+'s votes: FER+'s rules, the shipped table, and images that find their own votes."""

import numpy as np
import pytest

from fer_keras.data import votes as votes_module
from fer_keras.data.synthetic import drawn_faces
from fer_keras.data.votes import (
    COLUMNS,
    find_votes,
    make_table,
    read_table,
    save_table,
    vote_majorities,
    vote_shares,
    with_votes,
)
from fer_keras.errors import FerKerasError
from fer_keras.labels import FERPLUS


def ballot(**counts):
    return [counts.get(name, 0) for name in COLUMNS]


BALLOTS = np.array(
    [
        ballot(neutral=4, anger=1, contempt=4, unknown=1),
        ballot(happiness=10),
        ballot(sadness=6, neutral=3, fear=1),
        ballot(unknown=6, sadness=4),
        ballot(NF=10),
        ballot(surprise=5, fear=5),
        ballot(**dict.fromkeys(FERPLUS.classes, 1)),
    ],
    np.uint8,
)


def test_shares_drop_single_votes_and_what_is_no_class():
    shares = vote_shares(BALLOTS)
    assert shares.dtype == np.float32
    place = FERPLUS.classes.index
    np.testing.assert_allclose(shares[0, [place("neutral"), place("anger"), place("contempt")]], [0.5, 0, 0.5])
    assert shares[1, place("happiness")] == 1
    np.testing.assert_allclose(shares[2, [place("sadness"), place("neutral"), place("fear")]], [2 / 3, 1 / 3, 0])
    assert shares[3, place("sadness")] == 1
    np.testing.assert_array_equal(shares.sum(1), [1, 1, 1, 1, 0, 1, 0])


def test_a_majority_has_more_than_half_of_all_votes_that_are_not_single():
    majorities = vote_majorities(BALLOTS)
    assert majorities.sum(1).tolist() == [0, 1, 1, 0, 0, 0, 0]
    assert majorities[1:3].argmax(1).tolist() == [FERPLUS.classes.index("happiness"), FERPLUS.classes.index("sadness")]


def test_the_shipped_table_has_the_counts_of_ferplus():
    table = read_table()
    train, public_test = (table.votes[table.splits == number] for number in range(2))
    assert (len(train), len(public_test)) == (28_558, 3_579)
    assert vote_majorities(train).sum() == 25_057
    of_classes = dict(zip(FERPLUS.classes, vote_majorities(public_test).sum(0).astype(int).tolist(), strict=True))
    assert sum(of_classes.values()) == 3_199 and of_classes["neutral"] == 1_182
    assert votes_module.TABLE_FILE.stat().st_size <= 1_500_000


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(400, duplicates=0.05)


@pytest.fixture(scope="module")
def drawn_votes(faces):
    return np.random.default_rng(0).multinomial(10, [0.1] * 10, len(faces)).astype(np.uint8)


def test_every_image_finds_its_own_votes_also_its_copies(faces, drawn_votes):
    kept = np.isin(faces.splits, votes_module.SPLITS)
    found = find_votes(faces, make_table(faces, drawn_votes))
    np.testing.assert_array_equal(found[kept], drawn_votes[kept])
    held_back = [tuple(row) for row in found[~kept]]
    copies = np.isin(faces.image_hashes[~kept], faces.image_hashes[kept])
    assert copies.any() and all(any(row) == copy for row, copy in zip(held_back, copies, strict=True))


def test_fewer_images_find_the_same_votes(faces, drawn_votes):
    table = make_table(faces, drawn_votes)
    whole = find_votes(faces, table)
    train = faces.split("train")
    some = np.arange(50)
    np.testing.assert_array_equal(find_votes(train.take(some), table), whole[faces.splits == "train"][some])


def test_a_copy_beyond_those_that_the_table_has_finds_none(faces, drawn_votes):
    train = faces.split("train").take(np.arange(3))
    ballots = np.full((3, 10), 2, np.uint8)
    table = make_table(train, ballots)
    twice = train.take(np.array([0, 1, 2, 0]))
    assert find_votes(twice, table).any(1).tolist() == [True, True, True, False]


def test_with_votes_gives_shares_or_majorities_and_counts_what_it_leaves_out(faces, drawn_votes):
    table = make_table(faces, drawn_votes)
    train = faces.split("train")
    soft, left_out = with_votes(train, "shares", table)
    expected = vote_shares(drawn_votes[faces.splits == "train"])
    np.testing.assert_array_equal(soft.targets, expected[expected.any(1)])
    assert soft.label_set is FERPLUS and left_out == (~expected.any(1)).sum() == len(train) - len(soft)
    hard, more = with_votes(train, "majority", table)
    assert more > left_out and set(np.unique(hard.targets)) == {0, 1}


def test_images_that_are_not_fer2013s_are_refused(faces):
    with pytest.raises(FerKerasError, match="no image has votes, expected FER2013's images"):
        with_votes(faces)


def test_a_table_survives_its_file_and_a_damaged_one_is_refused(faces, drawn_votes, tmp_path):
    table = make_table(faces, drawn_votes)
    save_table(table, tmp_path / "votes.npz")
    again = read_table(tmp_path / "votes.npz")
    for name in ("digests", "splits", "votes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    (tmp_path / "votes.npz").write_bytes((tmp_path / "votes.npz").read_bytes()[:100])
    with pytest.raises(FerKerasError, match="expected a table of votes"):
        read_table(tmp_path / "votes.npz")
    np.savez(tmp_path / "other.npz", votes=table.votes)
    with pytest.raises(FerKerasError, match="expected a table of votes"):
        read_table(tmp_path / "other.npz")
