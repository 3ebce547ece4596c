"""Put the best model of a run into saved_models/, with its report.

    python scripts/ship.py runs/fer2013 reference-mobilenet --data fer2013.zip

Under a minute on 2 cores. --half rounds the weights to half precision, for teachers.
"""

import argparse
from pathlib import Path

from fer_keras import cli


def main() -> None:
    """Parse, ship, print where the report is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument("name", help="the model's name below --to")
    cli.add_data_options(parser)
    parser.add_argument("--to", type=Path, default=Path("saved_models"), help="default saved_models")
    parser.add_argument("--half", action="store_true", help="round the weights to half precision")
    parser.add_argument("--beside", type=Path, nargs="+", default=[], help="saved models to show beside it")
    parser.add_argument("--command", default="", help="the command that makes the run again, for the report")
    args = parser.parse_args()
    cli.set_up(args)

    from fer_keras.evaluation.evaluate import model_file
    from fer_keras.main_job import training_data
    from fer_keras.ship import ship

    data, _ = training_data(cli.load_data(args))
    beside = [(path.name, model_file(path)) for path in args.beside]
    print(f"report: {ship(args.run, args.to / args.name, data, half=args.half, beside=beside, command=args.command)}")


if __name__ == "__main__":
    cli.run(main)
