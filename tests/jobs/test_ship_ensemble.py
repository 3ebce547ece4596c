"""Ensembles of saved models have cards and no weights of their own."""

import numpy as np
import pytest
from command import run
from known_scores import assert_scores

from fer_keras import cli
from fer_keras.cards.model_card import member_facts, read_card
from fer_keras.distill.ensemble import ensemble_logits
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.jobs.shipping import remake_card, ship_ensemble
from fer_keras.models.load import load_model

pytestmark = pytest.mark.usefixtures("blank_figures")


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
    nll = (of["scores"]["splits"]["public_test"]["all"]["nll"] for of in (card, again))
    assert next(nll) == pytest.approx(next(nll))


@pytest.mark.parametrize(
    ("name", "members", "sentence"),
    [
        ("e", ["t1", "t1"], "two or more different members"),
        ("e", ["t1"], "two or more different members"),
        ("s", ["t1", "t2"], "holds a model of its own"),
        ("e", ["t1", "none"], r"none.card\.json: there is no such file"),
        ("e", ["both", "t1"], "cannot itself be one"),
    ],
)
def test_what_makes_no_ensemble_is_refused(name, members, sentence, shipped, public):
    if "both" in members:
        ship_ensemble(shipped / "both", ["t1", "t2"], public, reproduce="")
    with pytest.raises(FerKerasError, match=sentence):
        ship_ensemble(shipped / name, members, public, reproduce="")
    assert not (shipped / "e").exists()


@pytest.mark.parametrize("more", [[], ["--mirrored"]])
def test_the_command_says_where_the_card_is_and_that_how_to_make_it_again(more, shipped, public, monkeypatch):
    monkeypatch.setattr(cli, "load_data", lambda args: public)
    words = ["both", "t1", "t2", *more]
    assert run("ship_ensemble.py", *words, cwd=shipped.parent)[:2] == (0, "card: saved_models/both/card.md\n")
    assert read_card(shipped / "both")["reproduce"] == f"python scripts/ship_ensemble.py {' '.join(words)}"
