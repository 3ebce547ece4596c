"""`fer-keras NAME ...` and `python -m fer_keras NAME ...`: every command of the project."""

import ast
import importlib
import sys
from pathlib import Path

from fer_keras import cli
from fer_keras.errors import FerKerasError

COMMANDS = (
    "distill", "predict", "photo", "video", "webcam", "evaluate", "export", "client", "train_teacher", "cache_logits",
    "accelerate", "search", "frontier", "pick", "ablate", "benchmark", "measure_crop", "audit_data", "ship",
    "ship_ensemble", "docs_tables",
)  # fmt: skip
"""Each is a module of `fer_keras.jobs` with `parser()` and `main()`; the first are what most come for."""


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
    sys.argv = [f"{cli.PROGRAM} {shown(command)}", *words]  # what its help and its reports call it
    return importlib.import_module(f"fer_keras.jobs.{command}").main()


def overview() -> str:
    """Return all commands, a line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  {shown(command):{width}}  {first_line(command)}" for command in COMMANDS]
    usage = f"usage: {cli.PROGRAM} COMMAND ...; {cli.PROGRAM} COMMAND --help tells its options"
    return "\n".join([usage, "", *lines])


def shown(command: str) -> str:
    """Return how a command is typed; underscores are accepted too."""
    return command.replace("_", "-")


def first_line(command: str) -> str:
    """Return what a command does: the first line of its module, which is not imported for that."""
    source = Path(__file__).with_name("jobs") / f"{command}.py"
    docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def start() -> None:
    """Run `main` and exit with its status: what the console command calls."""
    cli.run(main)


if __name__ == "__main__":
    start()
