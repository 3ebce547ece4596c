"""Draw the frontier from the ledger of a search.

    python scripts/frontier.py runs/frontier

Seconds. Writes frontier.csv, differences.csv, frontier.html and figures as PNG and SVG beside the ledger, or to --out.
It needs nothing but the ledger, and the hits.npz beside each model for differences.csv. With --measure it first
measures every model's milliseconds on one CPU thread, a few minutes, and notes them in the ledger, and those of the
reference's networks, of shipped students and of `fer`, where that is installed, beside it.
"""

import argparse
import itertools
from pathlib import Path

from fer_keras import cli
from fer_keras.data.synthetic import SOURCE as DRAWN
from fer_keras.evaluation import comparison
from fer_keras.evaluation.plots import save_figure
from fer_keras.files import write_text
from tuner import frontier
from tuner.frontier_differences import differences, with_gains
from tuner.frontier_figures import frontier_figure, gain_figure, known_models

PAPER_DPI = 300


def main() -> None:
    """Parse, measure if asked to, write the tables and figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = Path("runs/search")
    parser.add_argument(
        "search", type=Path, nargs="?", default=folder, help=f"a search's folder, or its ledger; default {folder}"
    )
    parser.add_argument("--out", type=Path, help="folder to write to; default: the search's")
    parser.add_argument(
        "--source", help="what the models learned from, if not FER2013: titles say so, and no known models are drawn"
    )
    parser.add_argument(
        "--shipped", type=Path, default=Path("saved_models"),
        help="folder of saved models whose students are drawn too; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--measure", action="store_true", help="measure milliseconds first")
    args = parser.parse_args()
    folder = args.search if args.search.is_dir() else args.search.parent
    cli.set_up(args)
    if args.measure:
        from tuner.latency import known_networks, measure

        measure(folder, known_networks(args.shipped))
    ledger = frontier.read_ledger(args.search)
    points, out = frontier.frontier_points(ledger), args.out or folder
    found = differences(ledger, points, folder)
    points = with_gains(points, found)
    write_text(out / "frontier.csv", points.to_csv(index=False))
    if len(found):
        write_text(out / "differences.csv", found.to_csv(index=False))
    else:
        (out / "differences.csv").unlink(missing_ok=True)  # of another state of the search
    source = args.source or frontier.told_source(folder)
    # Known models were scored on FER2013's PublicTest.
    comparable = not args.source and source != DRAWN and points["public_test_accuracy"].notna().any()
    known = known_models(args.shipped, frontier.known_milliseconds(folder)) if comparable else {}
    source = "FER2013" if comparable and source else source  # titles need no name of a file
    figures = {}
    if points["val_accuracy_gain"].notna().any():
        figures["gain"] = gain_figure(points, source=source)
    for cost in frontier.COSTS:
        if points[cost].notna().any():
            figures[cost] = frontier_figure(points, cost, source=source, known=known)
    for name, kind in itertools.product(("gain", *frontier.COSTS), ("png", "svg")):
        path = out / f"frontier_{name}.{kind}"
        if name in figures:
            save_figure(figures[name], path, dpi=PAPER_DPI)
        else:
            path.unlink(missing_ok=True)
    from tuner.frontier_html import write_frontier_html
    from tuner.frontier_tables import families_table, gains_table, halves_table

    write_frontier_html(points, out / "frontier.html", source=source, known=known)
    print(points[["family", "budget", *frontier.COSTS, "seeds", "val_accuracy", "public_test_accuracy"]].to_string())
    for split in comparison.SPLITS if len(found) else ():
        tables = (make(found, split) for make in (families_table, halves_table, gains_table))
        print("\n" + "\n\n".join([split, *tables]))
    print(f"frontier: {out}")


if __name__ == "__main__":
    cli.run(main)
