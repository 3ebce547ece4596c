"""A short trial that is far behind stops early, and only that."""

import json

import keras
from small_search import FEW, instant_training, ledger_of, run

from tuner.median_stopping import MedianStopping, is_far_behind
from tuner.settings import Candidate


def test_far_behind_is_behind_the_median_at_the_same_epoch():
    curves = [[0.2, 0.30, 0.50, 0.5], [0.2, 0.34, 0.60, 0.6], [0.2, 0.40, 0.55, 0.6]]
    assert is_far_behind([0.1, 0.3, 0.51], curves, 4)
    assert not is_far_behind([0.1, 0.3, 0.53], curves, 4), "within the margin"
    assert not is_far_behind([0.1, 0.1], curves, 4), "three quarters of the schedule are for everyone"
    assert not is_far_behind([0.1, 0.1, 0.1], curves[:1], 4), "too few to compare with"


def test_it_is_compared_with_the_short_trials_of_the_same_cell_that_went_all_the_way(tmp_path):
    from tuner.hypermodel import _curves

    ours = {"trial": "1", "stage": "search", "family": "cnn", "budget": 3_000, "status": "completed"}
    ours |= {"seed": 0, "hyperparameters": {}}
    others = [{"stage": "final"}, {"family": "separable"}, {"budget": 5_000}, {"status": "stopped"}, {}]
    for number, other in enumerate(others):
        (tmp_path / f"trial_{number}").mkdir()
        row = json.dumps({**ours, **other, "curve": [number / 10]})
        (tmp_path / f"trial_{number}" / "row.json").write_text(row)
    assert _curves(tmp_path, Candidate("search", "cnn", 3_000, 0, {})) == [[0.4]]


def test_a_trial_that_is_far_behind_stops_and_says_so(tmp_path, made, monkeypatch):
    from tuner import hypermodel

    monkeypatch.setattr(hypermodel, "_curves", lambda folder, trial: 3 * [[0.9] * 4])
    train = hypermodel.train_student

    def train_short(run, *given, **more):
        return (train if run.config.fit.epochs == 4 else instant_training)(run, *given, **more)

    monkeypatch.setattr(hypermodel, "train_student", train_short)
    run(tmp_path / "s", made, **{**FEW, "epochs": 4, "final_epochs": 1})
    short, final = ledger_of(tmp_path / "s").itertuples()
    assert (short.status, short.epochs) == ("stopped", 3) and (final.status, final.epochs) == ("completed", 1)


def test_it_remembers_epochs_before_a_kill():
    stopping = MedianStopping([0.1] * 6, 3 * [[0.9] * 9], 9)
    stopping.set_model(keras.Model())
    stopping.on_epoch_end(6, {"val_accuracy": 0.1})
    assert stopping.model.stop_training
