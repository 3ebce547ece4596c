"""What a search is told, and the folder that holds it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fer_keras.config import StudentConfig, from_dict, require_same, to_dict, without_names
from fer_keras.errors import FerKerasError
from fer_keras.files import read_json, write_json
from tuner.options import SearchOptions
from tuner.search_space import defaults, solve_options

SETTINGS_FILE = "search.json"
"""Beside the ledger: the settings of the search."""

SEARCH, FINAL, CONTROL = "search", "final", "control"
STAGES = (SEARCH, FINAL, CONTROL)
"""Short trials; the best of them on the full schedule; the same without distillation."""

_EXTENSIBLE = ("families", "budgets", "trials", "seeds", "control_budgets", "max_failures")


@dataclass(frozen=True, kw_only=True)
class Search(SearchOptions):
    """A search.

    Attributes:
        folder: where its ledger and trials are.
        base: the recipe of every candidate; its data, its teachers, and the epochs and seed of a short trial.

    Raises:
        FerKerasError: an option is wrong, or some family and budget have no network.
    """

    folder: Path
    base: StudentConfig

    def __post_init__(self) -> None:
        super().__post_init__()
        for family, budget in self.cells:
            for stage in STAGES:  # what cannot be built or fitted is found now, not after all short trials
                Candidate(stage, family, budget, 0, defaults(family)).config(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values, without the folder, which hosts may call differently."""
        settings = {name: value for name, value in vars(self).items() if name not in ("folder", "base")}
        return {**json.loads(json.dumps(settings)), "base": to_dict(self.base)}

    def is_same(self, other: "Search") -> bool:
        """Tell whether another search has the same settings, whatever its data are called."""
        return _comparable(self) == _comparable(other)


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
        limit = None if self.budget in search.unlimited_budgets else search.max_multiply_adds
        return solve_options(self.family, self.budget, self.values, limit, num_classes=len(search.base.data.classes))

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


def read_search(path: Path) -> Search:
    """Read the settings of a search, as `Search.to_dict` has them.

    Raises:
        FerKerasError: there is no such file, or it holds something else.
    """
    settings = read_json(path)
    if not isinstance(settings, dict):
        raise FerKerasError(f"{path}: expected the settings of a search")
    return from_dict(Search, {**settings, "folder": path.parent}, path)


def check_settings(search: Search, *, write: bool) -> None:
    """Check `search` against the settings in its folder, and write them there unless a worker asks.

    More trials, seeds, budgets and families only add to what is there; nothing else may change.

    Raises:
        FerKerasError: another search is in the folder.
    """
    path = search.folder / SETTINGS_FILE
    if path.exists():
        before, now = ({**_comparable(s), **dict.fromkeys(_EXTENSIBLE)} for s in (read_search(path), search))
        require_same(search.folder, before, now)
    if write:
        write_json(path, search.to_dict())


def _comparable(search: Search) -> dict[str, Any]:
    settings = search.to_dict()
    return {**settings, "base": without_names(settings["base"])}
