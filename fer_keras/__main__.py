"""`fer-keras NAME ...` and `python -m fer_keras NAME ...`: every command of the project, and how it ends."""

import importlib
import os
import signal
import sys
from collections.abc import Callable

from fer_keras.endings import STOPS, run
from fer_keras.errors import FerKerasError

PROGRAM = "fer-keras"
"""The console command; `fer-keras NAME` does what scripts/NAME.py does."""

COMMANDS = (
    "distill", "predict", "photo", "video", "webcam", "evaluate", "export", "client", "train_teacher", "cache_logits",
    "accelerate", "search", "frontier", "pick", "ablate", "benchmark", "measure_crop", "measure_statistics",
    "audit_data", "ship", "ship_ensemble", "docs_tables",
)  # fmt: skip
"""Each is a module of `fer_keras.jobs` with `parser()` and `main()`; the first are what most come for."""


def start(command: str = "") -> None:
    """Run a command, by default the one that the first word names, and exit with its status.

    Nothing else is imported before, so that Ctrl-C is a sentence from the first moment.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's keras.json says
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's errors, not its notices
    # On x86-64 its own default needs AVX-512 VNNI or AMX. With AVX2 alone a separable student trains 1.3 to 1.9 times
    # as fast with it. Elsewhere it says nothing.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        run(_main_of(command) if command else main, leave=os._exit)
    finally:
        for number in STOPS:
            signal.signal(number, signal.SIG_DFL)  # while Python ends, no handler could say anything


def main() -> int | None:
    """Run the command that the first word names, or list all of them.

    Returns:
        The command's status.

    Raises:
        FerKerasError: there is no command of that name.
    """
    name, *words = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(overview())
        return 0
    command = name.replace("-", "_")
    if command not in COMMANDS:
        raise FerKerasError(f"unknown command {name!r}, expected one of {', '.join(map(shown, COMMANDS))}")
    sys.argv = [f"{PROGRAM} {shown(command)}", *words]  # what its help and its reports call it
    return _main_of(command)()


def _main_of(command: str) -> Callable[[], int | None]:
    return lambda: importlib.import_module(f"fer_keras.jobs.{command}").main()


def overview() -> str:
    """Return all commands, a line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  {shown(command):{width}}  {first_line(command)}" for command in COMMANDS]
    usage = f"usage: {PROGRAM} COMMAND ...; {PROGRAM} COMMAND --help tells its options"
    return "\n".join([usage, "", *lines])


def shown(command: str) -> str:
    """Return how a command is typed; underscores are accepted too."""
    return command.replace("_", "-")


def first_line(command: str) -> str:
    """Return what a command does: the first line of its module, which is not imported for that."""
    from importlib.resources import files  # which imports much, for --help alone

    source = (files("fer_keras") / "jobs" / f"{command}.py").read_text(encoding="utf-8")
    return source.partition('"""')[2].partition("\n")[0].removesuffix('"""')


if __name__ == "__main__":
    start()
