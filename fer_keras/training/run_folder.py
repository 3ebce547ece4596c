"""The folder of a run: claimed by one process, never overwritten, made again from its config.json."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from fer_keras.config import differences, environment, to_dict, with_defaults
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.errors import FerKerasError
from fer_keras.files import HISTORY_FILE, locked, read_json, write_json
from fer_keras.models.load import load_model, model_file

CONFIG_FILE = "config.json"

ANCESTOR = "ancestor"
"""In config.json: `ancestor_facts` of the network that the run started with, which may be replaced later."""


def refuse_other_run(folder: Path, config: Any, *, resume: bool, leave_out: Collection[str] = ()) -> None:
    """Check that no run is in `folder`, or that it may go on and was told the same.

    A run from before an option existed was told that option's default.

    Args:
        folder: the run's folder.
        config: a dataclass of `fer_keras.config`.
        resume: whether a run that is there may go on.
        leave_out: fields that are not known yet.

    Raises:
        FerKerasError: a run is there and `resume` is false, or it was told something else.
    """
    if not (folder / CONFIG_FILE).exists():
        return
    if not resume:
        raise FerKerasError(f"{folder}: a run is there already; --resume goes on with it, --name starts another")
    before, now = with_defaults(read_config(folder)["config"], config), to_dict(config)
    changed = differences(_comparable(before, leave_out), _comparable(now, leave_out))
    if changed:
        raise FerKerasError(
            f"{folder}: cannot go on with other options ({'; '.join(changed)}); give the same ones, or another --name"
        )


def read_config(folder: Path) -> dict[str, Any]:
    """Return the config.json of a run.

    Raises:
        FerKerasError: there is none, or it is not that of a run.
    """
    written = read_json(folder / CONFIG_FILE)
    if not isinstance(written, dict) or not {"config", "environment"} <= written.keys():
        raise FerKerasError(f"{folder / CONFIG_FILE}: expected the configuration of a run")
    return written


def recorded_precision(folder: Path) -> str | None:
    """Return what the run in `folder` computes in, or None: `auto` is what it was where the run began."""
    return read_config(folder)["environment"].get("precision") if (folder / CONFIG_FILE).exists() else None


def _comparable(told: dict[str, Any], leave_out: Collection[str]) -> dict[str, Any]:
    """Leave out what is not known yet, and what the data are called: their fingerprint says what they are."""
    told = {key: value for key, value in told.items() if key not in leave_out}
    data = told.get("data")
    return {**told, "data": {**data, "source": None}} if isinstance(data, dict) else told


@contextmanager
def run_folder(folder: Path, config: Any, *, resume: bool, facts: dict[str, Any]) -> Iterator[None]:
    """Claim `folder` for a run told `config`, and write config.json into it.

    Args:
        folder: made if it is not there.
        config: a dataclass of `fer_keras.config`.
        resume: whether a run that is there already may go on.
        facts: more for config.json, of this machine; not compared on resuming.

    Raises:
        FerKerasError: as `refuse_other_run`, another process is at this run, or the model to start from cannot be
            read.
    """
    refuse_other_run(folder, config, resume=resume)
    with locked(folder, wait=False):
        if not (folder / CONFIG_FILE).exists():
            told = {"config": to_dict(config), "environment": {**environment(), **facts}}
            if start_from := getattr(config, "start_from", ""):
                told[ANCESTOR] = ancestor_facts(start_from)
            write_json(folder / CONFIG_FILE, told)
        yield


def ancestor_facts(start_from: str) -> dict[str, Any]:
    """Return what is known of a saved model that a run starts with, as JSON values.

    Args:
        start_from: as in `StudentConfig`.

    Returns:
        `fingerprint`; where its run's files lie beside it also its `config`, `epochs`, `seconds` and
        `best_validation_accuracy`, and `ancestor`, the same of that which it started with itself.

    Raises:
        FerKerasError: it is no model, or what lies beside it is no run's.
    """
    folder = model_file(start_from).parent
    facts: dict[str, Any] = {"fingerprint": teacher_fingerprint(load_model(start_from))}
    if (folder / CONFIG_FILE).is_file() and (folder / HISTORY_FILE).is_file():
        told, history = read_config(folder), pd.read_csv(folder / HISTORY_FILE)
        facts |= {"config": told["config"], "epochs": len(history), "seconds": float(history["seconds"].sum())}
        facts["best_validation_accuracy"] = float(history["val_accuracy"].max())
        facts |= {ANCESTOR: told[ANCESTOR]} if ANCESTOR in told else {}
    return facts
