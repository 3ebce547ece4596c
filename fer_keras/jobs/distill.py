"""Distil a small student from large teachers: the main job, end to end.

    python scripts/distill.py --data fer2013.zip --resume

Trains a teacher (or takes --teacher FILE ...), caches its logits for every view, distils the student, evaluates
both and writes runs/<name>/report.md. For FER2013 with the defaults about 70 minutes on 2 cores; without --data it
draws faces and takes 2 to 4 minutes. A job that was stopped goes on by the same command with --resume.

Several hosts with a shared folder, each with the same command and TensorFlow's TF_CONFIG, distil one student together:
each learns from its share of every batch.
"""

import argparse
from pathlib import Path

from fer_keras import cli
from fer_keras.config import main_job_defaults
from fer_keras.errors import FerKerasError
from fer_keras.jobs import recipes


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    teacher, student = main_job_defaults(drawn=False)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_data_options(parser)
    cli.add_unlabelled_option(parser)
    cli.add_run_options(parser, "after the data")
    recipes.add_config_option(parser)
    parser.add_argument("--cache", type=Path, help="folder of cached logits; default: below $FER_KERAS_CACHE")
    parser.add_argument("--teacher", type=Path, nargs="+", default=[], help="saved teachers to use")
    parser.add_argument("--members", type=int, help="teachers to train; default: one of each --teacher-model")
    parser.add_argument("--teacher-model", nargs="+", help=f"their presets; default {teacher.model}")
    cli.add_options(parser, student, "student")
    cli.add_options(parser, teacher.fit, "fitting new teachers", prefix="teacher-")
    return parser


def main() -> None:
    """Parse, do the job, print where the report is."""
    args = parser().parse_args()
    cli.set_up(args)
    of_new_ones = [name for name in vars(args) if name == "members" or name.startswith("teacher_")]
    for name in of_new_ones if args.teacher else ():
        if getattr(args, name) is not None:
            raise FerKerasError(f"--teacher names saved teachers; --{name.replace('_', '-')} is for new ones")
    from dataclasses import replace

    from fer_keras import distributed
    from fer_keras.distill.logit_cache import default_root
    from fer_keras.jobs.distillation import MainJob, run_main_job

    if distributed.hosts() > 1 and not args.teacher:
        raise FerKerasError("--teacher: several hosts (TF_CONFIG) distil from saved teachers; name them")
    data = cli.load_data(args)
    teacher, student = main_job_defaults(data.drawn)
    student = cli.options_of(args, recipes.recipe_of(args, student))
    if args.config and not args.teacher:
        args.teacher = recipes.teachers_of(student, args.config)
    job = MainJob(
        folder=args.runs / (args.name or Path(data.source).stem.replace(" ", "-")),
        student=student,
        teacher=replace(teacher, views=student.views, fit=cli.options_of(args, teacher.fit, "teacher-")),
        teacher_models=args.teacher_model or [teacher.model],
        members=args.members,
        teacher_files=args.teacher,
        cache_root=args.cache or default_root(),
        resume=args.resume or distributed.rank() > 0,  # host 0 makes the folder, perhaps before the others look
        command=cli.command_line(),
    )
    for path in run_main_job(job, cli.with_unlabelled(args, data)):
        print(f"report: {path}")
