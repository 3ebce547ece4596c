"""Train the members of a teacher ensemble on labels.

    python scripts/train_teacher.py --data fer2013.zip --name teacher --resume

One member is 40 epochs of the reference CNN: about 35 minutes on 2 cores for FER2013. A run that was stopped
goes on from its last whole epoch by the same command.
"""

import argparse
from dataclasses import replace

from fer_keras import cli
from fer_keras.config import main_job_defaults


def main() -> None:
    """Parse, train, print where the models are."""
    teacher, _ = main_job_defaults(drawn=False)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_data_options(parser)
    cli.add_run_options(parser, "teacher")
    parser.add_argument("--model", nargs="+", default=[teacher.model], help="a preset for each member, used in turn")
    parser.add_argument("--members", type=int, help="how many, with seeds counting up; default: one of each --model")
    parser.add_argument("--mixup", type=float, default=teacher.mixup, help="share of mixed views; default %(default)s")
    cli.add_options(parser, teacher, "teacher", leave_out=("model", "mixup"))
    cli.add_options(parser, teacher.fit, "fitting")
    cli.add_options(parser, teacher.views, "views")
    args = parser.parse_args()
    cli.set_up(args)
    from fer_keras.training.data import training_data
    from fer_keras.training.teacher import member_configs, train_members

    data, data_config = training_data(cli.load_data(args))
    told = cli.options_of(args, teacher, leave_out=("model", "mixup"))
    config = replace(
        told,
        options={"num_classes": 15} if told.votes else {},
        data=data_config,
        mixup=args.mixup,
        views=cli.options_of(args, teacher.views),
        fit=cli.options_of(args, teacher.fit),
    )
    configs = member_configs(config, args.model, args.members)
    folder = args.runs / (args.name or "teacher")
    for path in train_members(configs, data.split("train"), data.split("val"), folder, resume=args.resume):
        print(f"teacher: {path}")


if __name__ == "__main__":
    cli.run(main)
