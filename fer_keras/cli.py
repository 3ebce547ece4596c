"""What every command shares: options from config fields, the data, TensorFlow or JAX."""

import argparse
import dataclasses
import os
import shlex
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from fer_keras.config import NO_DATA, descriptions, ranges
from fer_keras.data.dataset import FaceData
from fer_keras.errors import FerKerasError

Config = TypeVar("Config")

DRAWN_AMBIGUOUS = 0.3
"""Share of the drawn faces, where votes are learned, that people would disagree on."""


def command_line() -> str:
    """Return the command that runs, as somebody would paste it into a shell."""
    program, *words = sys.argv
    start = ["python", program] if program.endswith(".py") else shlex.split(program)
    return shlex.join([*start, *words])


def add_options(
    parser: argparse.ArgumentParser, config: Any, title: str, prefix: str = "", leave_out: Collection[str] = ()
) -> None:
    """Add an option `--<prefix><field>` for each field of a dataclass that words can set, and of the dataclasses in it.

    Its help is what the dataclass says of the field, with the range and the default. An option that is not given leaves
    the configuration as it is; see `options_of`.

    Args:
        parser: of the command.
        config: an instance, whose values are the defaults.
        title: of the group of options.
        prefix: before each name; ends in a hyphen.
        leave_out: fields that get no option, here and in the dataclasses within.
    """
    group = parser.add_argument_group(title)
    texts, limits = descriptions(type(config)), ranges(config)
    for name, hint in _bindable(config, leave_out).items():
        value = getattr(config, name)
        if dataclasses.is_dataclass(value):
            add_options(parser, value, f"{title}: {name}", prefix, leave_out)
            continue
        flag = f"--{prefix}{name}".replace("_", "-")
        shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
        shown = f"default {shown}" if value not in ("", {}, ()) else "default none"
        if name in limits:
            shown = "{} to {}; ".format(*limits[name]) + shown
        text = f"{texts.get(name, name)} ({shown})".replace("%", "%%")
        if isinstance(value, bool):
            group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        elif isinstance(value, dict):
            group.add_argument(flag, nargs="+", type=_assignment, metavar="NAME=NUMBER", help=text)
        elif isinstance(value, tuple):
            group.add_argument(flag, nargs="*", type=get_args(hint)[0], help=text)
        else:
            group.add_argument(flag, type=type(value), choices=get_args(hint) or None, help=text)


def options_of(args: argparse.Namespace, config: Config, prefix: str = "", leave_out: Collection[str] = ()) -> Config:
    """Return `config` with the fields that `add_options` found on the command line."""
    values = {}
    for name in _bindable(config, leave_out):
        value = getattr(config, name)
        if dataclasses.is_dataclass(value):
            values[name] = options_of(args, value, prefix, leave_out)
        elif (word := getattr(args, f"{prefix}{name}".replace("-", "_"), None)) is not None:
            values[name] = type(value)(word) if isinstance(value, dict | tuple) else word
    return dataclasses.replace(config, **values)


def _bindable(config: Any, leave_out: Collection[str]) -> dict[str, Any]:
    """The fields that words on the command line can set, and their types."""
    hints = get_type_hints(type(config))

    def by_words(field: dataclasses.Field) -> bool:
        value = getattr(config, field.name)
        if field.name in leave_out or dataclasses.is_dataclass(value):
            return field.name not in leave_out
        found = field.metadata.get("found") or field.default is field.default_factory is dataclasses.MISSING
        return not found and (isinstance(value, int | float | str | tuple) or hints[field.name] == dict[str, float])

    return {field.name: hints[field.name] for field in dataclasses.fields(config) if by_words(field)}


