"""Recipes that a command takes from a config.json, and the teachers that they name."""

import argparse
from pathlib import Path
from typing import Any, TypeVar

from fer_keras.config import NO_DATA, DataConfig, StudentConfig, from_dict
from fer_keras.errors import FerKerasError
from fer_keras.files import CONFIG_FILE, MODEL_FILE, read_json

Config = TypeVar("Config")

_ROOTS = (Path("saved_models"), Path("runs"))
"""Where teachers are looked for, the first first."""


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    parser.add_argument(
        "--config",
        type=Path,
        help="take the recipe of this config.json, of a run or a saved model; options given here win",
    )


def recipe_of(args: argparse.Namespace, default: Config) -> Config:
    """Return the recipe that --config names, or `default` without it.

    Args:
        args: of a parser with `add_config_option`.
        default: of the same dataclass.

    Raises:
        FerKerasError: the file holds no such recipe.
    """
    return default if args.config is None else from_dict(type(default), _recipe(args.config), args.config)


def data_of(model: Path) -> DataConfig:
    """Return what the config.json beside a model says of its data, or `NO_DATA` where there is none.

    Raises:
        FerKerasError: the file holds no recipe.
    """
    file = model.with_name(CONFIG_FILE)
    return from_dict(DataConfig, _recipe(file).get("data"), file, "data.") if file.is_file() else NO_DATA


def is_of_student(file: Path) -> bool:
    """Tell whether a config.json is the recipe of a student, which has teachers."""
    return "teachers" in _recipe(file)


def _recipe(file: Path) -> dict[str, Any]:
    recorded = read_json(file)
    if not isinstance(recorded, dict) or not isinstance(recorded.get("config"), dict):
        raise FerKerasError(f"{file}: expected a run's config.json, an object that holds 'config', itself an object")
    return recorded["config"]


def teachers_of(config: StudentConfig, file: Path) -> list[Path]:
    """Return the files of the teachers that a recipe names.

    Args:
        config: the recipe.
        file: its config.json; recipes of teachers that are not kept lie beside it, in teachers/.

    Raises:
        FerKerasError: one is nowhere; the sentence says what makes it.
    """
    files = []
    for name in config.teacher_names:
        places = [root / name / MODEL_FILE for root in _ROOTS]
        teacher = next((teacher for teacher in places if teacher.is_file()), None)
        if teacher is None:
            recipe = next(_ROOTS[0].glob(f"*/teachers/{name}.json"), file)
            advice = ""
            if recipe != file:
                command = "distill" if is_of_student(recipe) else "train_teacher"
                advice = f"; python scripts/{command}.py --config {recipe} --name {name} makes it"
            raise FerKerasError(f"{file}: its teacher {name} is in none of {', '.join(map(str, _ROOTS))}{advice}")
        files.append(teacher)
    return files
