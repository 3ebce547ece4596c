"""What a search has still to do, as a function of its trials so far.

Every family and budget has a Bayesian optimisation of its own, which begins with the family's defaults, random trials
and what is best nearby: at the next smaller and larger budget, and in a family with the same hyperparameters. The best
of each is then trained on the full schedule.
"""

import itertools
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras_tuner

from fer_keras.errors import FerKerasError
from tuner.search_space import declare, defaults, search_plan, searchable
from tuner.settings import CONTROL, FINAL, SEARCH, STAGES, Candidate, Search

Trial = keras_tuner.engine.trial.Trial
OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")

NOISE = 0.1
"""The variance of an accuracy on some 2,900 validation images, 0.009 squared, as a share of that between candidates."""

_RANDOM = 3
"""The fewest trials before the optimisation believes in its model of them."""
_ATTEMPTS = 200

_Tried = list[tuple[Candidate, Trial]]


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


def values_of(trial: Candidate) -> dict[str, Any]:
    """Return the hyperparameters that `candidate` makes a trial of again."""
    named = {f"{trial.family}_{name}": value for name, value in trial.values.items()}
    return {**{name: getattr(trial, name) for name in ("stage", "family", "budget", "seed")}, **named}


def key_of(trial: Candidate, search: Search) -> str:
    """Return what makes two trials the same: their network, stage and seed, however the values were."""
    return json.dumps([trial.stage, trial.family, trial.budget, trial.seed, trial.options(search)])


def planned(search: Search, trials: Iterable[Trial]) -> Iterator[Candidate]:
    """Yield what is still to do, in order; short trials in turns, so that all families and budgets come along alike.

    Args:
        search: what to search.
        trials: so far, in the order in which they were begun.
    """
    past = [(candidate(trial.hyperparameters.copy(), search), trial) for trial in trials]
    short: dict[tuple[str, int], _Tried] = {cell: [] for cell in search.cells}
    for tried, trial in past:
        if tried.stage == SEARCH and (tried.family, tried.budget) in short:
            short[tried.family, tried.budget].append((tried, trial))
    for cell in sorted(short, key=lambda cell: len(short[cell])):
        if len(short[cell]) < search.trials and (values := _new_values(search, cell, short)):
            yield Candidate(SEARCH, *cell, 0, values)
    keys = {key_of(tried, search) for tried, _ in past}
    # One seed of everything, then the next: a search that is stopped has points of all families and budgets.
    for stage, seed, cell in itertools.product((FINAL, CONTROL), range(search.seeds), short):
        best = _best(short[cell])
        if best is None or any(trial.status == "RUNNING" for _, trial in short[cell]):
            continue
        if stage == CONTROL and cell[1] not in search.control_budgets:
            continue
        again = Candidate(stage, *cell, seed, best.values)
        if key_of(again, search) not in keys:
            yield again


def _best(trials: _Tried) -> Candidate | None:
    scored = [(trial.score, tried) for tried, trial in trials if trial.status == "COMPLETED"]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def _new_values(search: Search, cell: tuple[str, int], short: dict[tuple[str, int], _Tried]) -> dict[str, Any] | None:
    """Values for a family and budget whose network was not tried, or None where none is found."""
    family = cell[0]
    keys = {key_of(tried, search) for tried, _ in short[cell]}
    starts = [{**defaults(family), **start} for start in ({}, *search_plan(family).starts)]
    for values in itertools.chain(starts, _best_nearby(search, cell, short), _suggested(search, cell, short[cell])):
        try:
            if key_of(Candidate(SEARCH, *cell, 0, values), search) not in keys:
                return values
        except FerKerasError:  # no widths for these values within the budget and the multiply-adds
            continue
    return None


def _best_nearby(
    search: Search, cell: tuple[str, int], short: dict[tuple[str, int], _Tried]
) -> Iterator[dict[str, Any]]:
    """The best values at the next budgets, and in other families with the same hyperparameters."""
    family, budget = cell
    budgets, space = sorted(search.budgets), search_plan(family).hyperparameters
    place = budgets.index(budget)
    near = [(family, other) for other in (*budgets[:place][-1:], *budgets[place + 1 :][:1])]
    others = [name for name in search.families if name != family]
    near += [(name, budget) for name in others if search_plan(name).hyperparameters == space]
    yield from (best.values for best in (_best(short[other]) for other in near) if best is not None)


def _suggested(search: Search, cell: tuple[str, int], past: _Tried) -> Iterator[dict[str, Any]]:
    """What Bayesian optimisation proposes, then chance, for the former may name a network again."""
    family, budget = cell
    space = keras_tuner.HyperParameters()
    names = declare(space, family)
    seed = f"{1 + search.base.fit.seed} {family} {budget} {len(past)}"
    shared = {
        "objective": OBJECTIVE,
        "hyperparameters": space,
        "seed": 1 + zlib.crc32(seed.encode()) % 2**31,
    }
    points = max(_RANDOM, search.trials // 3)
    bayesian = keras_tuner.oracles.BayesianOptimizationOracle(num_initial_points=points, alpha=NOISE, **shared)
    bayesian.trials = {trial.trial_id: trial for _, trial in past if trial.status == "COMPLETED"}
    chance = keras_tuner.oracles.RandomSearchOracle(**shared)
    for oracle in itertools.chain([bayesian], itertools.repeat(chance, _ATTEMPTS)):
        values = oracle.populate_space("")["values"]
        yield {name: values[f"{family}_{name}"] for name in names}
