"""Search the frontier: the best accuracy at every size, for each family of students.

    python scripts/search.py --data fer2013.zip --teacher saved_models/residual-10 ... --name frontier

Short trials for every family and budget, then the best of each on the full schedule. The defaults are 7,800 epochs of
FER2013, days on 2 cores; the published search (docs/frontier.md has its options) is 1,200 of smaller students. It
may be stopped at any moment, also by kill -9; the same command goes on, and more --trials, --seeds, --budgets or
--families add to what is there. Writes runs/<name>/ledger.csv, a row a trial, while it runs; figures:
scripts/frontier.py.

With --config the students learn as that recipe says, on its schedule and, without --teacher, from its teachers; its
network is left to the search. With --workers N a chief and N workers run here. On several hosts with a shared folder
start the same command on each, with KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT the chief's, and
KERASTUNER_TUNER_ID=chief on one and an id of its own on every other.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from fer_keras import cli
from fer_keras.config import NO_DATA, StudentConfig, require
from fer_keras.errors import FerKerasError
from fer_keras.jobs import recipes
from tuner.options import SHORT_EPOCHS, SearchOptions
from tuner.workers import exit_with_supervisor, has_role, supervise

_LEFT_OUT = ("model", "init_from")
"""What a student's recipe says and a search does not."""


def base_config() -> StudentConfig:
    """Return the student's options that the command line changes."""
    base = StudentConfig(NO_DATA, (), cached_views=100_000)
    return replace(base, fit=replace(base.fit, epochs=SHORT_EPOCHS))


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_data_options(parser)
    cli.add_folder_options(parser, "search")
    recipes.add_config_option(parser)
    parser.add_argument("--teacher", type=Path, nargs="+", help="saved teachers; default: those of --config")
    parser.add_argument("--cache", type=Path, help="folder of cached logits; default: below $FER_KERAS_CACHE")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes beside a chief; default: one process, no chief"
    )
    cli.add_options(parser, SearchOptions(), "search")
    title = "student; --epochs and --seed are those of the short trials"
    cli.add_options(parser, base_config(), title, leave_out=_LEFT_OUT)
    return parser


def main() -> int:
    """Parse, then supervise workers or search."""
    args = parser().parse_args()
    require("--workers", args.workers, 0, 1000)
    options = _search_options(args)
    if not has_role() and args.workers:
        return supervise([sys.executable, *sys.orig_argv[1:]], args.workers)
    exit_with_supervisor()
    base, options = _with_recipe(args, options)
    cli.set_up(args)

    from fer_keras.distill.logit_cache import default_root
    from fer_keras.distill.teachers import load_teacher, taught_by
    from fer_keras.training.data import training_data
    from tuner.search import run_search
    from tuner.settings import Search

    data, data_config = training_data(cli.load_data(args), base.data)
    teachers = [load_teacher(path, data.label_set) for path in args.teacher]
    base = taught_by(replace(base, data=data_config), teachers)
    search = Search(**vars(options), folder=args.runs / (args.name or "search"), base=base)
    print(f"ledger: {run_search(search, data, teachers, args.cache or default_root())}")
    return 0


def _search_options(args: argparse.Namespace) -> SearchOptions:
    """What the command line says of the search itself."""
    options = cli.options_of(args, SearchOptions())
    if args.control_budgets is None:
        controls = tuple(budget for budget in options.control_budgets if budget in options.budgets)
        options = replace(options, control_budgets=controls)
    for name in ("control", "unlimited"):
        for budget in getattr(options, f"{name}_budgets"):
            if budget not in options.budgets:
                budgets = ", ".join(map(str, options.budgets))
                raise FerKerasError(f"--{name}-budgets {budget}: expected some of --budgets {budgets}")
    return options


def _with_recipe(args: argparse.Namespace, options: SearchOptions) -> tuple[StudentConfig, SearchOptions]:
    """What every candidate learns by, on the short schedule, and the options with the full one; finds the teachers."""
    base = recipes.recipe_of(args, base_config())
    if args.teacher is None:
        if args.config is None:
            raise FerKerasError("--teacher: expected saved teachers, or --config with a recipe that names some")
        args.teacher = recipes.teachers_of(base, args.config)
    if args.config and args.final_epochs is None:
        options = replace(options, final_epochs=base.fit.epochs)
    short = replace(base.fit, epochs=SHORT_EPOCHS, warmup_epochs=min(base.fit.warmup_epochs, SHORT_EPOCHS))
    base = replace(base, options={}, init_from="", fit=short)
    return cli.options_of(args, base, leave_out=_LEFT_OUT), options
