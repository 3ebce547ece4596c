r"""Measure what helps a student of 25,000 parameters, one change of the recipe at a time.

    python scripts/ablate.py --data fer2013.zip --teacher saved_models/residual-16 ... \
        --assistant saved_models/separable-93k

About 8 minutes a run on 2 cores, 15 arms, 2 seeds each: 4 hours, after the teachers' logits are cached. The same
command goes on where it was stopped. Writes ablation.csv (a row a run), ablation_predictions.npz and, of all arms that
are there with every seed, ablation_summary.csv (a row an arm, with intervals) and ablation.png to runs/<name>/, or to
--out.

With --accelerator it only trains, on a GPU through JAX, all arms side by side, and leaves runs/<name>/<arm>-seed<n>/,
which the same command without it finds done and scores. Some ten minutes on a data centre's GPU. Needs JAX for it;
TensorFlow is not imported.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fer_keras import cli
from fer_keras.config import NO_DATA, require
from fer_keras.errors import FerKerasError

if TYPE_CHECKING:
    from fer_keras.jobs.ablation_arms import Arm, Study


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_data_options(parser)
    cli.add_target_options(parser)
    parser.add_argument("--teacher", type=Path, nargs="+", required=True, help="saved teachers; an arm has the first")
    parser.add_argument("--assistant", type=Path, required=True, help="a saved student of theirs, to teach as well")
    cli.add_folder_options(parser, "ablation")
    parser.add_argument("--epochs", type=int, default=40, help="of every run; default %(default)s")
    parser.add_argument("--seeds", type=int, default=2, help="how many; default %(default)s")
    parser.add_argument("--cache", type=Path, help="folder of cached logits; default: below $FER_KERAS_CACHE")
    parser.add_argument("--arms", nargs="+", help="names of the arms to run; default all")
    parser.add_argument("--out", type=Path, help="folder of the tables and the figure; default: the study's")
    parser.add_argument("--accelerator", action="store_true", help="only train, on a GPU through JAX")
    return parser


def main() -> None:
    """Parse, train what is missing, compare, draw."""
    args = parser().parse_args()
    require("--seeds", args.seeds, 1, 100)
    if args.accelerator:
        cli.set_up_accelerator()
    else:
        cli.set_up(args)

    from fer_keras.distill.teachers import load_teacher
    from fer_keras.jobs.ablation_arms import ARMS, ASSISTANT, ENSEMBLE, SINGLE, Study, base_config
    from fer_keras.training.data import training_data

    by_name = {arm.name: arm for arm in ARMS}
    for name in args.arms or []:
        if name not in by_name:
            raise FerKerasError(f"unknown arm {name!r}, expected some of {', '.join(map(repr, by_name))}")
    arms = [by_name[name] for name in dict.fromkeys(args.arms or by_name)]
    data, data_config = training_data(cli.load_data(args), cli.options_of(args, NO_DATA))
    *large, assistant = (load_teacher(path, data.label_set) for path in [*args.teacher, args.assistant])
    teachers = {ENSEMBLE: large, SINGLE: large[:1], ASSISTANT: [assistant]}
    folder = args.runs / (args.name or "ablation")
    places = (args.cache, folder, args.out or folder)
    study = Study(base_config(args.epochs), teachers, data, data_config, *places)
    (_train_side_by_side if args.accelerator else _train_and_compare)(study, arms, range(args.seeds))


def _train_and_compare(study: "Study", arms: list["Arm"], seeds: range) -> None:
    from fer_keras.evaluation.comparison import differences_figure, differences_table
    from fer_keras.evaluation.plots import save_figure
    from fer_keras.jobs import ablation
    from fer_keras.jobs.ablation_arms import ARMS

    ablation.run_study(study, arms, seeds)
    summary = ablation.summarise(study, ARMS, seeds)
    print(f"\n{differences_table(summary)}\n")
    figure = differences_figure(summary, f"One change at a time, {len(seeds)} seeds")
    save_figure(figure, study.out / ablation.FIGURE_FILE)
    print(f"ablation: {study.out}")


def _train_side_by_side(study: "Study", arms: list["Arm"], seeds: range) -> None:
    from fer_keras.accelerator.runs import fit_runs

    study.check(arms)
    runs = {study.run_folder(arm, seed): study.config(arm, seed) for seed in seeds for arm in arms}
    models = {teacher.fingerprint: teacher.model for members in study.teachers.values() for teacher in members}
    fit_runs(runs, study.data.split("train"), study.data.split("val"), models)
    print(f"ablation: {study.folder}")
