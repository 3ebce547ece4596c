"""The folder of a run: claimed by one process, never overwritten, made again from its config.json."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fer_keras.config import differences, environment, to_dict
from fer_keras.errors import FerKerasError
from fer_keras.files import read_json, remove_partials, write_json

CONFIG_FILE = "config.json"


def refuse_other_run(folder: Path, *, resume: bool) -> None:
    """Check that no run is in `folder`, unless it may go on.

    Raises:
        FerKerasError: there is one, and `resume` is false.
    """
    if not resume and (folder / CONFIG_FILE).exists():
        raise FerKerasError(f"{folder}: a run is there already; --resume goes on with it, --name starts another")


@contextmanager
def run_folder(folder: Path, config: Any, *, resume: bool, facts: dict[str, Any] | None = None) -> Iterator[Path]:
    """Claim `folder` for a run told `config`, and write config.json into it.

    Args:
        folder: made if it is not there.
        config: a dataclass of `fer_keras.config`.
        resume: whether a run that is there already may go on.
        facts: more for config.json, such as the command; not compared on resuming.

    Raises:
        FerKerasError: a run is there and `resume` is false; it was told something else; or another process
            is at it.
    """
    told = to_dict(config)
    path = folder / CONFIG_FILE
    refuse_other_run(folder, resume=resume)
    if path.exists():
        changed = differences(read_json(path)["config"], told)
        if changed:
            raise FerKerasError(
                f"{folder}: cannot go on with other options ({'; '.join(changed)});"
                " give the same ones, or another --name"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise FerKerasError(f"{folder}: cannot write there ({error.strerror})") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FerKerasError(f"{folder}: another process is at this run") from error
        remove_partials(folder)
        if not path.exists():
            write_json(path, {"config": told, "environment": environment(), **(facts or {})})
        yield folder
