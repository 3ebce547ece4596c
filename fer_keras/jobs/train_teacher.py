"""Train the members of a teacher ensemble on labels.

    python scripts/train_teacher.py --data fer2013.zip --name teacher --resume

One member is 40 epochs of the reference CNN: about 35 minutes on 2 cores for FER2013. A run that was stopped
goes on from its last whole epoch by the same command.
"""

import argparse
from dataclasses import replace

from fer_keras import cli
from fer_keras.config import main_job_defaults
from fer_keras.jobs import recipes


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    teacher, _ = main_job_defaults(drawn=False)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_data_options(parser)
    cli.add_run_options(parser, "teacher")
    recipes.add_config_option(parser)
    parser.add_argument("--model", nargs="+", help=f"a preset for each member, used in turn; default {teacher.model}")
    parser.add_argument("--members", type=int, help="how many, with seeds counting up; default: one of each --model")
    cli.add_options(parser, teacher, "teacher", leave_out=("model",))
    return parser


def main() -> None:
    """Parse, train, print where the models are."""
    args = parser().parse_args()
    teacher, _ = main_job_defaults(drawn=False)
    cli.set_up(args)
    from fer_keras.training.data import training_data
    from fer_keras.training.run import Run
    from fer_keras.training.teacher import member_configs, train_members, train_teacher

    config = cli.options_of(args, recipes.recipe_of(args, teacher), leave_out=("model",))
    data, data_config = training_data(cli.load_data(args), config.data)
    config = replace(config, data=data_config)
    folder = args.runs / (args.name or "teacher")
    if args.config and not args.model and args.members is None:  # the one of the recipe
        run = Run(folder, config, resume=args.resume)
        print(f"teacher: {train_teacher(run, data.split('train'), data.split('val'))}")
        return
    configs = member_configs(config, args.model or [config.model], args.members)
    for path in train_members(configs, data.split("train"), data.split("val"), folder, resume=args.resume):
        print(f"teacher: {path}")
