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
from fer_keras.errors import FerKerasError

if TYPE_CHECKING:
    from fer_keras.jobs.ablation_arms import Arm


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_data_options(parser)
    cli.add_ablation_options(parser)
    parser.add_argument("--cache", type=Path, help="folder of cached logits; default: below $FER_KERAS_CACHE")
    parser.add_argument("--arms", nargs="+", help="names of the arms to run; default all")
    parser.add_argument("--out", type=Path, help="folder of the tables and the figure; default: the study's")
    parser.add_argument("--accelerator", action="store_true", help="only train, on a GPU through JAX")
    return parser


def main() -> None:
    """Parse, train what is missing, compare, draw."""
    args = parser().parse_args()
    if args.accelerator:
        cli.set_up_accelerator()
        _train_side_by_side(args)
    else:
        cli.set_up(args)
        _train_and_compare(args)


def _arms(args: argparse.Namespace) -> list["Arm"]:
    from fer_keras.jobs.ablation_arms import ARMS

    known = {arm.name: arm for arm in ARMS}
    for name in args.arms or []:
        if name not in known:
            raise FerKerasError(f"unknown arm {name!r}, expected some of {', '.join(map(repr, known))}")
    return [known[name] for name in dict.fromkeys(args.arms or known)]


def _train_and_compare(args: argparse.Namespace) -> None:
    from fer_keras.distill.logit_cache import default_root
    from fer_keras.distill.teachers import load_teacher
    from fer_keras.evaluation.comparison import differences_figure, differences_table
    from fer_keras.evaluation.plots import save_figure
    from fer_keras.jobs import ablation
    from fer_keras.jobs.ablation_arms import ARMS, ASSISTANT, ENSEMBLE, ONE, base_config
    from fer_keras.training.data import training_data

    arms, seeds = _arms(args), range(args.seeds)
    data, data_config = training_data(cli.load_data(args))
    *large, assistant = (load_teacher(path, data.label_set) for path in [*args.teacher, args.assistant])
    teachers = {ENSEMBLE: large, ONE: large[:1], ASSISTANT: [assistant]}
    folder, base = args.runs / args.name, base_config(args.epochs)
    out = args.out or folder
    study = ablation.Study(base, teachers, data, data_config, args.cache or default_root(), folder, out)
    ablation.run_study(study, arms, seeds)
    summary = ablation.summarise(study, ablation.recorded(study, ARMS, seeds), seeds)
    print(f"\n{differences_table(summary)}\n")
    save_figure(differences_figure(summary, f"One change at a time, {args.seeds} seeds"), out / ablation.FIGURE_FILE)
    print(f"ablation: {out}")


def _train_side_by_side(args: argparse.Namespace) -> None:
    from fer_keras.accelerator.runs import fit_runs
    from fer_keras.distill.ensemble import teacher_fingerprint
    from fer_keras.distill.teachers import load_teacher
    from fer_keras.jobs.ablation_arms import (
        ASSISTANT,
        ENSEMBLE,
        ONE,
        arm_config,
        base_config,
        refuse_equal_arms,
        run_name,
    )
    from fer_keras.training.data import training_data

    base, arms = base_config(args.epochs), _arms(args)
    refuse_equal_arms(base, arms)
    data, data_config = training_data(cli.load_data(args))
    models = [load_teacher(path, data.label_set).model for path in [*args.teacher, args.assistant]]
    *large, assistant = fingerprints = [teacher_fingerprint(model) for model in models]
    teachers = {ENSEMBLE: tuple(large), ONE: tuple(large[:1]), ASSISTANT: (assistant,)}
    runs = {
        args.runs / args.name / run_name(arm.name, seed): arm_config(
            base, arm, data_config, teachers[arm.teachers], seed
        )
        for seed in range(args.seeds)
        for arm in arms
    }
    fit_runs(runs, data.split("train"), data.split("val"), dict(zip(fingerprints, models, strict=True)))
    print(f"ablation: {args.runs / args.name}")
