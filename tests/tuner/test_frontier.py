"""The frontier's points, its Pareto set and the pick, against numbers made by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student_t

from fer_keras.errors import FerKerasError
from tuner.baselines import read_milliseconds
from tuner.frontier import frontier_points, pareto, pick, read_ledger
from tuner.frontier_differences import differences


def test_the_pareto_set_is_the_one_found_by_hand():
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


@pytest.mark.parametrize(
    ("limits", "network"),
    [
        ({}, ("cnn", 50_000)),
        ({"parameters": 49_850}, ("mobilenet", 50_000)),
        ({"parameters": 5_000}, ("mobilenet", 5_000)),
        ({"milliseconds": 0.25}, ("cnn", 5_000)),
    ],
)
def test_the_best_within_the_limits_is_picked(points, limits, network):
    assert tuple(pick(points, limits)[["family", "budget"]]) == network


def test_limits_that_no_model_keeps_are_refused(points):
    with pytest.raises(FerKerasError, match="at most 10 parameters; the fewest parameters are 4,980"):
        pick(points, {"parameters": 10})
    both = {"parameters": 5_000, "multiply_adds": 300_000}
    hints = "the fewest parameters are 4,980, the fewest multiply-adds are 400,000$"
    with pytest.raises(FerKerasError, match=f"at most 5,000 parameters and at most 300,000 multiply-adds; {hints}"):
        pick(points, both)
    measured = points.assign(milliseconds=points["milliseconds"].where(points["family"] == "cnn"))
    with pytest.raises(FerKerasError, match=r"no milliseconds of 2 of 4 models yet; scripts/frontier\.py --measure"):
        pick(measured, {"milliseconds": 1.0})


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
    ("column", "cell"),
    [("val_accuracy", "good"), ("family", "vit"), ("options", "{"), ("options", None), ("parameters", "1,000")],
)
def test_a_damaged_row_is_named(ledger, column, cell, tmp_path):
    damaged = ledger.astype({column: object})
    damaged.loc[2, column] = cell
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
