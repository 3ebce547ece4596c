"""The frontier's points, its Pareto set and the pick, against numbers made by hand."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import keras
import numpy as np
import pandas as pd
import pytest
from command import ROOT, run
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from scipy.stats import t as student_t
from small_search import BASE, search_in

from fer_keras.errors import FerKerasError
from fer_keras.evaluation import plots
from fer_keras.models import FAMILIES, PRESETS
from fer_keras.models.budget import multiply_adds
from tuner.baselines import Baseline, baselines, read_milliseconds
from tuner.frontier import (
    COSTS,
    frontier_points,
    pareto,
    pick,
    read_ledger,
)
from tuner.frontier_differences import differences, with_gains
from tuner.frontier_figures import frontier_figure, gain_figure

PUBLISHED = [model for model in baselines(ROOT / "saved_models") if model.kind != "shipped"]


def test_pareto_by_hand():
    cost = np.array([1, 2, 2, 3, 4, 5, np.nan, 1])
    accuracy = np.array([0.5, 0.6, 0.55, 0.6, 0.7, 0.69, 0.9, 0.5])
    expected = [True, True, False, False, True, False, False, True]  # equal points do not beat each other
    assert pareto(cost, accuracy).tolist() == expected


def test_points_are_means_with_a_spread_pooled_over_all_points(points, row_of):
    row = row_of(points, "cnn", 5_000)
    assert row["val_accuracy"] == pytest.approx(0.51) and row["public_test_accuracy"] == pytest.approx(0.49)
    # Squares about the means: 2 (.01)^2 for three pairs, none for the other two; a degree of freedom each of five.
    deviation = (3 * 2 * 0.01**2 / 5) ** 0.5
    error = student_t.ppf(0.975, 5) * deviation / 2**0.5
    assert row["val_accuracy_high"] - row["val_accuracy"] == pytest.approx(error)
    assert row["val_accuracy"] - row["val_accuracy_low"] == pytest.approx(error)
    assert row["seeds"] == 2 and row["model"] == "trial_0001/m/model.keras", "the better seed by validation"
    assert row["train_accuracy"] == pytest.approx(0.53)


def test_a_lucky_seed_does_not_beat_a_mean(ledger, points, row_of):
    lucky = ledger[(ledger["family"] == "cnn") & (ledger["budget"] == 5_000) & (ledger["stage"] == "final")].head(1)
    more = lucky.assign(trial="9999", options='{"widths": [9], "depths": [1], "dense_widths": []}', val_accuracy=0.9)
    row = row_of(frontier_points(pd.concat([ledger, more], ignore_index=True)), "cnn", 5_000)
    assert (row["val_accuracy"], row["seeds"]) == (pytest.approx(0.51), 2)
    second = more.assign(trial="9998", seed=1, val_accuracy=0.8)
    row = row_of(frontier_points(pd.concat([ledger, more, second], ignore_index=True)), "cnn", 5_000)
    assert (row["val_accuracy"], row["seeds"]) == (pytest.approx(0.85), 2)


def test_the_gain_is_over_the_same_network_without_distillation(points, row_of):
    row = row_of(points, "cnn", 5_000)
    assert row["control_val_accuracy"] == pytest.approx(0.47) and row["val_accuracy_gain"] == pytest.approx(0.04)
    assert np.isnan(row_of(points, "mobilenet", 5_000)["val_accuracy_gain"])


def test_pareto_sets_differ_by_cost(points):
    def chosen(cost):
        rows = points[points[f"pareto_{cost}"]]
        return sorted(zip(rows["family"], rows["budget"], strict=True))

    both = [("cnn", 50_000), ("mobilenet", 5_000), ("mobilenet", 50_000)]
    assert chosen("parameters") == both
    assert chosen("multiply_adds") == both
    assert chosen("milliseconds") == sorted([*both, ("cnn", 5_000)]), "the small CNN is the fastest"


def test_pick(points):
    assert tuple(pick(points, {})[["family", "budget"]]) == ("cnn", 50_000)
    assert tuple(pick(points, {"parameters": 49_850})[["family", "budget"]]) == ("mobilenet", 50_000)
    assert tuple(pick(points, {"parameters": 5_000})[["family", "budget"]]) == ("mobilenet", 5_000)
    assert tuple(pick(points, {"milliseconds": 0.25})[["family", "budget"]]) == ("cnn", 5_000)
    with pytest.raises(FerKerasError, match="at most 10 parameters; the fewest parameters are 4,980"):
        pick(points, {"parameters": 10})
    both = {"parameters": 5_000, "multiply_adds": 300_000}
    hints = "the fewest parameters are 4,980, the fewest multiply-adds are 400,000$"
    with pytest.raises(FerKerasError, match=f"at most 5,000 parameters and at most 300,000 multiply-adds; {hints}"):
        pick(points, both)
    some = points.assign(milliseconds=points["milliseconds"].where(points["family"] == "cnn"))
    with pytest.raises(FerKerasError, match=r"no milliseconds of 2 of 4 models yet; scripts/frontier\.py --measure"):
        pick(some, {"milliseconds": 1.0})


def test_the_references_cost_what_their_families_say():
    cnn, student = (model for model in PUBLISHED if model.kind == "reference")
    for baseline, family in ((cnn, "cnn"), (student, "mobilenet")):
        assert baseline.parameters == FAMILIES[family].parameters()
        assert baseline.multiply_adds == FAMILIES[family].multiply_adds()
        assert PRESETS[baseline.preset].family == family
    assert (cnn.public_test, student.public_test) == (0.66926, 0.66341)


def test_the_baselines_cost_what_their_graphs_do():
    """As in oarriaga/face_classification and keras.applications, untrained."""
    layers = keras.layers

    def normalised(x, activation="relu"):
        return layers.Activation(activation)(layers.BatchNormalization()(x))

    def separable(x, width, activation):
        return normalised(layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x), activation)

    def xception(stem, widths):
        images = x = keras.Input((64, 64, 1))
        for width, stride in stem:
            x = normalised(layers.Conv2D(width, 3, strides=stride, use_bias=False)(x))
        for width in widths:
            shortcut = normalised(layers.Conv2D(width, 1, strides=2, use_bias=False)(x), "linear")
            x = separable(separable(x, width, "relu"), width, "linear")
            x = layers.add([layers.MaxPooling2D(3, strides=2, padding="same")(x), shortcut])
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(7, 3, padding="same")(x))
        return keras.Model(images, x)

    graphs = {
        "mini_XCEPTION": xception([(8, 1), (8, 1)], (16, 32, 64, 128)),
        "big_XCEPTION": xception([(32, 2), (64, 1)], (128, 256)),
        "MobileNet 0.25, 64 px": keras.applications.MobileNet((64, 64, 1), alpha=0.25, weights=None, classes=7),
    }
    costs = {name: (graph.count_params(), multiply_adds(graph)) for name, graph in graphs.items()}
    others = [model for model in PUBLISHED if model.kind == "other" and model.parameters]
    assert costs == {model.title: (model.parameters, model.multiply_adds) for model in others}


def test_the_figure_shows_the_points(points):
    shown = baselines(ROOT / "saved_models", {"mini_XCEPTION": 0.45})
    (ax,) = frontier_figure(points, "parameters", baselines=shown).axes
    assert ax.get_xscale() == "log"
    drawn = {container.get_label(): container.lines[0].get_xydata() for container in ax.containers}
    np.testing.assert_allclose(drawn["general CNN"], [[4_990, 0.49], [49_900, 0.59]])
    np.testing.assert_allclose(drawn["MobileNet"], [[4_980, 0.545], [49_800, 0.59]])
    stars = [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "*"]
    assert stars == [[[4_038_279, 0.66926]], [[93_139, 0.66341]]]
    assert not [line for line in frontier_figure(points, "parameters", source="drawn").axes[0].lines
                if line.get_marker() == "*"]  # fmt: skip
    ours = [Baseline("ours", "shipped", 0.7, 90_000, 14_000_000)]
    (ax,) = frontier_figure(points, "multiply_adds", baselines=ours).axes
    assert [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "P"] == [[[14_000_000, 0.7]]]
    (ax,) = frontier_figure(points, "milliseconds", baselines=shown).axes
    assert [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "x"] == [[[0.45, 0.654]]]
    assert [text.get_text() for text in ax.texts] == ["mini_XCEPTION", "face-api.js"], "others were not measured"
    (gain,) = gain_figure(with_gains(points, pd.DataFrame())).axes
    np.testing.assert_allclose(gain.containers[0].lines[0].get_xydata(), [[4_990, 3.0]])


def test_names_make_room_for_each_other(points):
    references = [model for model in PUBLISHED if model.kind == "reference"]
    names = [f"a student of many, {number}" for number in range(5)]
    crowd = [Baseline(name, "shipped", 0.66 + number / 2000, 93_000, 10**7) for number, name in enumerate(names)]
    figure = frontier_figure(points, "parameters", baselines=references + crowd)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in figure.axes[0].texts]
    assert len(boxes) == 7
    assert not [1 for i, box in enumerate(boxes) for other in boxes[:i] if box.overlaps(other)]
    assert all(figure.axes[0].bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


@pytest.mark.parametrize("cost", COSTS)
def test_no_name_covers_a_mark_in_what_is_published(cost):
    folder = ROOT / "saved_models" / "frontier"
    shown = baselines(ROOT / "saved_models", read_milliseconds(folder))
    figure = frontier_figure(pd.read_csv(folder / "frontier.csv"), cost, baselines=shown)
    figure.draw_without_rendering()
    (ax,) = figure.axes
    boxes = [Text.get_window_extent(text) for text in ax.texts]
    marks = [line for line in ax.lines if line.get_marker() in ("*", "P", "x")]
    assert len(marks) >= 8
    for mark in marks:
        (middle,) = ax.transData.transform(mark.get_xydata())
        half = mark.get_markersize() / 2 * figure.dpi / 72
        around = Bbox([middle - half, middle + half])
        assert not [box for box in boxes if box.overlaps(around)], "a name covers a mark"


def test_shipped_students_are_those_of_the_cards():
    shipped = {model.title: model for model in baselines(ROOT / "saved_models") if model.kind == "shipped"}
    assert {"reference-mobilenet", "reference-cnn"} <= shipped.keys(), "our own training of the reference's networks"
    assert not {"residual-16", "teachers"} & shipped.keys()
    assert "separable-88k" in shipped and "separable-88k-second" not in shipped, "the seed that validates better"
    flagship = shipped["separable-93k"]
    assert (flagship.parameters, round(flagship.public_test, 4)) == (92_519, 0.6924)
    assert flagship.multiply_adds == FAMILIES["separable"].multiply_adds(**PRESETS["separable-93k"].options)


def outside_files(page):
    found = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend(value for name, value in attrs if name in ("src", "href"))

    Tags().feed(page)
    return found


@pytest.fixture
def quickly(monkeypatch):
    """PNGs at 300 dpi take their time, and SVGs say the same."""
    save = plots.save_figure

    def save_svg(figure, path, **more):
        path.touch() if path.suffix == ".png" else save(figure, path, **more)

    monkeypatch.setattr(plots, "save_figure", save_svg)


def test_the_scripts_need_the_ledger_alone(ledger, tmp_path, quickly):
    ledger.to_csv(tmp_path / "ledger.csv", index=False)
    status, _, errors = run("frontier.py", tmp_path, "--shipped", ROOT / "saved_models")
    assert status == 0, errors
    assert "each size, with 95%" in (tmp_path / "frontier.html").read_text()
    table = pd.read_csv(tmp_path / "frontier.csv")
    assert table["val_accuracy"].tolist() == pytest.approx([0.51, 0.60, 0.56, 0.59])
    names = ["gain", "milliseconds", "multiply_adds", "parameters"]
    assert sorted(path.name for path in tmp_path.glob("frontier_*.png")) == [f"frontier_{n}.png" for n in names]
    assert all((tmp_path / f"frontier_{name}.svg").read_text().startswith("<?xml") for name in names)
    page = (tmp_path / "frontier.html").read_text()
    assert page.count("<svg") == 4 and "separable-93k" in page and "face-api.js" in page and outside_files(page) == []
    assert len(page) < 1_000_000
    (details,) = re.findall(r'<g id="parameters-0"><title>(.*?)</title>', page, re.DOTALL)
    assert details.startswith("general CNN\nbudget: 5000\nparameters: 4990\n") and "trial_0001/m/model" in details
    assert page.count("<title>general CNN") == 6, "two points in each of three figures"
    status, said, _ = run("pick.py", tmp_path, "--max-params", 5000)
    assert status == 0 and "mobilenet, budget 5,000: 4,980 parameters, 0.4 M multiply-adds, 0.30 ms" in said
    assert f"model: {tmp_path}/trial_0007/m/model.keras, the seed that validates best" in said
    assert re.search(r"\nval: 0.5600 \[0.\d{4}, 0.\d{4}\], the mean of \d seeds\npublic_test: 0.", said)
    for limit in (("--max-ms", 0.25), ("--max-multiply-adds", 1_000_000, "--max-ms", 0.25)):
        assert (
            "cnn, budget 5,000: 4,990 parameters, 0.9 M multiply-adds, 0.20 ms" in run("pick.py", tmp_path, *limit).out
        )
    status, said, errors = run("pick.py", tmp_path, "--max-params", 10)
    assert status == 2 and errors.startswith("error: no model of the frontier has at most 10") and "Trace" not in errors


def test_titles_say_what_was_learned_from_and_only_fer2013_has_baselines(ledger, tmp_path, quickly):
    def page(source, *words):
        search = search_in(tmp_path, base=replace(BASE, data=replace(BASE.data, source=source)))
        (tmp_path / "search.json").write_text(json.dumps(search.to_dict()))
        assert run("frontier.py", tmp_path, "--shipped", ROOT / "saved_models", *words).status == 0
        return (tmp_path / "frontier.html").read_text()

    ledger.to_csv(tmp_path / "ledger.csv", index=False)
    drawn = page("drawn faces")
    assert "found at each size, drawn faces, with 95% intervals over seeds" in drawn and "course report" not in drawn
    assert "Distilled against labels alone, drawn faces" in (tmp_path / "frontier_gain.svg").read_text()
    renamed = page("fer2013.zip", "--source", "my faces")
    assert "found at each size, my faces, with 95%" in renamed and "course report" not in renamed
    one_seed = ledger.assign(public_test_accuracy=np.nan)[ledger["seed"] == 0]
    one_seed.to_csv(tmp_path / "ledger.csv", index=False)
    unreported = page("mine.csv")
    assert "found at each size, mine.csv" in unreported and "95% intervals" not in unreported
    assert "accuracy on validation" in unreported and "course report" not in unreported
    said = run("pick.py", tmp_path).out
    assert re.search(r"\nval: 0.\d{4}, one seed\nmodel: ", said) and "nan" not in said
    one_seed[one_seed["stage"] != "control"].to_csv(tmp_path / "ledger.csv", index=False)
    assert (tmp_path / "frontier_gain.svg").exists()
    (tmp_path / "differences.csv").touch()
    page("mine.csv")
    left = {path.name for path in tmp_path.iterdir()}
    assert (
        not left & {"differences.csv", "frontier_gain.svg", "frontier_gain.png"} and "frontier_parameters.svg" in left
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no such file, expected the ledger of a search"),
        ("a,b\n1,2\n", "expected the ledger of a search, found no column 'trial'"),
        ("", "expected the ledger of a search, found something else"),
    ],
)
def test_what_is_no_ledger_is_refused(content, sentence, tmp_path):
    if content is not None:
        (tmp_path / "ledger.csv").write_text(content)
    with pytest.raises(FerKerasError, match=sentence):
        read_ledger(tmp_path)


@pytest.mark.parametrize(
    ("column", "found"),
    [("val_accuracy", "good"), ("family", "vit"), ("options", "{"), ("options", None), ("parameters", "1,000")],
)
def test_a_damaged_row_is_named(ledger, column, found, tmp_path):
    damaged = ledger.astype({column: object})
    damaged.loc[2, column] = found
    damaged.to_csv(tmp_path / "ledger.csv", index=False)
    with pytest.raises(FerKerasError, match=rf"ledger.csv: trial {ledger['trial'][2]}: found {column} "):
        read_ledger(tmp_path)


def test_damaged_files_beside_the_ledger_are_named(ledger, points, tmp_path):
    hits = tmp_path / ledger["model"][0]
    hits.parent.mkdir(parents=True)
    (tmp_path / "baseline_milliseconds.csv").write_text("{}")
    hits.with_name("hits.npz").write_bytes(b"PK")
    with pytest.raises(FerKerasError, match=r"baseline_milliseconds.csv: expected columns name and milliseconds"):
        read_milliseconds(tmp_path)
    with pytest.raises(FerKerasError, match=r"hits.npz: expected which images"):
        differences(ledger, points, tmp_path)


def test_a_ledger_without_full_schedules_has_no_points(ledger):
    with pytest.raises(FerKerasError, match="no trial of the full schedule that has ended"):
        frontier_points(ledger[ledger["stage"] == "search"])
