"""Search the frontier: the best accuracy at every size, for each family of students.

    python scripts/search.py --data fer2013.zip --teacher saved_models/residual-10 ... --name frontier

Short trials for every family and budget, then the best of each on the full schedule. The defaults are 6,600 epochs of
FER2013, days on 2 cores; the published search (docs/frontier.md has its options) is 1,200 of smaller students. It
may be stopped at any moment, also by kill -9; the same command goes on, and more --trials, --seeds, --budgets or
--families add to what is there. Writes runs/<name>/ledger.csv, a row a trial, while it runs; figures:
scripts/frontier.py.

With --workers N a chief and N workers run here. On several hosts with a shared folder start the same command on each,
with KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT the chief's, and KERASTUNER_TUNER_ID=chief on one and an id of its
own on every other.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from fer_keras import cli
from fer_keras.config import NO_DATA, StudentConfig, require
from tuner import defaults
from tuner.workers import exit_with_supervisor, role_is_whole, supervise


def base_config() -> StudentConfig:
    """Return the student's options that the command line changes."""
    base = StudentConfig(NO_DATA, (), cached_views=100_000)
    return replace(base, fit=replace(base.fit, epochs=defaults.EPOCHS))


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_data_options(parser)
    parser.add_argument("--teacher", type=Path, nargs="+", required=True, help="saved teachers")
    parser.add_argument("--name", default="search", help="the search's folder below --runs; default %(default)s")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs; default runs")
    parser.add_argument("--cache", type=Path, help="folder of cached logits; default: below $FER_KERAS_CACHE")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes beside a chief; default: one process, no chief"
    )

    def add(flag: str, default: object, meaning: str, **how: object) -> None:
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        parser.add_argument(flag, default=default, help=f"{meaning}; default {shown}", **how)

    add("--families", defaults.FAMILIES, "families of students", nargs="+")
    add("--budgets", defaults.BUDGETS, "most parameters", type=int, nargs="+")
    add("--trials", defaults.TRIALS, "short trials for each family and budget", type=int)
    add("--final-epochs", defaults.FINAL_EPOCHS, "of the full schedule", type=int)
    add("--seeds", defaults.SEEDS, "full schedules of each best", type=int)
    parser.add_argument(
        "--control-budgets", type=int, nargs="*",
        help="where it is trained on labels alone too; default those of"
        f" {' '.join(map(str, defaults.CONTROL_BUDGETS))} among --budgets",
    )  # fmt: skip
    add("--max-multiply-adds", defaults.MAX_MULTIPLY_ADDS, "of any candidate", type=int)
    add("--max-failures", defaults.MAX_FAILURES, "failed trials in a row that end the search", type=int)
    title = "student; --epochs and --seed are those of the short trials"
    cli.add_options(parser, base_config(), title, leave_out=("model", "init_from"))
    return parser


def main() -> int:
    """Parse, then supervise workers or search."""
    args, base = parser().parse_args(), base_config()
    require("--workers", args.workers, 0, 1000)
    controls = defaults.control_budgets(args.control_budgets, args.budgets)
    if not role_is_whole() and args.workers:
        return supervise([sys.executable, *sys.orig_argv[1:]], args.workers)
    exit_with_supervisor()
    cli.set_up(args)

    from fer_keras.distill.ensemble import teacher_fingerprint
    from fer_keras.distill.logit_cache import default_root
    from fer_keras.distill.teachers import load_teacher
    from fer_keras.models.load import model_name
    from fer_keras.training.data import training_data
    from tuner.search import run_search
    from tuner.settings import Search

    data, data_config = training_data(cli.load_data(args))
    teachers = [load_teacher(path, data.label_set) for path in args.teacher]
    base = replace(
        cli.options_of(args, base, leave_out=("model", "init_from")),
        data=data_config,
        teachers=tuple(teacher_fingerprint(teacher.model) for teacher in teachers),
        teacher_names=tuple(model_name(teacher.file) for teacher in teachers),
    )
    search = Search(
        args.runs / args.name,
        base,
        families=tuple(args.families),
        budgets=tuple(args.budgets),
        trials=args.trials,
        final_epochs=args.final_epochs,
        seeds=args.seeds,
        control_budgets=controls,
        max_multiply_adds=args.max_multiply_adds,
        max_failures=args.max_failures,
    )
    print(f"ledger: {run_search(search, data, teachers, args.cache or default_root())}")
    return 0
