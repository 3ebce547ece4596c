"""Somebody's own classes and own family go through search, frontier, tables and card; the package stays as it is."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from command import run as run_script
from small_search import BASE

from fer_keras.config import DataConfig
from fer_keras.data.dataset import mark_validation
from fer_keras.data.synthetic import drawn_faces
from fer_keras.jobs.shipping import ship
from fer_keras.models import FAMILIES, PRESETS
from fer_keras.models.blocks import classify, pixels
from fer_keras.models.family import Family, SearchPlan, WidthPlan
from fer_keras.models.registry import register_family
from fer_keras.models.specification import layer
from tuner import search
from tuner.frontier import frontier_points, pick, read_ledger
from tuner.frontier_differences import differences
from tuner.frontier_tables import families_table
from tuner.hypermodel import Material
from tuner.options import SearchOptions
from tuner.settings import Search

CLASSES = ("happy", "neutral", "surprise")


def toy(widths=(8, 12), *, num_classes):
    """Convolutions of stride 4 with group normalisation."""
    x = pixels()
    for number, width in enumerate(widths, 1):
        x = layer("Conv2D", x, filters=width, kernel_size=5, strides=4, padding="same", name=f"conv{number}")
        x = layer("GroupNormalization", x, groups=1, name=f"norm{number}")
        x = layer("Activation", x, activation="relu", name=f"act{number}")
    return classify(x, num_classes)


def plan(values):
    return WidthPlan((1.0, values["growth"]), lambda widths: {"widths": widths})


TOY = Family(
    "toy", "toy CNN", toy, ("widths",), colour="#123456", marker="v",
    search=SearchPlan({"growth": ((1.0, 2.0), 2.0)}, plan),
)  # fmt: skip


class RightLogits:
    """A teacher of three classes that is always right."""

    members, views = 1, BASE.cached_views

    def __init__(self, labels):
        self.labels = labels

    def view(self, view):
        return (4 * np.eye(len(CLASSES), dtype=np.float16)[self.labels])[:, None]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search over the toy family and the general CNN on three classes; its folder and the data."""
    folder = tmp_path_factory.mktemp("toy") / "s"
    faces = drawn_faces(240, seed=1, classes=CLASSES)
    data = mark_validation(faces)
    data_config = DataConfig(faces.source, data.split("train").fingerprint, classes=CLASSES)
    with pytest.MonkeyPatch.context() as patch:
        for table, name in ((FAMILIES, "toy"), (PRESETS, "reference-toy")):
            patch.setitem(table, name, None)  # so that it goes again
            del table[name]
        register_family(TOY)
        material = Material(data, lambda config: RightLogits(data.split("train").labels))
        patch.setattr(search, "prepare", lambda *_: material)
        options = SearchOptions(("cnn", "toy"), (3_000,), trials=1, final_epochs=2, seeds=1, control_budgets=())
        toy_search = Search(**vars(options), folder=folder, base=replace(BASE, data=data_config))
        search.run_search(toy_search, data, [], Path())
        yield folder, faces


def test_each_network_has_the_classes_and_fills_the_budget(searched):
    folder, _ = searched
    ledger = read_ledger(folder)
    assert ledger[["stage", "family", "status"]].values.tolist() == [
        [stage, family, "completed"] for stage in ("search", "final") for family in ("cnn", "toy")
    ]
    assert ledger["parameters"].between(0.97 * 3_000, 3_000).all()
    model = keras.models.load_model(folder / pick(frontier_points(ledger[ledger["family"] == "toy"]), {})["model"])
    assert model.output_shape == (None, 3)
    assert ledger["parameters"].tolist()[3] == TOY.parameters(num_classes=3, **json.loads(ledger["options"][3]))


def test_the_frontier_has_its_name_and_colour(searched, tmp_path):
    folder, _ = searched
    ended = run_script("frontier.py", folder, "--out", tmp_path)
    assert ended.status == 0, ended.err
    assert pd.read_csv(tmp_path / "frontier.csv")["family"].tolist() == ["cnn", "toy"]
    assert "<title>toy CNN" in (tmp_path / "frontier.html").read_text()
    assert "#123456" in (tmp_path / "frontier_parameters.svg").read_text()
    ledger = read_ledger(folder)
    found = differences(ledger, frontier_points(ledger), folder)
    header, _, row = families_table(found, "val").splitlines()
    assert header == "| at most | general CNN | toy CNN | ahead by |"
    toy_accuracy = ledger[(ledger["family"] == "toy") & (ledger["stage"] == "final")]["val_accuracy"].iloc[0]
    assert row.startswith("| 3,000 parameters, distilled | ") and f" | {100 * toy_accuracy:.1f} | " in row


def test_the_best_of_it_is_shipped_with_a_card(searched, tmp_path):
    folder, faces = searched
    ledger = read_ledger(folder)
    run = (folder / pick(frontier_points(ledger[ledger["family"] == "toy"]), {})["model"]).parent
    card = ship(run, tmp_path / "saved" / "toy-3k", faces, half=False).read_text()
    assert "`reference-toy`" in card and all(f"| {name} | " in card for name in CLASSES)
    facts = json.loads((tmp_path / "saved" / "toy-3k" / "card.json").read_text())
    assert facts["classes"] == list(CLASSES) and facts["size"]["parameters"] <= 3_000
