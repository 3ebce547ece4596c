"""What fails is recorded, the search goes on where it can, and says so where it cannot."""

from dataclasses import replace

import numpy as np
import pytest
from small_search import FEW, instant_training, ledger_of, run

from fer_keras import models
from fer_keras.errors import FerKerasError
from fer_keras.training.run import Run
from tuner.frontier import read_ledger
from tuner.ledger import read_rows


def test_a_failing_trial_is_recorded_and_the_search_goes_on(tmp_path, made, monkeypatch):
    monkeypatch.setattr("tuner.hypermodel.train_student", instant_training)
    problems = [RuntimeError("the disk is on fire\nsecond line")]

    def logits_for(config):
        if problems:
            raise problems.pop()

    run(tmp_path / "s", replace(made, logits_for=logits_for), **{**FEW, "trials": 2})
    ledger = ledger_of(tmp_path / "s")
    assert ledger["status"].tolist() == ["failed", "completed", "completed"]
    assert ledger["error"][0] == "RuntimeError: the disk is on fire"
    assert ledger["options"][2] == ledger["options"][1] and np.isnan(ledger["val_accuracy"][0])


def test_what_fails_before_a_trial_is_fitted_is_recorded_too(tmp_path, made, monkeypatch):
    monkeypatch.setattr("tuner.hypermodel.train_student", instant_training)
    built = []

    def from_preset(*names, **options):
        built.append(names)
        if len(built) == 1:
            raise MemoryError("too little of it")
        return models.from_preset(*names, **options)

    class Damaged(Run):
        @property
        def progress(self):
            if "-search-" in self.folder.name and len(built) == 2:
                raise FerKerasError("progress.json: damaged")
            return super().progress

    monkeypatch.setattr("tuner.hypermodel.from_preset", from_preset)
    monkeypatch.setattr("tuner.hypermodel.Run", Damaged)
    run(tmp_path / "s", made, **{**FEW, "trials": 3})
    ledger = read_ledger(tmp_path / "s")
    assert ledger["status"].tolist() == ["failed", "failed", "completed", "completed"]
    assert ledger["error"].tolist()[:2] == ["MemoryError: too little of it", "FerKerasError: progress.json: damaged"]
    assert set(ledger["family"]) == {"cnn"} and ledger["parameters"].isna().tolist() == [True, True, False, False]


def test_a_search_that_lacks_a_point_says_so_and_tries_it_again(tmp_path, made, monkeypatch):
    monkeypatch.setattr("tuner.hypermodel.train_student", instant_training)
    fails = {"search": RuntimeError("first")}

    def logits_for(config):
        stage = "search" if config.fit.epochs == 1 else "control" if config.alpha == 0 else "final"
        if stage in fails:
            raise fails[stage]

    options = {**FEW, "control_budgets": (3_000,)}
    broken = replace(made, logits_for=logits_for)
    lacking = (
        r"ledger\.csv: {} of the full schedules are lacking, such as a {} one of cnn at 3,000 parameters; its rows"
    )
    with pytest.raises(FerKerasError, match=lacking.format(2, "final")):
        run(tmp_path / "s", broken, **options)
    fails["control"] = fails.pop("search")
    with pytest.raises(FerKerasError, match=lacking.format(1, "control")):
        run(tmp_path / "s", broken, **options)
    fails.clear()
    run(tmp_path / "s", broken, **options)
    ledger = ledger_of(tmp_path / "s")
    assert ledger["stage"].tolist() == ["search", "final", "control"]
    assert (ledger["status"] == "completed").all() and ledger["error"].isna().all()


def test_failures_in_a_row_end_the_search_with_a_sentence(tmp_path, made, monkeypatch):
    monkeypatch.setenv("BROKEN", "1")
    with pytest.raises(
        FerKerasError, match=r"ledger.csv: too many trials failed in a row, the last, 0001, with:.*fire;"
    ):
        run(tmp_path / "s", made, **{**FEW, "trials": 9, "max_failures": 2})
    assert ledger_of(tmp_path / "s")["status"].tolist() == ["failed", "failed"]


class KilledError(BaseException):
    """As a kill: the row says that the trial runs, and nothing more comes."""


@pytest.mark.parametrize(
    ("death", "supervised", "attempts", "end"),
    [
        (KilledError, "one supervisor", [1, 2, 3], "FerKerasError: its worker died 3 times in epoch 1"),
        (KilledError, "", [1, 1, 1], "RuntimeError: went on"),
        (KeyboardInterrupt, "one supervisor", [0, 0, 0], "RuntimeError: went on"),
    ],
)
def test_a_trial_that_kills_its_worker_is_given_up_but_not_one_that_a_person_stopped(
    death, supervised, attempts, end, tmp_path, made, monkeypatch
):
    monkeypatch.setenv("FER_KERAS_SUPERVISED", supervised)

    def ends(error):
        def logits_for(config):
            raise error

        return replace(made, logits_for=logits_for)

    for attempt in attempts:
        with pytest.raises(death):
            run(tmp_path / "s", ends(death()), **FEW)
        assert [(row["status"], row["attempts"]) for row in read_rows(tmp_path / "s")] == [("running", attempt)]
    with pytest.raises(
        FerKerasError, match=r"ledger\.csv: 1 of the full schedules are lacking, such as a final one of"
    ):
        run(tmp_path / "s", ends(RuntimeError("went on")), **FEW)
    assert ledger_of(tmp_path / "s")["error"].tolist() == [end]
