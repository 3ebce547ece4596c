"""Differences between recipes, against NumPy and against chance."""

import numpy as np
import pytest
from scipy.stats import t as student_t

from fer_keras.evaluation.comparison import ahead, compare_arms, differences_figure, differences_table


def hits_of(rng, accuracies, images=4000, seeds=2):
    return {
        arm: {split: rng.random((seeds, images)) < accuracy for split in ("val", "public_test")}
        for arm, accuracy in accuracies.items()
    }


def test_differences_and_intervals_are_numpys(rng):
    hits = {arm: dict.fromkeys(("val", "public_test"), rng.random((3, 500)) < rng.random(500)) for arm in "abc"}
    table = compare_arms(hits, {"a": "a", "b": "a", "c": "b"}).set_index("arm")
    a, b, c = (hits[name]["val"].astype(float) for name in "abc")
    assert table.loc["c", "val"] == pytest.approx(c.mean())
    assert table.loc["c", "val_difference"] == pytest.approx(c.mean() - b.mean())
    seed_variance = np.mean([np.var(x.mean(1), ddof=1) for x in (a, b, c)])
    gains = c.mean(0) - b.mean(0)
    noise = sum(np.mean([np.var(x[:, i], ddof=1) for i in range(500)]) / 3 for x in (b, c))
    assert noise > 0.05
    parts = np.array([(np.var(gains, ddof=1) - noise) / 500, 2 * seed_variance / 3])
    freedom = parts.sum() ** 2 / (parts[0] ** 2 / 499 + parts[1] ** 2 / 6)
    error = student_t.ppf(0.975, freedom) * parts.sum() ** 0.5
    assert table.loc["c", "val_high"] - table.loc["c", "val_difference"] == pytest.approx(error)
    assert table.loc["c", "val_difference"] - table.loc["c", "val_low"] == pytest.approx(error)
    assert table["val_seed_std"].to_numpy() == pytest.approx([seed_variance**0.5] * 3)
    assert np.isnan(table.loc["a", "val_difference"])


def test_arms_may_have_different_numbers_of_seeds(rng):
    hits = hits_of(rng, {"a": 0.6}, images=300, seeds=3) | hits_of(rng, {"b": 0.65}, images=300, seeds=1)
    row = compare_arms(hits, {"a": "a", "b": "a"}).set_index("arm").loc["b"]
    a, b = (hits[name]["val"].astype(float) for name in "ab")
    spread = np.var(a.mean(1), ddof=1)
    noise = np.mean([np.var(a[:, i], ddof=1) for i in range(300)]) / 3
    parts = np.array([(np.var(b[0] - a.mean(0), ddof=1) - noise) / 300, spread * (1 + 1 / 3)])
    freedom = parts.sum() ** 2 / (parts[0] ** 2 / 299 + parts[1] ** 2 / 2)
    assert row["seeds"] == 1 and row["val_seed_std"] == pytest.approx(spread**0.5)
    assert row["val_difference"] == pytest.approx(b.mean() - a.mean())
    expected = student_t.ppf(0.975, freedom) * parts.sum() ** 0.5
    assert row["val_high"] - row["val_difference"] == pytest.approx(expected)


def test_the_interval_holds_the_truth_about_19_times_in_20():
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(500):
        # Eight arms whose accuracies move by a point from seed to seed, and truly differ by nothing over all images, of
        # which some are hard and some are harder for one arm than for another.
        hits = {}
        hardness = rng.beta(3, 2, 1000)
        for arm in "abcdefgh":
            rates = hardness + rng.normal(0, 0.1, 1000) + rng.normal(0, 0.01, (2, 1))
            hits[arm] = {split: rng.random((2, 1000)) < rates for split in ("val", "public_test")}
        row = compare_arms(hits, dict.fromkeys("abcdefgh", "a")).iloc[1]
        held += row["val_low"] <= 0 <= row["val_high"]
    assert 0.92 <= held / 500 <= 0.98


def test_the_figure_shows_each_difference_in_points(rng):
    table = compare_arms(hits_of(rng, {"a": 0.6, "b": 0.65}), {"a": "a", "b": "a"})
    table.insert(1, "question", ["q", "q"])
    (ax,) = differences_figure(table, "title").axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["q: b\nagainst a"]
    drawn = [float(container.lines[0].get_xdata()[0]) for container in ax.containers]
    assert drawn == pytest.approx(100 * table.loc[1, ["val_difference", "public_test_difference"]].to_numpy(float))


def test_the_table_is_in_percent_and_points(rng):
    hits = hits_of(rng, {"a": 0.6, "b": 0.65})
    summary = compare_arms(hits, {"a": "a", "b": "a"})
    _, _, first, second = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in differences_table(summary).split("\n")
    ]
    assert first == ["a", "", f"{100 * hits['a']['val'].mean():.1f}", "", f"{100 * summary.public_test[0]:.1f}", ""]
    assert second[:3] == ["b", "a", f"{100 * hits['b']['val'].mean():.1f}"]
    assert (
        second[3]
        == f"+{100 * summary.val_difference[1]:.1f} [+{100 * summary.val_low[1]:.1f}, +{100 * summary.val_high[1]:.1f}]"
    )


def test_one_seed_and_one_arm_have_no_interval(rng):
    summary = compare_arms(hits_of(rng, {"a": 0.6, "b": 0.65}, seeds=1), {"a": "a", "b": "a"})
    assert differences_table(summary).split("\n")[3].count("[") == 0 and "| +" in differences_table(summary)
    alone = compare_arms(hits_of(rng, {"a": 0.6}), {"a": "a"})
    alone.insert(1, "question", ["q"])
    assert "| a |  | " in differences_table(alone)
    assert not differences_figure(alone, "title").axes[0].get_yticklabels()


def test_a_difference_too_small_to_show_has_no_sign_of_its_own():
    row = {"val_difference": -0.0002, "val_low": -0.0100, "val_high": 0.0096}
    assert ahead(row, "val") == "+0.0 [-1.0, +1.0]"
    assert ahead({**row, "val_low": float("nan"), "val_high": float("nan")}, "val") == "+0.0"
    assert ahead({**row, "val_difference": -0.0006}, "val") == "-0.1 [-1.0, +1.0]"
