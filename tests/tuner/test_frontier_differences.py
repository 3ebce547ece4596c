"""Differences between the networks of a frontier, and the tables of them, against what was made by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from command import run
from small_search import search_in

from fer_keras.evaluation.comparison import ahead
from tuner.frontier import frontier_points
from tuner.frontier_differences import HALF, differences, rank_correlations, with_gains
from tuner.frontier_tables import correlation_table, families_table, gains_table, halves_table, limits_text


@pytest.fixture
def hits(ledger, tmp_path, rng):
    """Which images each model calls right, written beside it: a control of its own for each final but one seed."""
    ledger = pd.concat([ledger, controls_of(ledger, "mobilenet", 5_000)], ignore_index=True)
    made = {}
    for row in ledger[ledger["stage"].isin(["final", "control"]) & (ledger["status"] == "completed")].itertuples():
        seen = {split: rng.random(500) < row.val_accuracy for split in ("val", "public_test")}
        if (row.stage, row.family, row.budget, row.seed) == ("final", "mobilenet", 50_000, 1):
            continue  # still being trained
        made.setdefault((row.stage, row.family, row.budget), []).append(seen)
        folder = (tmp_path / row.model).parent
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "hits.npz", **seen)
    return ledger, made


def controls_of(ledger, family, budget):
    finals = ledger[(ledger["stage"] == "final") & (ledger["family"] == family) & (ledger["budget"] == budget)]
    return finals.assign(stage="control", model="control/" + finals["model"], val_accuracy=0.5)


def test_families_and_distillation_are_compared_image_by_image(points, hits, tmp_path):
    ledger, made = hits
    table = differences(ledger, points, tmp_path).set_index(["question", "family", "budget"])

    def mean(*cell):
        return np.mean([seen["public_test"].mean() for seen in made[cell]])

    for question, stage in (("families, distilled", "final"), ("families, labels alone", "control")):
        row = table.loc[question, "mobilenet", 5_000]
        assert row["against"] == "cnn"
        assert row["public_test_difference"] == pytest.approx(
            mean(stage, "mobilenet", 5_000) - mean(stage, "cnn", 5_000)
        )
        assert row["public_test_low"] < row["public_test_difference"] < row["public_test_high"]
        assert np.isnan(table.loc[question, "cnn", 5_000]["public_test_difference"])
    assert ("families, labels alone", "mobilenet", 50_000) not in table.index
    fewer = table.loc["families, distilled", "mobilenet", 50_000]
    assert fewer["seeds"] == 1 and fewer["public_test_low"] < fewer["public_test_high"]
    gain = table.loc["distillation", "cnn", 5_000]
    assert gain["against"] == "labels alone"
    assert gain["val_difference"] == pytest.approx(
        np.mean([seen["val"].mean() for seen in made["final", "cnn", 5_000]])
        - np.mean([seen["val"].mean() for seen in made["control", "cnn", 5_000]])
    )
    assert ("distillation", "cnn", 50_000) not in table.index


def test_half_of_the_parameters_are_compared_with_the_cnn_that_has_all(hits, tmp_path):
    ledger, made = hits
    doubled = ledger.assign(budget=ledger["budget"].replace(50_000, 10_000))
    found = differences(doubled, frontier_points(doubled), tmp_path)
    (row,) = found[found["question"] == HALF].to_dict("records")
    assert (row["family"], row["budget"], row["against"]) == ("mobilenet", 5_000, "cnn")
    mine, whole = (
        np.mean([seen["val"].mean() for seen in made["final", *cell]])
        for cell in (("mobilenet", 5_000), ("cnn", 50_000))
    )
    assert row["val"] == pytest.approx(mine) and row["val_difference"] == pytest.approx(mine - whole)
    header, line = cells_of(halves_table(found, "val"))
    assert header == ["at most", "general CNN with twice as many", "MobileNet", "ahead by"]
    assert line == ["5,000 parameters, distilled", f"{100 * whole:.1f}", f"{100 * mine:.1f}", ahead(row, "val")]


def test_the_intervals_of_gains_are_those_of_the_differences(points, hits, tmp_path, row_of):
    ledger, _ = hits
    table = differences(ledger, points, tmp_path)
    drawn = row_of(with_gains(points, table), "cnn", 5_000)
    gain = table[(table["question"] == "distillation") & (table["family"] == "cnn")].iloc[0]
    assert drawn["public_test_accuracy_gain_high"] == gain["public_test_high"]
    assert drawn["val_accuracy_gain_low"] == gain["val_low"]
    assert np.isnan(row_of(with_gains(points, table), "cnn", 50_000)["val_accuracy_gain_low"])


def cells_of(markdown):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines() if "---" not in line]


def test_tables_say_what_was_compared(points, hits, tmp_path):
    ledger, _ = hits
    found = differences(ledger, points, tmp_path)
    compared = found.set_index(["question", "family", "budget"])
    header, *rows = cells_of(families_table(found, "public_test"))
    assert header == ["at most", "general CNN", "MobileNet", "ahead by"]
    assert [row[0] for row in rows] == [
        "5,000 parameters, distilled", "50,000 parameters, distilled", "5,000 parameters, labels alone",
    ]  # fmt: skip
    row = compared.loc["families, distilled", "mobilenet", 50_000]
    low, middle, high = (100 * row[f"public_test_{part}"] for part in ("low", "difference", "high"))
    assert rows[1][1:] == [
        f"{100 * compared.loc['families, distilled', 'cnn', 50_000]['public_test']:.1f}",
        f"{100 * row['public_test']:.1f}",
        f"{middle:+.1f} [{low:+.1f}, {high:+.1f}]",
    ]
    header, *rows = cells_of(gains_table(found, "val"))
    assert header == ["distilled, at most", "general CNN", "MobileNet"]
    gain = compared.loc["distillation", "cnn", 5_000]
    assert rows[0][:2] == ["5,000 parameters", ahead(gain, "val")] and rows[0][2].startswith(("+", "-"))


def test_without_the_files_there_is_nothing_to_compare(points, ledger, tmp_path):
    table = differences(ledger, points, tmp_path)
    assert table.empty and with_gains(points, table)["val_accuracy_gain_low"].isna().all()


def test_the_script_measures_compares_and_writes_where_it_is_told(points, hits, tmp_path, monkeypatch):
    ledger, _ = hits
    ledger.to_csv(tmp_path / "ledger.csv", index=False)
    measured = []
    monkeypatch.setattr("tuner.latency.baseline_files", lambda folder: {"title": folder})
    monkeypatch.setattr("tuner.latency.measure", lambda *words: measured.append(words))
    monkeypatch.setattr("fer_keras.evaluation.plots.save_figure", lambda figure, path, **_: path.touch())
    words = [tmp_path, "--out", tmp_path / "out", "--shipped", tmp_path / "none", "--measure"]
    status, said, errors = run("frontier.py", *words)
    assert status == 0, errors
    assert measured == [(tmp_path, {"title": tmp_path / "none"})]
    found = differences(ledger, points, tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out" / "differences.csv"), found)
    table = pd.read_csv(tmp_path / "out" / "frontier.csv").set_index(["family", "budget"])
    gain = table.loc[("cnn", 5_000)]
    assert gain["val_accuracy_gain_low"] < gain["val_accuracy_gain"] < gain["val_accuracy_gain_high"]
    tables = families_table(found, "public_test"), halves_table(found, "val"), gains_table(found, "val")
    for shown in tables:
        assert shown in said
    assert not (tmp_path / "frontier.csv").exists() and (tmp_path / "out" / "frontier_gain.svg").exists()


def test_rank_correlations_are_spearmans(ledger):
    rng = np.random.default_rng(1)
    rows = []
    for budget in (5_000, 50_000):
        for number in range(5):
            options = json.dumps({"widths": [number]})
            short, full = rng.random(2)
            row = {**ledger.iloc[0], "family": "cnn", "budget": budget, "options": options}
            rows += [{**row, "stage": "search", "val_accuracy": short + budget}]
            rows += [{**row, "stage": "final", "seed": seed, "val_accuracy": full + budget + seed} for seed in (0, 1)]
    rows.append({**rows[0], "stage": "search", "options": "{}", "val_accuracy": 9.0})  # was not trained in full
    found = rank_correlations(pd.DataFrame(rows))
    assert found["budget"].tolist() == [
        "5,000 parameters", "50,000 parameters", "any", "any, against the mean of the budget",
    ]  # fmt: skip
    assert found["networks"].tolist() == [5, 5, 10, 10]
    for place, chosen in enumerate((slice(0, 15), slice(15, 30))):
        short = [row["val_accuracy"] for row in rows[chosen] if row["stage"] == "search"]
        full = [row["val_accuracy"] for row in rows[chosen] if row["stage"] == "final" and row["seed"] == 0]
        ranks = [np.argsort(np.argsort(values)) for values in (short, full)]
        assert found["correlation"][place] == pytest.approx(1 - 6 * np.sum((ranks[0] - ranks[1]) ** 2) / (5 * 24))
    assert found["correlation"][2] > 0.5 > found["correlation"][3], "that larger ones are better is no merit"
    assert cells_of(correlation_table(found))[1][:2] == ["5,000 parameters", "5"]
    few = rank_correlations(ledger)
    assert few["correlation"].isna().all() and cells_of(correlation_table(few))[1][2:] == ["-", "-"]


def test_the_limit_on_multiply_adds_is_said(tmp_path):
    assert "not known" in limits_text(tmp_path)
    search = search_in(tmp_path, budgets=(5_000, 9_000), control_budgets=(), unlimited_budgets=(9_000,))
    (tmp_path / "search.json").write_text(json.dumps(search.to_dict()))
    said = "Every network has at most 25,000,000 multiply-adds, but for the budgets without a limit: 9,000 parameters."
    assert limits_text(tmp_path) == said
