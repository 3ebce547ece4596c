"""Recipes that a command takes from a config.json, and the teachers that they name."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from fer_keras.config import StudentConfig, from_dict
from fer_keras.errors import FerKerasError
from fer_keras.files import MODEL_FILE, read_json

Config = TypeVar("Config")


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
    if args.config is None:
        return default
    recorded = read_json(args.config)
    if not isinstance(recorded, dict) or "config" not in recorded:
        raise FerKerasError(f"{args.config}: expected a run's config.json, an object that holds 'config'")
    return from_dict(type(default), recorded["config"], args.config)


def is_of_student(file: Path) -> bool:
    """Tell whether a config.json is the recipe of a student, which has teachers."""
    recorded = read_json(file)
    return isinstance(recorded, dict) and "teachers" in recorded.get("config", {})


def teachers_of(
    config: StudentConfig, file: Path, roots: Sequence[Path] = (Path("saved_models"), Path("runs"))
) -> list[Path]:
    """Return the files of the teachers that a recipe names.

    Args:
        config: the recipe.
        file: its config.json; recipes of teachers that are not kept lie beside it, in teachers/.
        roots: where they are looked for, the first first.

    Raises:
        FerKerasError: one is nowhere; the sentence says what makes it.
    """
    found = []
    for name in config.teacher_names:
        places = [root / name / MODEL_FILE for root in roots]
        place = next((place for place in places if place.is_file()), None)
        if place is None:
            recipe = next(roots[0].glob(f"*/teachers/{name}.json"), file)
            how = ""
            if recipe != file:
                command = "distill" if is_of_student(recipe) else "train_teacher"
                how = f"; python scripts/{command}.py --config {recipe} --name {name} makes it"
            raise FerKerasError(f"{file}: its teacher {name} is in none of {', '.join(map(str, roots))}{how}")
        found.append(place)
    return found
