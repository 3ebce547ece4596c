"""Runs become saved models with cards; cards are made again from what is there, with PrivateTest where it is."""

from dataclasses import replace

import numpy as np
import pytest
from command import run
from known_scores import assert_scores

from fer_keras import cli
from fer_keras.cards.model_card import read_card, read_cards
from fer_keras.cards.sample import SAMPLE_TOLERANCE, sample_difference
from fer_keras.cards.table import GENERATED, index_text
from fer_keras.cards.text import card_text
from fer_keras.data.dataset import with_unlabelled
from fer_keras.data.synthetic import drawn_faces
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import evaluate, predict_logits
from fer_keras.files import read_json, write_json
from fer_keras.jobs.own_data import with_own_validation
from fer_keras.jobs.shipping import remake_card, ship
from fer_keras.models.load import load_model

pytestmark = pytest.mark.usefixtures("blank_figures")

REPRODUCE = "python scripts/{0}.py --config saved_models/{1}/config.json --name {1} --resume"
"""Of drawn faces, which need no --data."""


def test_a_shipped_model_has_its_files_its_scores_and_its_card(shipped, public):
    names = ["calibration.json", "card.json", "card.md", "config.json", "figures", "metrics.csv", "model.keras"]
    names.append("sample.json")
    assert sorted(path.name for path in (shipped / "t1").glob("[!.]*")) == names
    figures = ["calibration.png", "confusion.png", "training.png"]
    assert sorted(path.name for path in (shipped / "t1" / "figures").iterdir()) == figures, "no faces"
    model, card = load_model(shipped / "t1"), read_card(shipped / "t1")
    for weight in model.get_weights():
        np.testing.assert_array_equal(weight, weight.astype(np.float16).astype(np.float32))
    assert (card["name"], card["kind"], card["reproduce"]) == ("t1", "teacher", REPRODUCE.format("train_teacher", "t1"))
    assert card["fingerprint"] == teacher_fingerprint(model) != card["fingerprint_as_trained"]
    assert card["size"]["file_bytes"] == (shipped / "t1" / "model.keras").stat().st_size
    assert card["size"]["parameters"] == 64 * 7 + 7
    split = public.split("public_test")
    assert_scores(card, "public_test", predict_logits(model, split.images), split.labels)
    recipe = card["recipe"]
    assert (recipe["epochs"], recipe["best_epoch"], recipe["best_validation_accuracy"]) == (3, 2, 0.4)
    assert recipe["seconds"] == 6.0 and recipe["config"]["fit"]["batch_size"] == 32
    assert sample_difference(model, shipped / "t1") <= SAMPLE_TOLERANCE
    assert (shipped / "t1" / "card.md").read_text() == card_text(card)
    assert (shipped / "README.md").read_text() == index_text(read_cards(shipped))


def test_teachers_are_called_by_name_as_trained_or_as_shipped(shipped):
    card = read_card(shipped / "s")
    assert card["kind"] == "student"
    assert [teacher["name"] for teacher in card["recipe"]["teachers"]] == ["t1", "t2", None]
    line = "distilled from [t1](../t1/card.md), [t2](../t2/card.md), a model that is not among these"
    assert f"{line} (fingerprint `0123456789ab`)" in card_text(card)


def test_validation_is_known_where_all_models_set_it_aside(shipped, public):
    files = [shipped / name / "model.keras" for name in ("t1", "s")]
    assert with_own_validation(files, public).split_names == ("train", "val", "public_test")
    (shipped / "stranger").mkdir()
    for others in ([*files, shipped / "stranger" / "model.keras"], []):
        assert with_own_validation(others, public) is public
    fewer = public.take(np.arange(1, len(public)))
    assert with_own_validation(files, fewer) is fewer


def test_copies_of_unlabelled_images_count_too(make_run, public, tmp_path):
    leaked = public.split("public_test").take(np.arange(5))
    more = with_unlabelled(public, leaked)
    make_run(tmp_path / "run", more, seed=4)
    ship(tmp_path / "run", tmp_path / "saved" / "u", more, half=False)
    card, plain = read_card(tmp_path / "saved" / "u"), evaluate(load_model(tmp_path / "run"), public)
    assert card["data"]["unlabelled_images"] == 5
    assert card["scores"]["splits"]["public_test"]["copies"] == plain.splits["public_test"].copies + 5
    assert "5 images were distilled on without their labels" in card_text(card)
    with pytest.raises(FerKerasError, match=r"was distilled on 5 unlabelled images, expected these or none"):
        remake_card(tmp_path / "saved" / "u", with_unlabelled(public, leaked.take(np.arange(4))))
    remake_card(tmp_path / "saved" / "u", public)
    bare = read_card(tmp_path / "saved" / "u")
    assert bare["data"]["unlabelled_images"] == 5 and "they were not at hand" in card_text(bare)
    assert bare["scores"]["splits"]["public_test"]["copies"] == plain.splits["public_test"].copies
    remake_card(tmp_path / "saved" / "u", more)
    assert read_card(tmp_path / "saved" / "u") == card


