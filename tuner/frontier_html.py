"""The frontier's figures as one page that opens from disk; what lies under the pointer says what it is."""

import io
from collections.abc import Mapping
from html import escape
from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from fer_keras.files import write_text
from fer_keras.models.registry import FAMILIES
from tuner.frontier_figures import shown_accuracy

_DETAILS = (
    "budget", "parameters", "multiply_adds", "milliseconds", "epochs", "seeds", "val_accuracy", "public_test_accuracy",
    "train_accuracy", "options", "model",
)  # fmt: skip

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>The frontier</title>
<style>body {{ font-family: sans-serif; max-width: 64em; margin: auto }} svg {{ width: 100%; height: auto }}</style>
</head><body>
<p>Rest the pointer on a point to see which network it is.</p>
{}
</body></html>
"""


def write_frontier_html(points: pd.DataFrame, path: Path, figures: Mapping[str, Figure]) -> None:
    """Write the page.

    Args:
        points: from `frontier_points` and `with_gains`.
        path: of the file.
        figures: cost -> `frontier_figure` of the points, and `gain` -> `gain_figure`, which has no details.
    """
    write_text(path, _PAGE.format("\n".join(_svg(points, cost, figure) for cost, figure in figures.items())))


def _svg(points: pd.DataFrame, cost: str, figure: Figure) -> str:
    """The figure with a target over each point whose title, in SVG's sense, is shown under the pointer."""
    if cost in points:
        for place, point in points.dropna(subset=[cost]).iterrows():
            figure.axes[0].plot(point[cost], point[shown_accuracy(points)], "o", ms=14, alpha=0, gid=f"{cost}-{place}")
    text = io.StringIO()
    with rc_context({"svg.hashsalt": "fer_keras"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    for place, point in points.iterrows():
        mark = f'<g id="{cost}-{place}">'
        svg = svg.replace(mark, f"{mark}<title>{escape(_details(point))}</title>")
    return svg


def _details(point: pd.Series) -> str:
    cells = {name: round(point[name], 4) if isinstance(point[name], float) else point[name] for name in _DETAILS}
    lines = [f"{name.replace('_', ' ')}: {'-' if pd.isna(cell) else cell}" for name, cell in cells.items()]
    return "\n".join([FAMILIES[point["family"]].title, *lines])
