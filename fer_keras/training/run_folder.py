"""The folder of a run: claimed by one process, never overwritten, made again from its config.json."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fer_keras.config import differences, environment, to_dict
from fer_keras.errors import FerKerasError
from fer_keras.files import locked, read_json, write_json

CONFIG_FILE = "config.json"


def refuse_other_run(folder: Path, told: dict[str, Any], *, resume: bool) -> None:
    """Check that no run is in `folder`, or that it may go on and was told the same.

    Args:
        folder: the run's folder.
        told: `to_dict` of the configuration, or the part of it that is known.
        resume: whether a run that is there may go on.

    Raises:
        FerKerasError: a run is there and `resume` is false, or it was told something else.
    """
    if not (folder / CONFIG_FILE).exists():
        return
    if not resume:
        raise FerKerasError(f"{folder}: a run is there already; --resume goes on with it, --name starts another")
    before = read_config(folder)["config"]
    changed = differences(_comparable({key: before.get(key) for key in told}), _comparable(told))
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


def _comparable(told: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the data are called: their fingerprint says what they are."""
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
        FerKerasError: as `refuse_other_run`, or another process is at this run.
    """
    told = to_dict(config)
    refuse_other_run(folder, told, resume=resume)
    with locked(folder, wait=False):
        if not (folder / CONFIG_FILE).exists():
            write_json(folder / CONFIG_FILE, {"config": told, "environment": {**environment(), **facts}})
        yield
