"""Write the card of an ensemble of shipped models: the mean of their probabilities, without weights of its own.

    python scripts/ship_ensemble.py teachers teacher-1 teacher-2 --data fer2013.zip

About a minute a large member on 2 cores.
"""

import argparse
import shlex
from pathlib import Path

from fer_keras import cli


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the ensemble's name below --to")
    parser.add_argument("members", nargs="+", help="names of shipped models below --to")
    cli.add_data_options(parser)
    parser.add_argument("--mirrored", action="store_true", help="take the mean over mirror images too")
    parser.add_argument("--to", type=Path, default=Path("saved_models"), help="default saved_models")
    return parser


def main() -> None:
    """Parse, score, print where the card is."""
    args = parser().parse_args()
    cli.set_up(args)

    from fer_keras.jobs.shipping import ship_ensemble

    data = cli.load_data(args)
    more = [*(["--mirrored"] if args.mirrored else []), *([] if data.drawn else ["--data", "fer2013.zip"])]
    reproduce = shlex.join(["python", "scripts/ship_ensemble.py", args.name, *args.members, *more])
    card = ship_ensemble(args.to / args.name, args.members, data, reproduce=reproduce, mirrored=args.mirrored)
    print(f"card: {card}")
