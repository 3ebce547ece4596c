"""Runs become saved models with cards; cards are made again from what is there, with PrivateTest where it is."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from command import run

from fer_keras import cli
from fer_keras.cards.model_card import member_facts, read_card, read_cards
from fer_keras.cards.sample import SAMPLE_TOLERANCE, sample_difference
from fer_keras.cards.table import GENERATED, index_text
from fer_keras.cards.text import card_text
from fer_keras.config import DataConfig, FitConfig, StudentConfig, TeacherConfig, environment, to_dict
from fer_keras.data.dataset import mark_validation, with_unlabelled
from fer_keras.data.synthetic import drawn_faces
from fer_keras.distill.ensemble import ensemble_logits, teacher_fingerprint
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import evaluate, predict_logits
from fer_keras.evaluation.metrics import score
from fer_keras.files import read_json, write_json
from fer_keras.jobs.own_data import with_own_validation
from fer_keras.jobs.shipping import remake_card, ship, ship_ensemble
from fer_keras.models.load import load_model


@pytest.fixture(scope="module")
def drawn():
    return drawn_faces(420, seed=5)


@pytest.fixture(scope="module")
def public(drawn):
    """The same without PrivateTest, as where it is held back."""
    return drawn.take(drawn.splits != "private_test")


@pytest.fixture(scope="module", autouse=True)
def figures():
    """That there are figures matters here, not how they look: others see to that."""

    def save(figure, path, **_):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a figure")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fer_keras.evaluation.plots.save_figure", save)
        yield


def small_model(seed):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((48, 48, 1))
    pooled = keras.layers.AveragePooling2D(6)(keras.layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, keras.layers.Dense(7)(keras.layers.Flatten()(pooled)))


def make_run(folder, data, *, seed=0, teachers=None, epochs=2):
    """A run of three epochs, the second the best, as training would leave it."""
    folder.mkdir(parents=True)
    model = small_model(seed)
    model.save(folder / "model.keras")
    told = DataConfig(data.source, mark_validation(data).split("train").fingerprint)
    fit = FitConfig(epochs=3, batch_size=32)
    if teachers is None:
        config = TeacherConfig(told, "small-cnn", fit=fit)
    else:
        config = StudentConfig(told, tuple(teachers), "small-cnn", fit=fit)
    write_json(folder / "config.json", {"config": to_dict(config), "environment": environment()})
    history = {"epoch": [0, 1, 2], "val_accuracy": [0.2, 0.4, 0.3], "seconds": [1.5, 2.0, 2.5]}
    pd.DataFrame(history).iloc[:epochs].to_csv(folder / "metrics.csv", index=False)
    return model


REPRODUCE = "python scripts/{0}.py --config saved_models/{1}/config.json --name {1} --resume"
"""Of drawn faces, which need no --data."""


@pytest.fixture(scope="module")
def shipped_once(public, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("shipped")
    saved = tmp_path / "saved_models"
    fingerprints = []
    for number in (1, 2):
        model = make_run(tmp_path / f"run-{number}", public, seed=number, epochs=3)
        fingerprints.append(teacher_fingerprint(model))
        ship(tmp_path / f"run-{number}", saved / f"t{number}", public, half=number == 1)
    make_run(tmp_path / "run-3", public, seed=3, teachers=[*fingerprints, "0123456789abcdef"], epochs=3)
    ship(tmp_path / "run-3", saved / "s", public, half=False)
    return tmp_path


@pytest.fixture
def shipped(shipped_once, tmp_path):
    """Two teachers, one in half precision, and a student of both; the folder of all saved models, beside the runs."""
    shutil.copytree(shipped_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "saved_models"


def assert_scores(card, split, logits, labels):
    written, expected = card["scores"]["splits"][split]["all"], score(logits, labels).to_dict()
    assert written["nll"] == pytest.approx(expected["nll"])
    assert all(written[key] == expected[key] for key in ("count", "accuracy_interval", "macro_f1", "confusion"))


def test_what_is_shipped(shipped, public):
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


def test_copies_of_unlabelled_images_count_too(public, tmp_path):
    leaked = public.split("public_test").take(np.arange(5))
    more = with_unlabelled(public, leaked)
    make_run(tmp_path / "run", more, seed=4, epochs=3)
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


def test_an_ensemble_has_a_card_and_no_weights(shipped, public, drawn):
    path = ship_ensemble(shipped / "both", ["t1", "t2"], public, reproduce="together")
    assert sorted(p.name for p in path.parent.glob("[!.]*")) == ["card.json", "card.md", "figures"]
    card = read_card(path.parent)
    assert (card["kind"], card["members"], card["reproduce"]) == ("ensemble", ["t1", "t2"], "together")
    split = public.split("public_test")
    members = [predict_logits(load_model(shipped / name), split.images) for name in ("t1", "t2")]
    assert_scores(card, "public_test", ensemble_logits(np.stack(members, axis=1)), split.labels)
    sizes = [read_card(shipped / name)["size"] for name in ("t1", "t2")]
    for key, of in (("parameters", sum), ("multiply_adds", sum), ("file_bytes", sum), ("activation_memory", max)):
        assert card["size"][key] == of(size[key] for size in sizes)
    for row in card["beside"]:
        alone = read_card(shipped / row["name"])
        assert row == {**member_facts(alone), "scores": alone["scores"]}
        assert (row["epochs"], row["seconds"], row["teachers"]) == (3, 6.0, []), "those of its run"
    assert remake_card(path.parent, drawn) == path
    assert "private_test" in read_card(path.parent)["scores"]["splits"]
    assert "| [both](../both/card.md) (drawn faces) | ensemble | 910 |" in path.read_text()


def test_an_ensemble_may_average_over_mirror_images(shipped, public, drawn):
    path = ship_ensemble(shipped / "both", ["t1", "t2"], public, reproduce="together", mirrored=True)
    card = read_card(path.parent)
    split = public.split("public_test")
    models = [load_model(shipped / name) for name in ("t1", "t2")]
    opinions = [predict_logits(m, x) for m in models for x in (split.images, np.flip(split.images, axis=2))]
    assert not np.allclose(opinions[0], opinions[1])
    assert_scores(card, "public_test", ensemble_logits(np.stack(opinions, axis=1)), split.labels)
    sizes = [read_card(shipped / name)["size"] for name in ("t1", "t2")]
    assert card["size"]["multiply_adds"] == 2 * sum(size["multiply_adds"] for size in sizes)
    assert card["size"]["parameters"] == sum(size["parameters"] for size in sizes)
    for row in card["beside"]:
        assert row["scores"] == read_card(shipped / row["name"])["scores"], "members as they are alone"
    assert "probabilities for an image and its mirror image:" in path.read_text()
    remake_card(path.parent, drawn)
    again = read_card(path.parent)
    assert again["mirrored"] and again["size"] == card["size"]
    kept = (of["scores"]["splits"]["public_test"]["all"]["nll"] for of in (card, again))
    assert next(kept) == pytest.approx(next(kept))


def test_a_student_of_unlabelled_faces_is_shipped_with_them_and_its_card_made_without(public, drawn, tmp_path):
    more = with_unlabelled(public, drawn_faces(140, seed=9))
    make_run(tmp_path / "run", more, teachers=["0"], epochs=3)
    with pytest.raises(FerKerasError, match="was trained on other images than the training images of"):
        ship(tmp_path / "run", tmp_path / "saved" / "s", public, half=False)
    assert not (tmp_path / "saved").exists()
    ship(tmp_path / "run", tmp_path / "saved" / "s", more, half=False)
    before = read_card(tmp_path / "saved" / "s")["scores"]["splits"]
    remake_card(tmp_path / "saved" / "s", drawn)
    after = read_card(tmp_path / "saved" / "s")["scores"]["splits"]
    assert after["val"] == before["val"] and "private_test" in after


def test_an_unfinished_run_is_refused_unless_it_is_meant(public, tmp_path):
    make_run(tmp_path / "run", public, epochs=2)
    folder = tmp_path / "saved" / "t"
    with pytest.raises(FerKerasError, match=r"run: has done 2 of its 3 epochs; --unfinished ships it as it is"):
        ship(tmp_path / "run", folder, public, half=False)
    assert not folder.parent.exists()
    ship(tmp_path / "run", folder, public, half=False, unfinished=True)
    assert "2 of 3 epochs" in (folder / "card.md").read_text()


def test_what_cannot_be_shipped_or_made_again(shipped, public, tmp_path):
    def refused(sentence, call, *args, **options):
        with pytest.raises(FerKerasError, match=sentence):
            call(*args, **options)

    other = replace(public, images=255 - public.images)
    refused("t1: was trained on other images", remake_card, shipped / "t1", other)
    refused(r"card\.json: there is no such file", remake_card, tmp_path / "run-1", public)
    write_json(tmp_path / "run-1" / "card.json", {"name": "x"})
    refused(r"card\.json: expected a model card", remake_card, tmp_path / "run-1", public)
    made = {"reproduce": ""}
    refused("two or more different members", ship_ensemble, shipped / "e", ["t1", "t1"], public, **made)
    refused("two or more different members", ship_ensemble, shipped / "e", ["t1"], public, **made)
    refused("holds a model of its own", ship_ensemble, shipped / "s", ["t1", "t2"], public, **made)
    refused(r"none.card\.json: there is no such file", ship_ensemble, shipped / "e", ["t1", "none"], public, **made)
    ship_ensemble(shipped / "both", ["t1", "t2"], public, **made)
    refused("cannot itself be one", ship_ensemble, shipped / "e", ["both", "t1"], public, **made)
    assert not (shipped / "e").exists()


def test_a_readme_that_somebody_wrote_is_kept(shipped, public):
    assert (shipped / "README.md").read_text().startswith(GENERATED)
    (shipped / "README.md").write_text("# Mine\n")
    with pytest.raises(FerKerasError, match=r"README\.md: was not made by this command"):
        remake_card(shipped / "t1", public)
    assert (shipped / "README.md").read_text() == "# Mine\n"


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("evaluate", ["saved_models/t1", "--card"], "card: saved_models/t1/card.md\n"),
        ("ship_ensemble", ["both", "t1", "t2"], "card: saved_models/both/card.md\n"),
        ("ship_ensemble", ["both", "t1", "t2", "--mirrored"], "card: saved_models/both/card.md\n"),
        ("ship", ["run-1", "new"], "card: saved_models/new/card.md\n"),
    ],
)
def test_the_commands(name, words, said, shipped, public, monkeypatch):
    monkeypatch.setattr(cli, "load_data", lambda args: public)
    assert run(f"{name}.py", *words, cwd=shipped.parent)[:2] == (0, said)
    if name == "ship_ensemble":
        assert read_card(shipped / "both")["reproduce"] == f"python scripts/ship_ensemble.py {' '.join(words)}"
