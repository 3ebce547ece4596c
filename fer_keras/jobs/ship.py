"""Put the best model of a run into saved_models/, with its card.

    python scripts/ship.py runs/fer2013 reference-mobilenet --data fer2013.zip

Under a minute on 2 cores. --half rounds the weights to half precision, for teachers. Ship a student after its teachers,
so that its card can name them.
"""

import argparse
from pathlib import Path

from fer_keras import cli


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument("name", help="the model's name below --to")
    cli.add_data_options(parser)
    cli.add_unlabelled_option(parser)
    parser.add_argument("--to", type=Path, default=Path("saved_models"), help="default saved_models")
    parser.add_argument("--half", action="store_true", help="round the weights to half precision")
    parser.add_argument("--unfinished", action="store_true", help="take a run that has not done all its epochs")
    return parser


def main() -> None:
    """Parse, ship, print where the card is."""
    args = parser().parse_args()
    cli.set_up(args)

    from fer_keras.jobs.shipping import ship

    data = cli.with_unlabelled(args, cli.load_data(args))
    card = ship(args.run, args.to / args.name, data, half=args.half, unfinished=args.unfinished)
    print(f"card: {card}")
