"""FER+'s votes: FER+'s rules, the shipped table, and images that find their own votes."""

import numpy as np
import pytest

from fer_keras.data.dataset import duplicate_groups, mark_validation, with_unlabelled
from fer_keras.data.synthetic import drawn_faces
from fer_keras.data.votes import COLUMNS, vote_majorities, vote_shares, with_votes
from fer_keras.data.votes_files import find_or_read
from fer_keras.data.votes_table import TABLE_FILE, TABLE_SPLITS, find_votes, make_table, read_table, save_table
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, FERPLUS


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
    assert TABLE_FILE.stat().st_size <= 165_000


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(400, duplicates=0.05)


@pytest.fixture(scope="module")
def drawn_votes(faces):
    return np.random.default_rng(0).multinomial(10, [0.1] * 10, len(faces)).astype(np.uint8)


def test_every_image_finds_its_own_votes_also_its_copies(faces, drawn_votes):
    kept = np.isin(faces.splits, TABLE_SPLITS)
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


def test_identical_images_get_the_rows_of_their_own_split_in_order(faces):
    train, test = faces.split("train"), faces.split("public_test")
    both = train.take(np.array([0, 0, 5]))
    ballots = np.array([ballot(anger=10), ballot(fear=10), ballot(sadness=10)], np.uint8)
    table = make_table(both, ballots)
    np.testing.assert_array_equal(find_votes(both, table), ballots)
    np.testing.assert_array_equal(find_votes(both.take(np.array([2, 1])), table), ballots[[2, 0]])
    assert not find_votes(test, table).any()
    held_back = both.take(np.array([1])).split("train")
    held_back.splits[:] = "test"
    np.testing.assert_array_equal(find_votes(held_back, table), ballots[:1])


def test_with_votes_gives_shares_or_majorities_and_says_what_it_leaves_out(faces, drawn_votes, caplog):
    train, votes = faces.split("train"), drawn_votes[faces.splits == "train"]
    soft = with_votes(train, votes)
    expected = vote_shares(votes)
    left_out = int((~expected.any(1)).sum())
    np.testing.assert_array_equal(soft.targets, expected[expected.any(1)])
    assert soft.label_set is FERPLUS and left_out == len(train) - len(soft) > 0
    assert caplog.messages == [f"drawn faces: images without usable votes, left out: {left_out}"]
    hard = with_votes(train, votes, "majority")
    assert len(hard) < len(soft) and set(np.unique(hard.targets)) == {0, 1} and (hard.targets.sum(1) == 1).all()
    np.testing.assert_array_equal(hard.votes, votes[vote_majorities(votes).any(1)])


