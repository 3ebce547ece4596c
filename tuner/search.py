"""The search for the frontier, alone or as chief or worker of several processes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_tuner.src.distribute import utils as distribution

from fer_keras.data.dataset import FaceData
from fer_keras.distill.teachers import Teacher, cached_logits, views_asked_for
from fer_keras.errors import FerKerasError
from fer_keras.files import locked
from tuner.hypermodel import Material
from tuner.ledger import COMPLETED, FAILED, last_failure, read_rows, write_ledger
from tuner.settings import CONTROL, FINAL, SEARCH, Search, check_settings
from tuner.tuner import FrontierTuner


def run_search(search: Search, data: FaceData, teachers: Sequence[Teacher], cache_root: Path) -> Path:
    """Run what is left of a search, in the role that KerasTuner's environment variables give this process.

    Without them it runs all trials itself. With KERASTUNER_TUNER_ID=chief it gives them out at KERASTUNER_ORACLE_IP
    and KERASTUNER_ORACLE_PORT, and with another id it runs those that it is given; all share the search's folder.

    Args:
        search: what to search.
        data: the images, validation marked.
        teachers: the members of the ensemble.
        cache_root: where logits are cached.

    Returns:
        The path of the ledger.

    Raises:
        FerKerasError: another search or another process is in the folder, too many trials failed in a row, or a full
            schedule is lacking in the end, for it or all short trials before it failed.
    """
    chief = distribution.is_chief_oracle()
    worker = distribution.has_chief_oracle() and not chief
    # One chief or single process at a time.
    with nullcontext() if worker else locked(search.folder / "locks" / "chief", wait=False):
        check_settings(search, write=not worker)
        tuner = FrontierTuner(search, None if chief else prepare(search, data, teachers, cache_root))
        tuner.search()
        ledger = write_ledger(search.folder)
        if not worker and tuner.oracle.gave_up:
            raise last_failure(search.folder)
        if not worker and (lacking := _lacking(search)):
            stage, family, budget = lacking[0]
            raise FerKerasError(
                f"{ledger}: {len(lacking)} of the full schedules are lacking, such as a {stage} one of {family} at"
                f" {budget:,} parameters; its rows say why, and the same command tries again what failed"
            )
    return ledger


def _lacking(search: Search) -> list[tuple[str, str, int]]:
    """Stage, family and budget of each full schedule that the search should have and has not, once for each seed."""
    rows = read_rows(search.folder)
    failed = [row for row in rows if row["status"] == FAILED and row["stage"] != SEARCH]
    if failed:  # perhaps of a new best network, beside an older one that has all its seeds
        return [_cell(row) for row in failed]
    done = Counter(_cell(row) for row in rows if row["status"] == COMPLETED)
    expected = [(FINAL, *cell) for cell in search.cells]
    expected += [(CONTROL, *cell) for cell in search.cells if cell[1] in search.control_budgets]
    return [full for full in expected for _ in range(search.seeds - done[full])]


def _cell(row: Mapping[str, Any]) -> tuple[str, str, int]:
    return row["stage"], row["family"], row["budget"]


def prepare(search: Search, data: FaceData, teachers: Sequence[Teacher], cache_root: Path) -> Material:
    """Cache the teachers' logits of every view that any trial asks for, and return what students learn from."""
    epochs = max(search.base.fit.epochs, search.final_epochs)
    longest = replace(search.base, fit=replace(search.base.fit, epochs=epochs))
    cache = cached_logits(longest, teachers, data.split("train"), cache_root)
    return Material(data, lambda config: cache.first(views_asked_for(config)))
