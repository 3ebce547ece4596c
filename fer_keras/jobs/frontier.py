"""Draw the frontier from the ledger of a search.

    python scripts/frontier.py runs/frontier

Seconds. Writes frontier.csv, differences.csv, frontier.html and figures as PNG and SVG beside the ledger, or to --out.
It needs nothing but the ledger, and the hits.npz beside each model for differences.csv. With --measure it first
measures every model's milliseconds on one CPU thread, a few minutes, and notes them in the ledger, and those of the
reference's networks, of shipped students and of `fer`, where that is installed, beside it. It prints what the families
differ by, the limit on multiply-adds, and how well the short trials' order foretold that of the full schedule.
"""

import argparse
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from fer_keras import cli
from fer_keras.files import write_text

if TYPE_CHECKING:
    import pandas as pd

    from tuner.baselines import Baseline

PAPER_DPI = 300


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = Path("runs/search")
    parser.add_argument(
        "search", type=Path, nargs="?", default=folder, help=f"a search's folder, or its ledger; default {folder}"
    )
    parser.add_argument("--out", type=Path, help="folder to write to; default: the search's")
    parser.add_argument(
        "--source", help="what the models learned from, if not FER2013: titles say so, and no baselines are drawn"
    )
    parser.add_argument(
        "--shipped", type=Path, default=Path("saved_models"),
        help="folder of saved models whose students are drawn too; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--measure", action="store_true", help="measure milliseconds first")
    return parser


def main() -> None:
    """Parse, measure if asked to, write the tables and figures."""
    args = parser().parse_args()
    folder = args.search if args.search.is_dir() else args.search.parent
    out = args.out or folder
    cli.set_up(args)
    if args.measure:
        from tuner.latency import baseline_files, measure

        measure(folder, baseline_files(args.shipped))

    from tuner import frontier
    from tuner.frontier_differences import differences, with_gains

    ledger = frontier.read_ledger(args.search)
    points = frontier.frontier_points(ledger)
    compared = differences(ledger, points, folder)
    points = with_gains(points, compared)
    write_text(out / "frontier.csv", points.to_csv(index=False))
    if len(compared):
        write_text(out / "differences.csv", compared.to_csv(index=False))
    else:
        (out / "differences.csv").unlink(missing_ok=True)  # of another state of the search
    _write_figures(points, out, *_source_and_baselines(args, points, folder))
    print(points[["family", "budget", *frontier.COSTS, "seeds", "val_accuracy", "public_test_accuracy"]].to_string())
    _print_tables(ledger, compared, folder)
    print(f"frontier: {out}")


def _source_and_baselines(
    args: argparse.Namespace, points: "pd.DataFrame", folder: Path
) -> tuple[str, list["Baseline"]]:
    """What titles call the data, and the baselines to draw: they were scored on FER2013's PublicTest."""
    from fer_keras.data.synthetic import SOURCE as DRAWN
    from tuner.baselines import baselines, read_milliseconds
    from tuner.settings import SETTINGS_FILE, read_search

    settings = folder / SETTINGS_FILE
    source = args.source or (read_search(settings).base.data.source if settings.exists() else "")
    if args.source or source == DRAWN or not points["public_test_accuracy"].notna().any():
        return source, []
    # Titles need no name of a file.
    return "FER2013" if source else source, baselines(args.shipped, read_milliseconds(folder))


def _write_figures(points: "pd.DataFrame", out: Path, source: str, baselines: list["Baseline"]) -> None:
    """Draw what the points have numbers for, and remove what was drawn of another state of the search."""
    from fer_keras.evaluation.plots import save_figure
    from tuner.frontier import COSTS
    from tuner.frontier_figures import frontier_figure, gain_figure
    from tuner.frontier_html import write_frontier_html

    measured = [cost for cost in COSTS if points[cost].notna().any()]
    figures = {cost: frontier_figure(points, cost, source=source, baselines=baselines) for cost in measured}
    if points["val_accuracy_gain"].notna().any():
        figures["gain"] = gain_figure(points, source=source)
    for name, kind in itertools.product(("gain", *COSTS), ("png", "svg")):
        path = out / f"frontier_{name}.{kind}"
        if name in figures:
            save_figure(figures[name], path, dpi=PAPER_DPI)
        else:
            path.unlink(missing_ok=True)
    write_frontier_html(points, out / "frontier.html", figures)


def _print_tables(ledger: "pd.DataFrame", compared: "pd.DataFrame", folder: Path) -> None:
    """Print how the networks differ, what their number of multiply-adds was limited to, and what short trials tell."""
    from fer_keras.evaluation.comparison import SPLITS
    from tuner.frontier_differences import rank_correlations
    from tuner.frontier_tables import correlation_table, families_table, gains_table, halves_table, limits_text

    for split in SPLITS if len(compared) else ():
        tables = (make(compared, split) for make in (families_table, halves_table, gains_table))
        print("\n" + "\n\n".join([split, *tables]))
    print(f"\n{limits_text(folder)}\n\nShort trial and full schedule, by validation accuracy:\n")
    print(correlation_table(rank_correlations(ledger)))