@pytest.mark.parametrize("targets", ["votes", "majority", "labels+votes"])
def test_unlabelled_training_images_stay_without_targets(targets, caplog):
    faces = drawn_faces(200, ambiguous=1.0)
    both = with_unlabelled(faces, faces.split("public_test"))
    voted = with_votes(both, find_or_read("ferplus", both), targets)
    assert (~voted.targets.any(1)).sum() == 20 and (voted.splits[-20:] == "train").all()
    only = with_votes(faces, find_or_read("ferplus", faces), targets)
    np.testing.assert_array_equal(voted.targets[:-20], only.targets)
    said = caplog.messages[: len(caplog.messages) // 2]
    assert [message.replace("drawn faces and drawn faces unlabelled", "drawn faces") for message in said] * 2 == [
        message.replace("drawn faces and drawn faces unlabelled", "drawn faces") for message in caplog.messages
    ]


def test_labels_and_votes_are_two_heads(faces, drawn_votes, caplog):
    votes = drawn_votes.copy()
    votes[7] = 0
    unlabelled = with_unlabelled(faces, faces.split("public_test"))
    votes = np.concatenate([votes, votes[:40]])
    votes[-1] = 0
    both = with_votes(unlabelled, votes, "labels+votes")
    assert both.classes[:8] == (*(f"labels/{name}" for name in FER2013.classes), "votes/neutral")
    assert both.classes[14] == "votes/contempt" and both.label_set.heads == (slice(0, 7), slice(7, 15))
    assert len(both) == len(unlabelled) and not both.targets[-1].any()
    np.testing.assert_array_equal(both.targets[:400, :7], faces.targets)
    np.testing.assert_array_equal(both.targets[:400, 7:], vote_shares(votes[:400]))
    assert not both.targets[7, 7:].any() and not both.targets[400:, :7].any()
    assert "images without usable votes, which have their label alone" in caplog.text
    assert both.class_counts()[:7].tolist() == faces.class_counts().tolist()
    with pytest.raises(FerKerasError, match="expected FER2013's labels beside the votes"):
        with_votes(with_votes(faces, drawn_votes), drawn_votes[: len(with_votes(faces, drawn_votes))], "labels+votes")


@pytest.mark.parametrize("targets", ["votes", "majority", "labels+votes"])
def test_validation_and_copies_are_the_same_whatever_the_targets(faces, drawn_votes, targets):
    expected = mark_validation(faces, 0.2, seed=3)
    voted = with_votes(faces, drawn_votes, targets)
    marked = mark_validation(voted, 0.2, seed=3)
    for split in ("train", "val", "public_test"):
        ids = set(expected.split(split).ids.tolist()) & set(voted.ids.tolist())
        assert set(marked.split(split).ids.tolist()) == ids and ids
    groups, before = duplicate_groups(voted), duplicate_groups(faces)[voted.index]
    np.testing.assert_array_equal(groups[:, None] == groups, before[:, None] == before)
    more = mark_validation(with_unlabelled(voted, faces.split("public_test")), 0.2, seed=3)
    assert set(more.split("val").ids.tolist()) == set(marked.split("val").ids.tolist())
    assert (more.labels == -1).sum() > 30


def test_drawn_faces_bring_votes_that_the_same_call_finds():
    plain, faces = drawn_faces(300, seed=2), drawn_faces(300, seed=2, ambiguous=0.5)
    again = drawn_faces(300, seed=2, ambiguous=0.5)
    assert faces.fingerprint == again.fingerprint != plain.fingerprint
    votes = find_or_read("ferplus", faces)
    np.testing.assert_array_equal(votes, again.votes)
    assert (votes.sum(1) == 10).all() and votes.dtype == np.uint8
    np.testing.assert_array_equal(faces.labels, plain.labels)
    same = (faces.images == plain.images).all(axis=(1, 2, 3))
    assert 0.45 < same.mean() < 0.55
    own = np.array([FERPLUS.number(name) for name in FER2013.classes])[faces.labels]
    of_own = votes[np.arange(300), own]
    assert (of_own + votes[:, 8] == 10)[same].all() and (of_own[~same] < 9).mean() > 0.9
    hard = with_votes(faces, votes, "majority")
    hard.split("train").require_every_class()
    disagree = hard.labels != own[hard.index]
    assert 0.1 < disagree.mean() < 0.3
    for group in np.flatnonzero(np.bincount(duplicate_groups(faces)) > 1):
        assert len(np.unique(votes[duplicate_groups(faces) == group], axis=0)) == 1
    np.testing.assert_array_equal(drawn_faces(300, seed=2, ambiguous=0.0).images, plain.images)
    np.testing.assert_array_equal(faces.take(np.array([5, 3])).votes, votes[[5, 3]])


def test_faces_without_votes_are_refused(faces):
    with pytest.raises(FerKerasError, match="no image has usable votes, expected FER2013's images"):
        with_votes(faces, np.zeros((len(faces), 10), np.uint8))
    with pytest.raises(FerKerasError, match="these have no votes, expected faces that are drawn with votes"):
        find_or_read("ferplus", faces)
    with pytest.raises(FerKerasError, match="option ambiguous 2: expected a number from 0 to 1"):
        drawn_faces(400, ambiguous=2)


def test_a_table_survives_its_file_and_a_damaged_one_is_refused(faces, drawn_votes, tmp_path):
    table = make_table(faces, drawn_votes)
    save_table(table, tmp_path / "votes.npz.xz")
    again = read_table(tmp_path / "votes.npz.xz")
    for name in ("digests", "splits", "votes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    (tmp_path / "votes.npz.xz").write_bytes((tmp_path / "votes.npz.xz").read_bytes()[:100])
    with pytest.raises(FerKerasError, match="expected a table of votes"):
        read_table(tmp_path / "votes.npz.xz")
    np.savez(tmp_path / "other.npz", votes=table.votes)
    with pytest.raises(FerKerasError, match="expected a table of votes"):
        read_table(tmp_path / "other.npz")
