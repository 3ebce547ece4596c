"""The frontier's figures and page, and the commands that write and read them."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from command import ROOT, run
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from small_search import BASE, search_in

from fer_keras.evaluation import plots
from fer_keras.jobs import frontier
from tuner.baselines import Baseline, baselines, read_milliseconds
from tuner.frontier import COSTS, frontier_points
from tuner.frontier_differences import with_gains
from tuner.frontier_figures import frontier_figure, gain_figure

SAVED = ROOT / "saved_models"


def drawn_at(ax, marker):
    """Where an axis has marks of a kind."""
    return [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == marker]


def test_the_figure_shows_the_points(points):
    shown = baselines(SAVED, {"mini_XCEPTION": 0.45})
    (ax,) = frontier_figure(points, "parameters", baselines=shown).axes
    assert ax.get_xscale() == "log"
    lines = {container.get_label(): container.lines[0].get_xydata() for container in ax.containers}
    np.testing.assert_allclose(lines["general CNN"], [[4_990, 0.49], [49_900, 0.59]])
    np.testing.assert_allclose(lines["MobileNet"], [[4_980, 0.545], [49_800, 0.59]])
    assert drawn_at(ax, "*") == [[[4_038_279, 0.66926]], [[93_139, 0.66341]]]
    (ax,) = frontier_figure(points, "milliseconds", baselines=shown).axes
    assert drawn_at(ax, "x") == [[[0.45, 0.654]]]
    assert [text.get_text() for text in ax.texts] == ["mini_XCEPTION", "face-api.js"], "others were not measured"
    (ax,) = frontier_figure(points, "multiply_adds", baselines=[Baseline("b", "shipped", 0.7, 90_000, 10**7)]).axes
    assert drawn_at(ax, "P") == [[[10**7, 0.7]]]
    (gain,) = gain_figure(with_gains(points, pd.DataFrame())).axes
    np.testing.assert_allclose(gain.containers[0].lines[0].get_xydata(), [[4_990, 3.0]])


def test_no_baselines_are_drawn_where_none_are_given(points):
    assert drawn_at(frontier_figure(points, "parameters", source="drawn").axes[0], "*") == []


def test_names_make_room_for_each_other(points):
    references = [model for model in baselines(SAVED) if model.kind == "reference"]
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
    folder = SAVED / "frontier"
    shown = baselines(SAVED, read_milliseconds(folder))
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


def outside_files(page):
    links = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            links.extend(value for name, value in attrs if name in ("src", "href"))

    Tags().feed(page)
    return links


@pytest.fixture
def quickly(monkeypatch):
    """PNGs at 300 dpi take their time, and SVGs say the same."""
    save = plots.save_figure

    def save_svg(figure, path, **more):
        path.touch() if path.suffix == ".png" else save(figure, path, **more)

    monkeypatch.setattr(plots, "save_figure", save_svg)


def test_the_page_and_the_figures_need_the_ledger_alone(ledger, tmp_path, quickly):
    ledger.to_csv(tmp_path / "ledger.csv", index=False)
    status, _, errors = run("frontier.py", tmp_path, "--shipped", SAVED)
    assert status == 0, errors
    table = pd.read_csv(tmp_path / "frontier.csv")
    assert table["val_accuracy"].tolist() == pytest.approx([0.51, 0.60, 0.56, 0.59])
    names = ["gain", "milliseconds", "multiply_adds", "parameters"]
    assert sorted(path.name for path in tmp_path.glob("frontier_*.png")) == [f"frontier_{n}.png" for n in names]
    assert all((tmp_path / f"frontier_{name}.svg").read_text().startswith("<?xml") for name in names)
    page = (tmp_path / "frontier.html").read_text()
    assert "each size, with 95%" in page and "separable-93k" in page and "face-api.js" in page
    assert page.count("<svg") == 4 and outside_files(page) == [] and len(page) < 1_000_000
    (details,) = re.findall(r'<g id="parameters-0"><title>(.*?)</title>', page, re.DOTALL)
    assert details.startswith("general CNN\nbudget: 5000\nparameters: 4990\n") and "trial_0001/m/model" in details
    assert page.count("<title>general CNN") == 6, "two points in each of three figures"


def test_pick_says_what_it_costs_how_good_it_is_and_where(ledger, tmp_path):
    ledger.to_csv(tmp_path / "ledger.csv", index=False)
    status, out, _ = run("pick.py", tmp_path, "--max-params", 5000)
    assert status == 0 and "mobilenet, budget 5,000: 4,980 parameters, 0.4 M multiply-adds, 0.30 ms" in out
    assert f"model: {tmp_path}/trial_0007/m/model.keras, the seed that validates best" in out
    assert re.search(r"\nval: 0.5600 \[0.\d{4}, 0.\d{4}\], the mean of \d seeds\npublic_test: 0.", out)
    smallest = "cnn, budget 5,000: 4,990 parameters, 0.9 M multiply-adds, 0.20 ms"
    for limits in (("--max-ms", 0.25), ("--max-multiply-adds", 1_000_000, "--max-ms", 0.25)):
        assert smallest in run("pick.py", tmp_path, *limits).out
    status, _, errors = run("pick.py", tmp_path, "--max-params", 10)
    assert status == 2 and errors.startswith("error: no model of the frontier has at most 10") and "Trace" not in errors


@pytest.mark.parametrize(
    ("source", "words", "scored", "expected"),
    [
        ("fer2013.zip", [], True, ("FER2013", True)),
        ("drawn faces", [], True, ("drawn faces", False)),
        ("fer2013.zip", ["--source", "my faces"], True, ("my faces", False)),
        ("mine.csv", [], False, ("mine.csv", False)),
    ],
)
def test_baselines_stand_beside_what_was_scored_on_fer2013(points, tmp_path, source, words, scored, expected):
    search = search_in(tmp_path, base=replace(BASE, data=replace(BASE.data, source=source)))
    (tmp_path / "search.json").write_text(json.dumps(search.to_dict()))
    args = frontier.parser().parse_args([str(tmp_path), "--shipped", str(SAVED), *words])
    points = points if scored else points.assign(public_test_accuracy=np.nan)
    title, shown = frontier._source_and_baselines(args, points, tmp_path)
    assert (title, bool(shown)) == expected


def test_titles_say_what_was_learned_from_and_axes_what_was_scored(ledger, points):
    (ax,) = frontier_figure(points, "parameters", source="my faces").axes
    assert ax.get_title() == "Best students found at each size, my faces, with 95% intervals over seeds"
    assert ax.get_ylabel() == "accuracy on PublicTest"
    (ax,) = gain_figure(with_gains(points, pd.DataFrame()), source="my faces").axes
    assert ax.get_title() == "Distilled against labels alone, my faces"
    one_seed = frontier_points(ledger.assign(public_test_accuracy=np.nan)[ledger["seed"] == 0])
    (ax,) = frontier_figure(one_seed, "parameters").axes
    assert (ax.get_title(), ax.get_ylabel()) == ("Best students found at each size", "accuracy on validation")


def test_what_was_drawn_of_another_state_of_the_search_goes(ledger, tmp_path, quickly):
    stale = [tmp_path / name for name in ("frontier_gain.svg", "frontier_gain.png", "differences.csv")]
    for path in stale:
        path.touch()
    alone = ledger[(ledger["seed"] == 0) & (ledger["stage"] != "control")]
    alone.assign(public_test_accuracy=np.nan).to_csv(tmp_path / "ledger.csv", index=False)
    assert run("frontier.py", tmp_path, "--shipped", SAVED).status == 0
    assert not any(path.exists() for path in stale) and (tmp_path / "frontier_parameters.svg").exists()
    out = run("pick.py", tmp_path).out
    assert re.search(r"\nval: 0.\d{4}, one seed\nmodel: ", out) and "nan" not in out
