"""Measure what helps a student of 25,000 parameters, one change of the recipe at a time.

    python scripts/ablate.py --data fer2013.zip --teacher saved_models/residual-16 ... \
        --assistant saved_models/separable-93k

About 8 minutes a run on 2 cores, 15 arms, 2 seeds each: 4 hours, after the teachers' logits are cached. The same
command goes on where it was stopped. Writes ablation.csv (a row a run), ablation_predictions.npz and, of all arms that
are there with every seed, ablation_summary.csv (a row an arm, with intervals) and ablation.png to runs/<name>/, or to
--out.
"""

import argparse
from pathlib import Path

from fer_keras import cli
from fer_keras.errors import FerKerasError


def main() -> None:
    """Parse, train what is missing, compare, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_data_options(parser)
    cli.add_ablation_options(parser)
    parser.add_argument("--cache", type=Path, help="folder of cached logits; default: below $FER_KERAS_CACHE")
    parser.add_argument("--arms", nargs="+", help="names of the arms to run; default all")
    parser.add_argument("--out", type=Path, help="folder of the tables and the figure; default: the study's")
    args = parser.parse_args()
    cli.set_up(args)

    from fer_keras import ablation
    from fer_keras.ablation_arms import ARMS, ASSISTANT, ENSEMBLE, ONE, base_config
    from fer_keras.distill.logit_cache import default_root
    from fer_keras.evaluation.comparison import differences_figure, differences_table
    from fer_keras.evaluation.plots import save_figure
    from fer_keras.models.load import load_model
    from fer_keras.training.data import training_data

    known = {arm.name: arm for arm in ARMS}
    for name in args.arms or []:
        if name not in known:
            raise FerKerasError(f"unknown arm {name!r}, expected some of {', '.join(map(repr, known))}")
    arms, seeds = [known[name] for name in dict.fromkeys(args.arms or known)], range(args.seeds)
    large = [load_model(path) for path in args.teacher]
    teachers = {
        ENSEMBLE: large,
        ONE: large[:1],
        ASSISTANT: [load_model(args.assistant)],
    }
    data, data_config = training_data(cli.load_data(args))
    folder, base = args.runs / args.name, base_config(args.epochs)
    out = args.out or folder
    study = ablation.Study(base, teachers, data, data_config, args.cache or default_root(), folder, out)
    ablation.run_study(study, arms, seeds)
    summary = ablation.summarise(study, ablation.recorded(study, ARMS, seeds), seeds)
    print(f"\n{differences_table(summary)}\n")
    save_figure(differences_figure(summary, f"One change at a time, {args.seeds} seeds"), out / ablation.FIGURE_FILE)
    print(f"ablation: {out}")


if __name__ == "__main__":
    cli.run(main)