def _assignment(word: str) -> tuple[str, float]:
    name, equals, number = word.partition("=")
    if not name or not equals:
        raise ValueError(word)
    return name, float(number)


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add --data and --resize."""
    parser.add_argument("--data", help="FER2013 (.zip, folder or .csv), or `kaggle`; without it, drawn faces")
    parser.add_argument("--resize", action="store_true", help="accept images that are not 48x48")
    parser.add_argument(
        "--classes",
        type=class_names,
        metavar="A,B,C",
        help="the names of the data's classes, in order; default: those that the data name, or FER2013's",
    )


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add --targets and --votes, for commands that train nothing: those that do have them among their recipe's."""
    add_options(parser, NO_DATA, "targets", leave_out=("validation", "split_seed", "folds", "left_out"))


def class_names(text: str) -> list[str]:
    """Return the names in an option such as `happy,sad,neutral`."""
    return [name.strip() for name in text.split(",")]


def add_unlabelled_option(parser: argparse.ArgumentParser) -> None:
    """Add --unlabelled."""
    parser.add_argument("--unlabelled", type=Path, help="more faces to distil on, whose labels are not looked at")


def add_folder_options(parser: argparse.ArgumentParser, name: str) -> None:
    """Add --name and --runs; `name` says what the default of the first is."""
    parser.add_argument("--name", help=f"the run's folder below --runs; default: {name}")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs; default runs")


def add_run_options(parser: argparse.ArgumentParser, name: str) -> None:
    """Add --name, --runs, --resume and --deterministic; `name` says what the default of the first is."""
    add_folder_options(parser, name)
    parser.add_argument("--resume", action="store_true", help="go on with a run that is there")
    parser.add_argument(
        "--deterministic", action="store_true", help="one thread, deterministic operations: equal runs, slowly"
    )


def set_up(args: argparse.Namespace) -> None:
    """Start TensorFlow, quietly, and make it deterministic if asked to; call it before anything else imports it."""
    with quiet_stderr():
        import tensorflow as tf

        tf.config.list_physical_devices()
    if getattr(args, "deterministic", False):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()


def set_up_accelerator() -> None:
    """Let Keras compute with JAX; call it before anything imports Keras.

    Raises:
        FerKerasError: JAX is not installed.
    """
    os.environ["KERAS_BACKEND"] = "jax"
    if find_spec("jax") is None:
        raise FerKerasError("JAX is not installed: pip install 'fer_keras[accelerator]'")


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what native code writes to standard error from the user.

    TensorFlow 2.21 reports there, whatever TF_CPP_MIN_LOG_LEVEL says, that this machine has no GPU; Python's
    exceptions are not affected.
    """
    sys.stderr.flush()
    stderr, devnull = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(devnull)


def load_data(args: argparse.Namespace) -> FaceData:
    """Load what --data names, or draw faces, and say which on the console."""
    if args.data is None:
        from fer_keras.data.synthetic import drawn_faces

        voted = getattr(args, "targets", None) not in (None, "labels")
        data = drawn_faces(ambiguous=DRAWN_AMBIGUOUS if voted else None)
        print("data: drawn faces, not FER2013 (give --data for the real thing)", flush=True)
    else:
        from fer_keras.data.kaggle import KAGGLE, resolve_data
        from fer_keras.data.source import load_faces

        data = load_faces(resolve_data(args.data), resize=args.resize, classes=args.classes)
        if args.data == KAGGLE:  # the download's folder is called after a version
            data = dataclasses.replace(data, source="FER2013 from Kaggle")
    _tell(data)
    return data


def with_unlabelled(args: argparse.Namespace, data: FaceData) -> FaceData:
    """Add what --unlabelled names to the training images of `data`."""
    if not args.unlabelled:
        return data
    from fer_keras.data import dataset
    from fer_keras.data.source import load_faces

    data = dataset.with_unlabelled(data, load_faces(args.unlabelled, resize=args.resize))
    _tell(data)
    return data


def _tell(data: FaceData) -> None:
    counts = ", ".join(f"{name} {int((data.splits == name).sum()):,}" for name in data.split_names)
    print(f"data: {data.source}: {counts}", flush=True)
