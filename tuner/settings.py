"""What a search is told, and the folder that holds it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fer_keras.config import StudentConfig, differences, from_dict, require, to_dict
from fer_keras.errors import FerKerasError
from fer_keras.files import read_json, write_json
from tuner import defaults as default
from tuner.frontier import SETTINGS_FILE
from tuner.search_space import defaults, solve_options

SEARCH, FINAL, CONTROL = "search", "final", "control"
STAGES = (SEARCH, FINAL, CONTROL)
"""Short trials; the best of them on the full schedule; the same without distillation."""

_EXTENSIBLE = ("families", "budgets", "trials", "seeds", "control_budgets", "max_failures")


@dataclass(frozen=True)
class Search:
    """A search.

    Attributes:
        folder: where its ledger and trials are.
        base: the recipe of every candidate; its data, its teachers, and the epochs and seed of a short trial.
        families: some of `tuner.search_space.searchable`.
        budgets: the most trainable parameters, each a point of the frontier.
        trials: short trials for each family and budget.
        final_epochs: of the full schedule.
        seeds: how many times the best of each family and budget is trained on it.
        control_budgets: where the same is trained on labels alone too.
        max_multiply_adds: of any candidate.
        max_failures: so many failed trials in a row end the search.
    """

    folder: Path
    base: StudentConfig
    families: tuple[str, ...] = default.FAMILIES
    budgets: tuple[int, ...] = default.BUDGETS
    trials: int = default.TRIALS
    final_epochs: int = default.FINAL_EPOCHS
    seeds: int = default.SEEDS
    control_budgets: tuple[int, ...] = default.CONTROL_BUDGETS
    max_multiply_adds: int = default.MAX_MULTIPLY_ADDS
    max_failures: int = default.MAX_FAILURES

    def __post_init__(self) -> None:
        for name, low, high in (("trials", 1, 10_000), ("final_epochs", 1, 100_000), ("seeds", 1, 100)):
            require(f"--{name.replace('_', '-')}", getattr(self, name), low, high)
        require("--max-failures", self.max_failures, 1, 10_000)
        for family in self.families:
            for budget in self.budgets:
                for stage in STAGES:  # what cannot be built or fitted is found now, not after all short trials
                    Candidate(stage, family, budget, 0, defaults(family)).config(self)

    @property
    def cells(self) -> list[tuple[str, int]]:
        """Each family with each budget: the points of the frontier, small ones first."""
        return [(family, budget) for budget in self.budgets for family in self.families]


@dataclass(frozen=True)
class Candidate:
    """One trial's network and what it is trained for.

    Attributes:
        stage: one of `STAGES`.
        family: of the network.
        budget: that its widths were solved for.
        seed: added to the search's own.
        values: of the family's hyperparameters.
    """

    stage: str
    family: str
    budget: int
    seed: int
    values: dict[str, Any]

    def options(self, search: Search) -> dict[str, Any]:
        """Return the options of the family's builder."""
        num_classes = len(search.base.data.classes)
        return solve_options(self.family, self.budget, self.values, search.max_multiply_adds, num_classes=num_classes)

    def config(self, search: Search) -> StudentConfig:
        """Return what the candidate's run is told."""
        base = search.base
        epochs = base.fit.epochs if self.stage == SEARCH else search.final_epochs
        # A short schedule's average would reach back to weights of a high rate, far from any that validate well.
        shrunk = min(1.0, epochs / search.final_epochs)
        fit = replace(base.fit, epochs=epochs, seed=base.fit.seed + self.seed, ema_epochs=base.fit.ema_epochs * shrunk)
        return replace(
            base,
            model=f"reference-{self.family}",
            options=self.options(search),
            alpha=0.0 if self.stage == CONTROL else base.alpha,
            fit=fit,
        )


def remember(search: Search, *, write: bool) -> None:
    """Check what `search` is told against what is in its folder, and write it there unless a worker asks.

    More trials, seeds, budgets and families only add to what is there; nothing else may change.

    Raises:
        FerKerasError: another search is in the folder.
    """
    told = settings_of(search)
    path = search.folder / SETTINGS_FILE
    if path.exists():
        written = read_json(path)
        if not isinstance(written, dict) or "base" not in written:
            raise FerKerasError(f"{path}: expected the settings of a search")
        written["base"] = to_dict(from_dict(StudentConfig, written["base"], path, "base."))
        before, now = (_unnamed({**settings, **dict.fromkeys(_EXTENSIBLE)}) for settings in (written, told))
        changed = differences(before, now)
        if changed:
            raise FerKerasError(
                f"{search.folder}: cannot go on with other options ({'; '.join(changed)});"
                " give the same ones, or another --name"
            )
    if write:
        write_json(path, told)


def settings_of(search: Search) -> dict[str, Any]:
    """Return what a search is told as JSON values, without its folder, which hosts may call differently."""
    told = {name: getattr(search, name) for name in vars(search) if name not in ("folder", "base")}
    return {**json.loads(json.dumps(told)), "base": to_dict(search.base)}


def is_same(settings: dict[str, Any], others: dict[str, Any]) -> bool:
    """Tell whether two searches were told the same, by `settings_of`, whatever their data are called."""
    return _unnamed(settings) == _unnamed(others)


def _unnamed(settings: dict[str, Any]) -> dict[str, Any]:
    """Leave out what data and teachers are called: their fingerprints say what they are."""
    base = settings["base"]
    return {**settings, "base": {**base, "data": {**base["data"], "source": None}, "teacher_names": None}}
