"""Write the logits of saved teachers for every view of the training images, or check those that are there.

    python scripts/cache_logits.py saved_models/reference-cnn --data fer2013.zip --cached-views 16

A view of FER2013 takes the reference CNN about 12 s on 2 cores. The same command goes on where it was stopped.
With --verify nothing is written: a random sample is computed again, and a mismatch ends with status 2.
"""

import argparse
from pathlib import Path

from fer_keras import cli
from fer_keras.config import main_job_defaults, require

_LEFT_OUT = ("model", "options", "loss", "loss_options", "temperature", "alpha", "cross_fitted", "init_from", "fit")
"""What a student's recipe says of more than the views that it asks its teachers of."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    _, student = main_job_defaults(drawn=False)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path, nargs="+", help="saved teachers")
    cli.add_data_options(parser)
    parser.add_argument("--cache", type=Path, help="folder of cached logits; default: below $FER_KERAS_CACHE")
    parser.add_argument("--verify", action="store_true", help="only check a sample of what is there")
    parser.add_argument("--sample", type=int, default=512, help="how many cached rows to check; default %(default)s")
    cli.add_options(parser, student, "student, as far as it asks the teachers", leave_out=_LEFT_OUT)
    return parser


def main() -> None:
    """Parse, then write or verify, teacher by teacher."""
    args = parser().parse_args()
    _, student = main_job_defaults(drawn=False)
    require("--sample", args.sample, 1, 10**7)
    student = cli.options_of(args, student, leave_out=_LEFT_OUT)
    cli.set_up(args)

    from fer_keras.distill import logit_cache
    from fer_keras.distill.teachers import identify_teachers, load_teacher
    from fer_keras.training.data import training_data

    data, _ = training_data(cli.load_data(args), student.data)
    train, root = data.split("train"), args.cache or logit_cache.default_root()
    teachers = [load_teacher(path, data.label_set) for path in args.teacher]
    for teacher, identity in zip(teachers, identify_teachers(student, teachers, train), strict=True):
        if not args.verify:
            logit_cache.write_logits(teacher.model, train, identity, student.cached_views, root)
        worst = logit_cache.verify(teacher.model, train, identity, student.cached_views, root, sample=args.sample)
        print(f"cache: {identity.folder(root)}: {args.sample} rows made again differ by at most {worst:.4f}")
