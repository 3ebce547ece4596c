"""Ratios are those of the seconds, and every arm runs once a round."""

import re

import pandas as pd
import pytest

from fer_keras.jobs import benchmark_training


def test_arms_take_turns_and_the_first_round_is_not_counted(capsys):
    order = []
    arms = {name: lambda name=name: order.append(name) for name in ("a", "b")}
    seconds = benchmark_training.interleave(arms, 3)
    assert "".join(order) == "abbaabba"
    assert seconds.shape == (3, 2) and list(seconds.columns) == ["a", "b"]
    said = re.sub(r"[0-9.]+ s", "S", capsys.readouterr().out)
    assert said.startswith("round 0/3 (warm-up)\n  a: S\n  b: S\nround 1/3\n  b: S\n  a: S\n")


def test_ratios_are_of_the_fastest_rounds_and_of_each_round():
    names = {name for _, slower, faster, _ in benchmark_training.RATIOS for name in (slower, faster)}
    seconds = pd.DataFrame({name: [1.0, 1.0, 1.0] for name in names})
    seconds[benchmark_training.LIVE] = [3.0, 8.0, 5.0]
    seconds[benchmark_training.CACHED] = [1.0, 2.0, 1.0]
    table = benchmark_training.compare(seconds).set_index("ratio")
    live = table.loc["cached speed-up over live"]
    assert (live["fastest"], live["median"], live["lowest"], live["highest"]) == (3.0, 4.0, 3.0, 5.0)
    assert table.loc["cost of cached logits", "median"] == pytest.approx(1.0)
