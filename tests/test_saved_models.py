"""What is shipped is whole, small, and answers as it did when it was published."""

import subprocess
from pathlib import Path

import pytest

from fer_keras.cards.model_card import read_card, read_cards, standing_texts
from fer_keras.cards.sample import SAMPLE_FILE, SAMPLE_TOLERANCE, sample_difference
from fer_keras.cards.table import index_text
from fer_keras.cards.text import card_text
from fer_keras.config import StudentConfig, TeacherConfig, from_dict
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.report import MISTAKES_FIGURE
from fer_keras.files import read_json, write_json
from fer_keras.jobs.recipes import is_of_student
from fer_keras.labels import FER2013
from fer_keras.models.load import load_model

SAVED = Path(__file__).parents[1] / "saved_models"
FOLDERS = sorted(
    path for path in SAVED.iterdir() if path.is_dir() and path.name not in ("frontier", "measurements", "two-heads-16")
)
MODELS = [folder for folder in FOLDERS if (folder / "model.keras").exists()]

RECIPES = sorted([*SAVED.glob("*/config.json"), *SAVED.glob("*/teachers/*.json")])

MOST_BYTES = 60_000_000


def name_of(folder):
    return folder.name


def test_all_of_it_takes_at_most_60_mb():
    # What git does not know of, as checkpoints of an unfinished search, is not published.
    listed = subprocess.run(["git", "ls-files", "-z", SAVED], cwd=SAVED, capture_output=True, text=True, check=False)
    files = [SAVED / name for name in listed.stdout.split("\0") if name] or [*SAVED.rglob("*")]
    assert len(files) > 50
    assert sum(path.stat().st_size for path in files if path.is_file()) <= MOST_BYTES


def test_the_table_is_that_of_the_cards():
    assert (SAVED / "README.md").read_text(encoding="utf-8") == index_text(read_cards(SAVED))


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_card_is_that_of_the_folder(folder):
    card = read_card(folder)
    assert (folder / "card.md").read_text(encoding="utf-8") == card_text(card)
    assert card["name"] == folder.name and not card["scores"]["drawn"]
    assert card["classes"] == card["scores"]["classes"]
    assert card.items() >= standing_texts(card).items()
    assert {"val", "public_test"} <= card["scores"]["splits"].keys()
    assert all((folder / path).is_file() for path in card["figures"].values())
    assert not list(folder.rglob(MISTAKES_FIGURE)), "FER2013's faces are not passed on"
    if tuple(card["classes"]) == FER2013.classes:
        audit = read_json(SAVED / "measurements" / "data_audit.json")
        published = {split["name"]: split for split in card["data"]["audit"]["splits"]}
        assert all(published[split["name"]] == split for split in audit["splits"])
    if card["kind"] == "ensemble":
        assert not (folder / "model.keras").exists()
        now = {name: read_card(SAVED / name)["fingerprint"] for name in card["members"]}
        assert {row["name"]: row["fingerprint"] for row in card["beside"]} == now, "a member was shipped again"
    else:
        assert card["size"]["file_bytes"] == (folder / "model.keras").stat().st_size
        assert card["recipe"]["config"] == read_json(folder / "config.json")["config"]
        assert (folder / SAMPLE_FILE).exists()


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.relative_to(SAVED).as_posix())
def test_a_recipe_reads_back_and_its_teachers_are_here_or_have_recipes(file):
    kind = StudentConfig if is_of_student(file) else TeacherConfig
    config = from_dict(kind, read_json(file)["config"], file)
    for name in getattr(config, "teacher_names", ()):
        assert (SAVED / name / "model.keras").is_file() or [*SAVED.glob(f"*/teachers/{name}.json")]


@pytest.mark.parametrize("folder", MODELS, ids=name_of)
def test_a_model_as_loaded_gives_its_published_outputs(folder):
    assert sample_difference(load_model(folder), folder) <= SAMPLE_TOLERANCE


def test_the_student_names_its_teacher():
    names = [teacher["name"] for teacher in read_card(SAVED / "reference-mobilenet")["recipe"]["teachers"]]
    assert names == ["separable-93k"]


@pytest.mark.parametrize("name", ["separable-88k", "teachers"])
def test_a_damaged_card_is_a_sentence_that_names_the_key(name, tmp_path):
    card = read_json(SAVED / name / "card.json")
    damaged = [(key, {k: v for k, v in card.items() if k != key}) for key in ("name", "size", "scores", "data")]
    damaged += [(key, {**card, key: value}) for key, value in (("kind", "pet"), ("classes", 7), ("figures", []))]
    splits = card["scores"]["splits"]
    damaged.append(("scores.splits.val.all", {**card, "scores": {**card["scores"], "splits": {**splits, "val": {}}}}))
    score = splits["val"]["all"]
    for field in ("per_class_recall", "confusion", "accuracy_interval"):
        shorter = {**splits["val"], "all": {**score, field: score[field][:-1]}}
        damaged.append(("scores.splits.val", {**card, "scores": {**card["scores"], "splits": {"val": shorter}}}))
    damaged.append(("scores.splits", {**card, "scores": {**card["scores"], "splits": {"spring": splits["val"]}}}))
    counted = [{**split, "class_counts": {"happy": 1}} for split in card["data"]["audit"]["splits"]]
    audit = {**card["data"]["audit"], "splits": counted}
    damaged.append(("data.audit", {**card, "data": {**card["data"], "audit": audit}}))
    damaged.append(("size.parameters", {**card, "size": {**card["size"], "parameters": "many"}}))
    for key, value in damaged:
        write_json(tmp_path / "card.json", value)
        with pytest.raises(FerKerasError, match=rf"card\.json: expected a model card: {key}\b"):
            read_card(tmp_path)
