"""Print the best model of a frontier within limits, by validation accuracy, and where it is.

    python scripts/pick.py saved_models/frontier --max-params 50000

Seconds.
"""

import argparse
from math import isnan
from pathlib import Path

LIMITS = {"parameters": "max_params", "multiply_adds": "max_multiply_adds", "milliseconds": "max_ms"}
"""The option for each cost."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = Path("runs/search")
    parser.add_argument(
        "search", type=Path, nargs="?", default=folder, help=f"a search's folder, or its ledger; default {folder}"
    )
    parser.add_argument("--max-params", type=int, help="most trainable parameters")
    parser.add_argument("--max-multiply-adds", type=int, help="most multiply-adds for one image")
    parser.add_argument("--max-ms", type=float, help="most milliseconds on one CPU thread")
    return parser


def main() -> None:
    """Parse, choose, print."""
    args = parser().parse_args()

    from tuner.frontier import frontier_points, pick, read_ledger

    most = {cost: limit for cost, option in LIMITS.items() if (limit := getattr(args, option)) is not None}
    point = pick(frontier_points(read_ledger(args.search)), most)
    folder = args.search if args.search.is_dir() else args.search.parent
    print(f"{point['family']}, budget {point['budget']:,}: {point['parameters']:,} parameters,", end=" ")
    print(f"{point['multiply_adds'] / 1e6:.1f} M multiply-adds,", end=" ")
    print("milliseconds not measured" if isnan(point["milliseconds"]) else f"{point['milliseconds']:.2f} ms")
    for split in ("val", "public_test"):
        low, mean, high = (point[f"{split}_accuracy{part}"] for part in ("_low", "", "_high"))
        if not isnan(mean):
            interval = "" if isnan(low) else f" [{low:.4f}, {high:.4f}]"
            seeds = f"the mean of {point['seeds']} seeds" if point["seeds"] > 1 else "one seed"
            print(f"{split}: {mean:.4f}{interval}, {seeds}")
    print(f"model: {folder / point['model']}, the seed that validates best")
