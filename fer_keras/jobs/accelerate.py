"""Train teachers or students on a GPU through JAX, several models and seeds side by side.

    python scripts/accelerate.py --data fer2013.zip --model residual-16
    python scripts/accelerate.py --data fer2013.zip --model separable-25k --seeds 0 1 --teacher saved_models/residual-16

Without --teacher it learns labels, as scripts/train_teacher.py; with it, it distils, as scripts/distill.py. It leaves
runs/<model>-<seed>/ as these do, for scripts/ship.py. Two networks of 100,000 parameters take a second an epoch on a
data centre's GPU, one of 4 million 1 to 1.5 s. The options' defaults are those of the command it stands for; --help
shows the student's. The same command goes on where it was stopped. Needs JAX for the GPU; TensorFlow is not imported.
"""

import argparse
from dataclasses import fields, replace

from fer_keras import cli
from fer_keras.config import main_job_defaults
from fer_keras.errors import FerKerasError
from fer_keras.files import MODEL_FILE
from fer_keras.jobs import recipes


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    teacher, student = main_job_defaults(drawn=False)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_data_options(parser)
    cli.add_folder_options(parser, "each model's own; the seed is added")
    recipes.add_config_option(parser)
    parser.add_argument("--model", nargs="+", help=f"presets; default {student.model}, or {teacher.model}")
    parser.add_argument("--teacher", nargs="+", default=[], help="saved teachers; without, it learns labels")
    parser.add_argument("--seeds", type=int, nargs="+", help="a run for each; default 0, or the recipe's")
    cli.add_options(parser, student, "student, or teacher as far as it has the option", leave_out=("model", "seed"))
    return parser


def check(args: argparse.Namespace, models: list[str]) -> None:
    """Check that the options go together.

    Raises:
        FerKerasError: they do not.
    """
    teacher, student = main_job_defaults(drawn=False)
    if args.name and len(models) > 1:
        raise FerKerasError(f"--name {args.name}: one name for {len(models)} models, expected one --model")
    of_students = {field.name for field in fields(student)} - {field.name for field in fields(teacher)}
    for name in sorted(of_students & {key for key, value in vars(args).items() if value is not None}):
        if not args.teacher:
            raise FerKerasError(f"--{name.replace('_', '-')} is for students; name their --teacher")


def main() -> None:
    """Parse, train, print where the models are."""
    args = parser().parse_args()
    teacher, student = main_job_defaults(drawn=False)
    distils = args.teacher or (args.config and recipes.is_of_student(args.config))
    base = recipes.recipe_of(args, student if distils else teacher)
    if args.config and distils and not args.teacher:
        args.teacher = recipes.teachers_of(base, args.config)
    models, seeds = args.model or [base.model], args.seeds or [base.fit.seed]
    check(args, models)
    cli.set_up_accelerator()
    from fer_keras.accelerator.runs import fit_runs
    from fer_keras.distill.teachers import load_teacher, taught_by
    from fer_keras.models.registry import preset
    from fer_keras.training.data import training_data

    for model in models:
        preset(model)
    config = cli.options_of(args, base, leave_out=("model", "seed"))
    data, data_config = training_data(cli.load_data(args), config.data)
    teachers = [load_teacher(path, data.label_set) for path in args.teacher]
    config = replace(config, data=data_config)
    if teachers:
        config = taught_by(config, teachers)
    runs = {
        args.runs / f"{args.name or model}-{seed}": replace(config, model=model, fit=replace(config.fit, seed=seed))
        for model in models
        for seed in seeds
    }
    fit_runs(runs, data.split("train"), data.split("val"), {t.fingerprint: t.model for t in teachers})
    for folder in runs:
        print(f"model: {folder / MODEL_FILE}")
