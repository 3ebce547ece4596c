"""Gives out trials: KerasTuner's oracle over all families and budgets, which serves any number of workers.

What comes next is a function of the trials so far, so nothing but these has to survive a kill.
"""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner

from fer_keras.errors import FerKerasError
from fer_keras.files import locked, read_json, write_json
from tuner.ledger import trial_lock
from tuner.plan import OBJECTIVE, Trial, candidate, key_of, planned, values_of
from tuner.settings import SEARCH, Search

TrialStatus = keras_tuner.engine.trial.TrialStatus

_GRACE_SECONDS = 5.0


class FrontierOracle(keras_tuner.Oracle):
    """Gives out short trials in turn for every family and budget, then the full schedules.

    Unlike the stock oracle it writes its state by renaming, keeps a trial with the worker that has it when the chief
    comes back, and gives the trial of a dead worker to one that has nothing else to do.

    Args:
        search: what to search.
    """

    def __init__(self, search: Search) -> None:
        super().__init__(
            objective=OBJECTIVE,
            hyperparameters=_space(search),
            seed=1 + search.base.fit.seed,
            max_consecutive_failed_trials=10**9,  # counted here: the stock oracle raises while it holds its lock
        )
        self.search = search
        self.verbose = 0
        self.gave_up = False
        self._given_at: dict[str, float] = {}

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> Trial:
        """Return the next trial for a worker: its own if it has one; STOPPED where all is done, IDLE to ask again."""
        # For good: another's trial may still end well, but whoever was told to stop does not come back.
        self.gave_up = self.gave_up or self._failures_in_a_row() >= self.search.max_failures
        if self.gave_up and tuner_id not in self.ongoing_trials:
            self.tuner_ids.discard(tuner_id)
            return Trial(self.hyperparameters.copy(), status="STOPPED")
        trial = super().create_trial(tuner_id)
        if trial.status == "IDLE":
            trial = self._abandoned(tuner_id) or trial
        if trial.status == "RUNNING":
            self._given_at[trial.trial_id] = time.monotonic()
        return trial

    @keras_tuner.synchronized
    def end_trial(self, trial: Trial) -> None:
        """Note a trial's end, once, even if two workers had it."""
        if trial.trial_id in self.end_order:
            self.ongoing_trials = {k: t for k, t in self.ongoing_trials.items() if t.trial_id != trial.trial_id}
            self.save()
            return
        super().end_trial(trial)
        self.save()  # once more: the stock method takes the trial from its worker after saving

    @keras_tuner.synchronized
    def is_awaited(self) -> bool:
        """Tell whether a worker is at a trial; once the search has given up, nobody takes the trials of dead ones."""
        if self.gave_up:
            held = {worker: trial for worker, trial in self.ongoing_trials.items() if not self._is_abandoned(trial)}
            self.ongoing_trials = held
        return bool(self.ongoing_trials)

    @keras_tuner.synchronized
    def is_finished(self) -> bool:
        """Tell whether nothing is left to do, not even what another start would try again."""
        lacking = self._failed_and_lacking()
        left = [key for key, trial in self.trials.items() if not _has_ended(trial) or key in lacking]
        return not left and next(self._planned(), None) is None

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial, as KerasTuner asks for them."""
        chosen = next(self._planned(), None)
        if chosen is None:
            running = any(trial.status == "RUNNING" for trial in self.trials.values())
            return {"status": "IDLE" if running else "STOPPED"}
        # What other families leave open, KerasTuner would draw, without a seed.
        return {"status": "RUNNING", "values": {**self.hyperparameters.values, **values_of(chosen)}}

    def _planned(self) -> Any:
        return planned(self.search, [trial for _, trial in sorted(self.trials.items())])  # as begun, after a reload too

    def _failures_in_a_row(self) -> int:
        ended = (self.trials[trial_id].status == "FAILED" for trial_id in reversed(self.end_order))
        return len([*itertools.takewhile(bool, ended)])

    def _abandoned(self, tuner_id: str) -> Trial | None:
        """Take a trial from a worker that is no longer at it."""
        for other, trial in self.ongoing_trials.items():
            if self._is_abandoned(trial):
                self.ongoing_trials[tuner_id] = self.ongoing_trials.pop(other)
                self.tuner_ids.discard(other)
                self.save()
                return trial
        return None

    def _is_abandoned(self, trial: Trial) -> bool:
        """Tell whether the worker that has a trial is no longer at it: the lock on its folder is free."""
        if time.monotonic() - self._given_at.setdefault(trial.trial_id, time.monotonic()) < _GRACE_SECONDS:
            return False
        try:
            with locked(trial_lock(self._get_trial_dir(trial.trial_id)), wait=False):
                return True
        except FerKerasError:
            return False

    def _failed_and_lacking(self) -> set[str]:
        """Failed trials without which the frontier lacks something: a seed of a point, or a point.

        Those are the ones of full schedules, and all short ones of a family and budget none of which ended well.
        """
        cells = {key: _cell(trial) for key, trial in self.trials.items() if trial.status == "FAILED"}
        solved = {_cell(trial) for trial in self.trials.values() if trial.status == "COMPLETED"}
        return {key for key, cell in cells.items() if cell[0] != SEARCH or cell not in solved}

    def save(self) -> None:
        """Write the oracle's state, whole or not at all."""
        write_json(self._get_oracle_fname(), self.get_state())

    def _save_trial(self, trial: Trial) -> None:
        write_json(f"{self._get_trial_dir(trial.trial_id)}/trial.json", trial.get_state())

    def reload(self) -> None:
        """Read the state; trials that were running stay with their workers, or wait for one.

        Raises:
            FerKerasError: a file of it is damaged.
        """
        for path in sorted(Path(self._project_dir).glob("trial_*/trial.json")):
            trial = _parsed(path, self._checked_trial)
            self.trials[path.parent.name.removeprefix("trial_")] = trial
        _parsed(Path(self._get_oracle_fname()), self._set_checked_state)
        self.hyperparameters = _space(self.search)  # families, budgets and seeds may have been added
        ongoing = self.ongoing_trials
        self.ongoing_trials = {tuner_id: trial for tuner_id, trial in ongoing.items() if not _has_ended(trial)}
        self._try_again()
        held = {trial.trial_id for trial in self.ongoing_trials.values()}
        waiting = {key for key, trial in self.trials.items() if not _has_ended(trial) and key not in held}
        self._retry_queue = sorted(waiting, reverse=True)

    def _checked_trial(self, state: dict[str, Any]) -> Trial:
        trial = Trial.from_state(state)
        key_of(candidate(trial.hyperparameters.copy(), self.search), self.search)  # a network can be made of it
        TrialStatus.to_proto(trial.status)  # it is a status
        if not isinstance(trial.trial_id, str) or (trial.status == "COMPLETED" and not isinstance(trial.score, float)):
            raise ValueError(f"trial {trial.trial_id} with score {trial.score}")
        return trial

    def _set_checked_state(self, state: dict[str, Any]) -> None:
        self.set_state(state)
        self.end_order = [self.trials[trial_id].trial_id for trial_id in self.end_order]
        self.start_order += sorted(self.trials.keys() - {*self.start_order})  # killed before this state was written

    def _try_again(self) -> None:
        """Forget failures whose cause whoever starts the search again has mended.

        Those are the ones that ended it, and those that the frontier lacks something without. The search can do
        without a single short trial.
        """
        lacking = self._failed_and_lacking()
        last = self._failures_in_a_row()
        ended_it = self.end_order[-last:] if last >= self.search.max_failures else []
        for trial_id, trial in self.trials.items():
            if trial_id in ended_it or trial_id in lacking:
                trial.status = "RUNNING"
                self._save_trial(trial)  # before the oracle's state, so that a kill between them cannot lose it
        self.end_order = [trial_id for trial_id in self.end_order if _has_ended(self.trials[trial_id])]


def _space(search: Search) -> keras_tuner.HyperParameters:
    """The hyperparameters of any trial of `search`: a candidate's fields, and its family's own."""
    hp = keras_tuner.HyperParameters()
    candidate(hp, search)
    return hp


def _has_ended(trial: Trial) -> bool:
    return trial.status in ("COMPLETED", "FAILED")


def _cell(trial: Trial) -> tuple[str, str, int]:
    return tuple(trial.hyperparameters.get(name) for name in ("stage", "family", "budget"))


def _parsed(path: Path, parse: Callable[[Any], Any]) -> Any:
    """What `parse` makes of a JSON file of KerasTuner's."""
    state = read_json(path)
    try:
        return parse(state)
    except Exception as error:  # whatever KerasTuner makes of what is not its own
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise FerKerasError(f"{path}: expected what a search wrote, found something else ({reason})") from error
