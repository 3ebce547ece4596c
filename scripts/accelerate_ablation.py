"""Train the runs of an ablation on a GPU through JAX, all arms side by side; scripts/ablate.py then scores them.

    python scripts/accelerate_ablation.py --data fer2013.zip --teacher saved_models/residual-16 ... \
        --assistant saved_models/separable-93k

Leaves runs/<name>/<arm>-seed<n>/ as scripts/ablate.py does, which with the same options finds them done. Some ten
minutes on a data centre's GPU. Needs JAX for it; TensorFlow is not imported.
"""

import argparse

from fer_keras import cli


def main() -> None:
    """Parse, train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_data_options(parser)
    cli.add_ablation_options(parser)
    args = parser.parse_args()
    cli.set_up_accelerator()
    from fer_keras.ablation_arms import ARMS, ASSISTANT, ENSEMBLE, ONE, arm_config, base_config, refuse_equal_arms
    from fer_keras.ablation_records import run_name
    from fer_keras.accelerator.runs import fit_runs
    from fer_keras.distill.ensemble import teacher_fingerprint
    from fer_keras.models.load import load_model
    from fer_keras.training.data import training_data

    base = base_config(args.epochs)
    refuse_equal_arms(base, ARMS)
    data, data_config = training_data(cli.load_data(args))
    models = [load_model(path) for path in [*args.teacher, args.assistant]]
    *large, assistant = fingerprints = [teacher_fingerprint(model) for model in models]
    teachers = {ENSEMBLE: tuple(large), ONE: tuple(large[:1]), ASSISTANT: (assistant,)}
    runs = {
        args.runs / args.name / run_name(arm.name, seed): arm_config(
            base, arm, data_config, teachers[arm.teachers], seed
        )
        for seed in range(args.seeds)
        for arm in ARMS
    }
    fit_runs(runs, data.split("train"), data.split("val"), dict(zip(fingerprints, models, strict=True)))
    print(f"ablation: {args.runs / args.name}")


if __name__ == "__main__":
    cli.run(main)
