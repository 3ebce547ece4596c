"""Decides which trial comes next: KerasTuner's oracle over all families and budgets.

Every family and budget has a Bayesian optimisation of its own, which begins with the family's defaults, random trials
and what is best nearby: at the next smaller and larger budget, and in a family with the same hyperparameters. The best
of each is then trained on the full schedule. All of it is one oracle, so that one chief can serve it to any number of
workers. What comes next is a function of the trials so far, so nothing but these has to survive a kill.
"""

import itertools
import json
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import keras_tuner

from fer_keras.errors import FerKerasError
from fer_keras.files import locked, read_json, write_json
from tuner.ledger import trial_lock
from tuner.search_space import declare, defaults, hyperparameters, searchable
from tuner.settings import CONTROL, FINAL, SEARCH, STAGES, Candidate, Search

Trial = keras_tuner.engine.trial.Trial
OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")

# The variance of an accuracy on some 2,900 validation images, 0.009 squared, as a share of that between candidates.
NOISE = 0.1

_RANDOM = 3
"""The fewest trials before the optimisation believes in its model of them."""
_ATTEMPTS = 200
_GRACE_SECONDS = 5.0


Tried = list[tuple[Candidate, Trial]]


def _best(trials: Tried) -> Candidate | None:
    scored = [(trial.score, one) for one, trial in trials if trial.status == "COMPLETED"]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def search_space(search: Search) -> keras_tuner.HyperParameters:
    """Return the hyperparameters of any trial of `search`: a candidate's fields, and its family's own."""
    hp = keras_tuner.HyperParameters()
    candidate(hp, search)
    return hp


