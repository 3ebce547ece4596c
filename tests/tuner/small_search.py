"""A small search on drawn faces, for tests to start, kill and start again: python small_search.py FOLDER [--workers N].

In the environment: TOLD, JSON of what the search is told beyond TOLD below; HOLD, a file that, while it is there, keeps
every run from its second epoch; BROKEN=1 for trials that all fail.
"""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

from fer_keras import endings
from fer_keras.config import DataConfig, FitConfig, StudentConfig
from tuner.workers import exit_with_supervisor, has_role, supervise

FIT = FitConfig(epochs=1, batch_size=64, learning_rate=5e-3, ema_epochs=0.0)
BASE = StudentConfig(DataConfig("drawn", ""), ("made up",), cached_views=2, fit=FIT)
TOLD = {"families": ("cnn", "separable"), "budgets": (3_000,), "trials": 2, "final_epochs": 2, "seeds": 1}
FEW = {"families": ("cnn",), "trials": 1, "control_budgets": ()}


class MadeUpLogits:
    """A teacher that leans towards the right label."""

    members, views = 1, BASE.cached_views

    def __init__(self, labels):
        self.labels = labels

    def view(self, view):
        import numpy as np

        return (4 * np.eye(7, dtype=np.float16)[self.labels])[:, None]


def search_in(folder, **settings):
    from tuner.settings import Search

    settings = {**TOLD, "control_budgets": (3_000,), "base": BASE, **settings}
    epochs = settings.pop("epochs", settings["base"].fit.epochs)
    base = replace(settings["base"], fit=replace(settings["base"].fit, epochs=epochs))
    lists = {name: tuple(settings[name]) for name in ("families", "budgets", "control_budgets")}  # from JSON, perhaps
    return Search(**{**settings, **lists, "folder": Path(folder), "base": base})


def material():
    from fer_keras.data.dataset import mark_validation
    from fer_keras.data.synthetic import drawn_faces
    from tuner.hypermodel import Material

    data = mark_validation(drawn_faces(200, seed=1))

    def logits_for(config):
        if os.environ.get("BROKEN"):
            raise RuntimeError("the disk is on fire\nsecond line")
        return MadeUpLogits(data.split("train").labels)

    return Material(data, logits_for)


def run(folder, made=None, **settings):
    from tuner import search

    made = made or material()
    with mock.patch.object(search, "prepare", lambda *_: made):
        return search.run_search(search_in(folder, **settings), made.data, [], Path())


def ledger_of(folder):
    import pandas as pd

    return pd.read_csv(folder / "ledger.csv", dtype={"trial": str})


def instant_training(run, *_, **__):
    """Stands in for `train_student` where only what comes after matters."""
    import pandas as pd

    from fer_keras.models import from_preset

    folder, config = run.folder, run.config
    folder.mkdir(parents=True)
    from_preset(config.model, **config.options).save(folder / "model.keras")
    row = {"val_accuracy": 0.5, "accuracy": 0.4, "seconds": 1.0}
    pd.DataFrame([{"epoch": epoch, **row} for epoch in range(config.fit.epochs)]).to_csv(folder / "metrics.csv")


def wait_after_the_first_epoch(hold):
    from fer_keras.training.callbacks import EpochLine

    begin = EpochLine.on_epoch_begin

    def waiting(self, epoch, logs=None):
        while epoch and hold.exists():
            time.sleep(0.02)
        begin(self, epoch, logs)

    EpochLine.on_epoch_begin = waiting


def main():
    folder = Path(sys.argv[1])
    if not has_role() and "--workers" in sys.argv:
        return supervise([sys.executable, *sys.argv], int(sys.argv[-1]))
    exit_with_supervisor()
    if hold := os.environ.get("HOLD"):
        wait_after_the_first_epoch(Path(hold))
    settings = json.loads(os.environ.get("TOLD", "{}"))
    print(f"ledger: {run(folder, **settings)}")
    return 0


if __name__ == "__main__":
    endings.run(main)
