"""Measure speed, all sides in one interleaved run.

    python scripts/benchmark.py distill
    python scripts/benchmark.py inference --data fer2013.zip

`distill`: about 6 minutes on 2 cores; what each measure gains in training, as ratios. `inference`: about 10 minutes
for six models; what an answer costs in Keras, SavedModel, LiteRT and ONNX Runtime, on one thread, beside the package
`fer` where it is installed (pip install '.[peers]'). Needs pip install '.[export]'. Each contestant is a process that
stays in memory: some 0.4 GB for each of Keras and SavedModel. Both write CSVs, `inference` also a figure.
"""

import argparse
from pathlib import Path

from fer_keras import cli
from fer_keras.config import require
from fer_keras.files import MODEL_FILE, write_text


def main() -> None:
    """Parse, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["distill", "inference"])
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds; default %(default)s")
    parser.add_argument("--to", type=Path, default=Path("saved_models/measurements"), help="default %(default)s")
    group = parser.add_argument_group("inference")
    group.add_argument("--models", type=Path, nargs="+", help="default: all in saved_models/")
    cli.add_data_options(group)
    args = parser.parse_args()
    cli.set_up(args)
    require("--rounds", args.rounds, 1, 1000)
    (_distill if args.what == "distill" else _inference)(args)


def _distill(args: argparse.Namespace) -> None:
    from fer_keras.benchmark import benchmark_distillation

    seconds, ratios = benchmark_distillation(args.rounds)
    print(f"\nseconds per 4,096 images, median of {args.rounds} rounds\n{seconds.median().to_string()}\n")
    print(ratios.to_string(index=False))
    write_text(args.to / "distill_seconds.csv", seconds.to_csv(index=False))
    write_text(args.to / "distill_ratios.csv", ratios.to_csv(index=False))


def _inference(args: argparse.Namespace) -> None:
    from fer_keras.benchmark_inference import FORMAT_TITLES, benchmark_inference, inference_table
    from fer_keras.evaluation.inference_figure import inference_figure
    from fer_keras.evaluation.plots import save_figure
    from fer_keras.evaluation.tables import SPLIT_TITLES

    data = cli.load_data(args) if args.data else None
    models = args.models or sorted(file.parent for file in Path("saved_models").glob(f"*/{MODEL_FILE}"))
    results = benchmark_inference(models, data, args.rounds)
    print(f"\n{inference_table(results)}")
    write_text(args.to / "inference.csv", results.to_csv(index=False))
    if results["accuracy"].notna().all():
        figure = inference_figure(results, FORMAT_TITLES, SPLIT_TITLES[results["split"].iloc[0]])
        save_figure(figure, args.to / "inference.png")


if __name__ == "__main__":
    cli.run(main)
