"""Write the logits of saved teachers for every view of the training images, or check those that are there.

    python scripts/cache_logits.py saved_models/reference-cnn --data fer2013.zip --cached-views 16

A view of FER2013 takes the reference CNN about 12 s on 2 cores. The same command goes on where it was stopped.
With --verify nothing is written: a random sample is computed again, and a mismatch ends with status 2.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from fer_keras import cli
from fer_keras.config import main_job_defaults, require


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    _, student = main_job_defaults(drawn=False)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path, nargs="+", help="saved teachers")
    cli.add_data_options(parser)
    parser.add_argument("--cache", type=Path, help="folder of cached logits; default: below $FER_KERAS_CACHE")
    parser.add_argument("--cached-views", type=int, default=student.cached_views, help="K; default %(default)s")
    parser.add_argument("--view-seed", type=int, default=student.view_seed, help="default %(default)s")
    parser.add_argument("--mixup", type=float, default=student.mixup, help="share of mixed views; default %(default)s")
    parser.add_argument(
        "--cache-precision", choices=("auto", "float32", "mixed_bfloat16"), default=student.cache_precision
    )
    parser.add_argument("--verify", action="store_true", help="only check a sample of what is there")
    parser.add_argument("--sample", type=int, default=512, help="how many cached rows to check; default %(default)s")
    cli.add_options(parser, student.views, "views")
    return parser


def main() -> None:
    """Parse, then write or verify, teacher by teacher."""
    args = parser().parse_args()
    _, student = main_job_defaults(drawn=False)
    require("sample", args.sample, 1, 10**9)
    student = replace(student, cached_views=args.cached_views, view_seed=args.view_seed, mixup=args.mixup)
    cli.set_up(args)

    from fer_keras.distill import logit_cache
    from fer_keras.distill.cache_identity import identify
    from fer_keras.models.load import load_model
    from fer_keras.training.data import training_data

    data, _ = training_data(cli.load_data(args))
    train, root = data.split("train"), args.cache or logit_cache.default_root()
    views = cli.options_of(args, student.views)
    for path in args.teacher:
        teacher = load_model(path)
        identity = identify(teacher, train, views, student.view_seed, args.cache_precision, mixup=student.mixup)
        if not args.verify:
            logit_cache.write_logits(teacher, train, identity, student.cached_views, root)
        worst = logit_cache.verify(teacher, train, identity, student.cached_views, root, sample=args.sample)
        print(f"cache: {identity.folder(root)}: {args.sample} rows made again differ by at most {worst:.4f}")
