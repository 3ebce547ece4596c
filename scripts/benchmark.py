"""Measure speed as ratios, all sides in one interleaved run.

    python scripts/benchmark.py distill

About 6 minutes on 2 cores. Prints what each measure gains and writes the numbers as CSV.
"""

import argparse
from pathlib import Path

from fer_keras import cli
from fer_keras.config import require
from fer_keras.files import write_text


def main() -> None:
    """Parse, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["distill"])
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds; default %(default)s")
    parser.add_argument("--to", type=Path, default=Path("saved_models/measurements"), help="default %(default)s")
    args = parser.parse_args()
    cli.set_up(args)
    require("--rounds", args.rounds, 1, 1000)

    from fer_keras.benchmark import benchmark_distillation

    seconds, ratios = benchmark_distillation(args.rounds)
    print(f"\nseconds per 4,096 images, median of {args.rounds} rounds\n{seconds.median().to_string()}\n")
    print(ratios.to_string(index=False))
    write_text(args.to / "distill_seconds.csv", seconds.to_csv(index=False))
    write_text(args.to / "distill_ratios.csv", ratios.to_csv(index=False))


if __name__ == "__main__":
    cli.run(main)