def test_whoever_has_private_test_gets_its_rows(shipped, public, drawn):
    before, table = read_card(shipped / "t1"), (shipped / "README.md").read_text()
    remake_card(shipped / "t1", public)
    assert read_card(shipped / "t1") == before and (shipped / "README.md").read_text() == table
    assert "PrivateTest" not in table
    assert remake_card(shipped / "t1", drawn) == shipped / "t1" / "card.md"
    after = read_card(shipped / "t1")
    assert list(after["scores"]["splits"]) == ["val", "public_test", "private_test"]
    for split in ("val", "public_test"):
        assert after["scores"]["splits"][split] == before["scores"]["splits"][split]
    for key in ("fingerprint", "fingerprint_as_trained", "reproduce", "recipe", "size"):
        assert after[key] == before[key], key
    private = drawn.split("private_test")
    right = predict_logits(load_model(shipped / "t1"), private.images).argmax(axis=1) == private.labels
    accuracy = after["scores"]["splits"]["private_test"]["all"]["accuracy"]
    assert accuracy == pytest.approx(right.mean())
    row = next(line for line in (shipped / "README.md").read_text().splitlines() if "(t1/card.md)" in line)
    assert f"| {100 * accuracy:.1f} [" in row
    assert f"| PrivateTest | {len(private)} | {accuracy:.2%} (" in (shipped / "t1" / "card.md").read_text()


def test_a_card_made_again_does_not_write_the_sample_again(shipped, public):
    sample = shipped / "t1" / "sample.json"
    published = read_json(sample)
    published["logits"][0][0] += 1.0
    write_json(sample, published)
    remake_card(shipped / "t1", public)
    assert read_json(sample) == published
    assert sample_difference(load_model(shipped / "t1"), shipped / "t1") > 100 * SAMPLE_TOLERANCE


def test_unlabelled_faces_are_needed_to_ship_a_student_and_not_for_its_card(make_run, public, drawn, tmp_path):
    more = with_unlabelled(public, drawn_faces(140, seed=9))
    make_run(tmp_path / "run", more, teachers=["0"])
    with pytest.raises(FerKerasError, match="was trained on other images than the training images of"):
        ship(tmp_path / "run", tmp_path / "saved" / "s", public, half=False)
    assert not (tmp_path / "saved").exists()
    ship(tmp_path / "run", tmp_path / "saved" / "s", more, half=False)
    before = read_card(tmp_path / "saved" / "s")["scores"]["splits"]
    remake_card(tmp_path / "saved" / "s", drawn)
    after = read_card(tmp_path / "saved" / "s")["scores"]["splits"]
    assert after["val"] == before["val"] and "private_test" in after


def test_an_unfinished_run_is_refused_unless_it_is_meant(make_run, public, tmp_path):
    make_run(tmp_path / "run", public, epochs=2)
    folder = tmp_path / "saved" / "t"
    with pytest.raises(FerKerasError, match=r"run: has done 2 of its 3 epochs; --unfinished ships it as it is"):
        ship(tmp_path / "run", folder, public, half=False)
    assert not folder.parent.exists()
    ship(tmp_path / "run", folder, public, half=False, unfinished=True)
    assert "2 of 3 epochs" in (folder / "card.md").read_text()


def test_a_card_of_other_data_or_of_no_model_is_refused(shipped, public, tmp_path):
    for folder, data, sentence in (
        (shipped / "t1", replace(public, images=255 - public.images), "t1: was trained on other images"),
        (tmp_path / "run-1", public, r"card\.json: there is no such file"),
    ):
        with pytest.raises(FerKerasError, match=sentence):
            remake_card(folder, data)
    write_json(tmp_path / "run-1" / "card.json", {"name": "x"})
    with pytest.raises(FerKerasError, match=r"card\.json: expected a model card"):
        remake_card(tmp_path / "run-1", public)


def test_a_readme_that_somebody_wrote_is_kept(shipped, public):
    assert (shipped / "README.md").read_text().startswith(GENERATED)
    (shipped / "README.md").write_text("# Mine\n")
    with pytest.raises(FerKerasError, match=r"README\.md: was not made by this command"):
        remake_card(shipped / "t1", public)
    assert (shipped / "README.md").read_text() == "# Mine\n"


@pytest.mark.parametrize(
    ("words", "name"), [(["evaluate.py", "saved_models/t1", "--card"], "t1"), (["ship.py", "run-1", "new"], "new")]
)
def test_the_commands_say_where_the_card_is(words, name, shipped, public, monkeypatch):
    monkeypatch.setattr(cli, "load_data", lambda args: public)
    assert run(*words, cwd=shipped.parent)[:2] == (0, f"card: saved_models/{name}/card.md\n")