def candidate(hp: keras_tuner.HyperParameters, search: Search) -> Candidate:
    """Declare the hyperparameters of a trial and return the candidate that they stand for."""
    stage = hp.Choice("stage", list(STAGES))
    family = hp.Choice("family", list(search.families))
    budget = hp.Choice("budget", list(search.budgets))
    seed = hp.Choice("seed", list(range(search.seeds)))
    # All families', though only one counts: KerasTuner prints every condition that it sends to a worker. Also those
    # that the search is not told of: trials of an earlier start may be of them.
    values = {name: declare(hp, name) for name in searchable()}
    return Candidate(stage, family, budget, seed, values[family])


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
            hyperparameters=search_space(search),
            seed=1 + search.base.fit.seed,
            max_consecutive_failed_trials=10**9,  # counted here: the stock oracle raises while it holds its lock
        )
        self.search = search
        self.verbose = 0
        self.gave_up = False
        self._given: dict[str, float] = {}

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
            self._given[trial.trial_id] = time.monotonic()
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
        wanted = self._failed_and_wanted()
        left = [key for key, trial in self.trials.items() if not self._ended(trial) or key in wanted]
        return not left and next(self._planned(), None) is None

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial, as KerasTuner asks for them."""
        chosen = next(self._planned(), None)
        if chosen is None:
            running = any(trial.status == "RUNNING" for trial in self.trials.values())
            return {"status": "IDLE" if running else "STOPPED"}
        named = {f"{chosen.family}_{name}": value for name, value in chosen.values.items()}
        fields = {name: getattr(chosen, name) for name in ("stage", "family", "budget", "seed")}
        return {"status": "RUNNING", "values": {**fields, **named}}

    def _planned(self) -> Iterator[Candidate]:
        """What is still to do, in order; short trials in turns, so that all families and budgets come along alike."""
        ordered = [trial for _, trial in sorted(self.trials.items())]  # as they were begun, also after a reload
        past = [(candidate(trial.hyperparameters.copy(), self.search), trial) for trial in ordered]
        short: dict[tuple[str, int], list[tuple[Candidate, Trial]]] = {cell: [] for cell in self.search.cells}
        for one, trial in past:
            if one.stage == SEARCH and (one.family, one.budget) in short:
                short[one.family, one.budget].append((one, trial))
        for cell in sorted(short, key=lambda cell: len(short[cell])):
            if len(short[cell]) < self.search.trials and (values := self._propose(cell, short)):
                yield Candidate(SEARCH, *cell, 0, values)
        known = {self._key(one) for one, _ in past}
        # One seed of everything, then the next: a search that is stopped has points of all families and budgets.
        for stage, seed, cell in itertools.product((FINAL, CONTROL), range(self.search.seeds), short):
            best = _best(short[cell])
            if best is None or any(trial.status == "RUNNING" for _, trial in short[cell]):
                continue
            if stage == CONTROL and cell[1] not in self.search.control_budgets:
                continue
            again = Candidate(stage, *cell, seed, best.values)
            if self._key(again) not in known:
                yield again

    def _propose(self, cell: tuple[str, int], short: Mapping[tuple[str, int], Tried]) -> dict[str, Any] | None:
        """New values for a family and budget whose network was not tried, or None where none is found."""
        family, budget = cell
        past = short[cell]
        tried = {self._key(one) for one, _ in past}
        for values in itertools.chain(
            [defaults(family)], self._best_nearby(cell, short), self._suggestions(family, budget, past)
        ):
            one = Candidate(SEARCH, family, budget, 0, values)
            try:
                if self._key(one) not in tried:
                    return values
            except FerKerasError:  # no widths for these values within the budget and the multiply-adds
                continue
        return None

    def _best_nearby(self, cell: tuple[str, int], short: Mapping[tuple[str, int], Tried]) -> Iterator[dict[str, Any]]:
        """The best values at the next budgets, and in other families with the same hyperparameters."""
        family, budget = cell
        smaller = [b for b in self.search.budgets if b < budget]
        larger = [b for b in self.search.budgets if b > budget]
        near = [(family, max(smaller))] if smaller else []
        near += [(family, min(larger))] if larger else []
        near += [
            (f, budget) for f in self.search.families if f != family and hyperparameters(f) == hyperparameters(family)
        ]
        for best in (_best(short[other]) for other in near):
            if best is not None:
                yield best.values

    def _suggestions(self, family: str, budget: int, past: Tried) -> Iterator[dict[str, Any]]:
        space = keras_tuner.HyperParameters()
        declare(space, family)
        shared = {
            "objective": OBJECTIVE,
            "hyperparameters": space,
            "seed": 1 + zlib.crc32(f"{self.seed} {family} {budget} {len(past)}".encode()) % 2**31,
        }
        points = max(_RANDOM, self.search.trials // 3)
        bayesian = keras_tuner.oracles.BayesianOptimizationOracle(num_initial_points=points, alpha=NOISE, **shared)
        bayesian.trials = {trial.trial_id: trial for _, trial in past if trial.status == "COMPLETED"}
        # It may name a network again; then chance takes over.
        yield self._plain(bayesian.populate_space("")["values"], family)
        chance = keras_tuner.oracles.RandomSearchOracle(**shared)
        for _ in range(_ATTEMPTS):
            yield self._plain(chance.populate_space("")["values"], family)

    @staticmethod
    def _plain(values: dict[str, Any], family: str) -> dict[str, Any]:
        return {name: values[f"{family}_{name}"] for name in hyperparameters(family)}

    def _key(self, one: Candidate) -> str:
        """What makes two trials the same: their network, stage and seed, however the values were."""
        return json.dumps([one.stage, one.family, one.budget, one.seed, one.options(self.search)])

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
        if time.monotonic() - self._given.setdefault(trial.trial_id, time.monotonic()) < _GRACE_SECONDS:
            return False
        try:
            with locked(trial_lock(self._get_trial_dir(trial.trial_id)), wait=False):
                return True
        except FerKerasError:
            return False

    @staticmethod
    def _ended(trial: Trial) -> bool:
        return trial.status in ("COMPLETED", "FAILED")

    def _failed_and_wanted(self) -> set[str]:
        """Failed trials without which the frontier lacks something: a seed of a point, or a point.

        Those are the ones of full schedules, and all short ones of a family and budget none of which ended well.
        """
        cells = {key: self._cell(trial) for key, trial in self.trials.items() if trial.status == "FAILED"}
        found = {self._cell(trial) for trial in self.trials.values() if trial.status == "COMPLETED"}
        return {key for key, cell in cells.items() if cell[0] != SEARCH or cell not in found}

    @staticmethod
    def _cell(trial: Trial) -> tuple[str, str, int]:
        return tuple(trial.hyperparameters.get(name) for name in ("stage", "family", "budget"))

    def save(self) -> None:
        """Write the oracle's state, whole or not at all."""
        write_json(self._get_oracle_fname(), self.get_state())

    def _save_trial(self, trial: Trial) -> None:
        write_json(f"{self._get_trial_dir(trial.trial_id)}/trial.json", trial.get_state())

    def reload(self) -> None:
        """Read the state; trials that were running stay with their workers, or wait for one."""
        ongoing = read_json(self._get_oracle_fname())["ongoing_trials"]
        super().reload()
        self.hyperparameters = search_space(self.search)  # families, budgets and seeds may have been added
        mine = {tuner_id: self.trials[trial_id] for tuner_id, trial_id in ongoing.items()}
        self.ongoing_trials = {tuner_id: trial for tuner_id, trial in mine.items() if not self._ended(trial)}
        self._try_again()
        held = {trial.trial_id for trial in self.ongoing_trials.values()}
        waiting = {key for key, trial in self.trials.items() if not self._ended(trial) and key not in held}
        self._retry_queue = sorted(waiting, reverse=True)

    def _try_again(self) -> None:
        """Forget failures whose cause whoever starts the search again has mended.

        Those are the ones that ended it, and those that the frontier lacks something without. The search can do
        without a single short trial.
        """
        wanted = self._failed_and_wanted()
        last = self._failures_in_a_row()
        ended_it = self.end_order[-last:] if last >= self.search.max_failures else []
        for trial_id, trial in self.trials.items():
            if trial_id in ended_it or trial_id in wanted:
                trial.status = "RUNNING"
                self._save_trial(trial)  # before the oracle's state, so that a kill between them cannot lose it
        self.end_order = [trial_id for trial_id in self.end_order if self._ended(self.trials[trial_id])]
