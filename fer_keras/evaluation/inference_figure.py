"""What an answer costs, drawn: accuracy against milliseconds, the area of a mark its file's bytes."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter

from fer_keras.evaluation.plots import GREY, new_figure

_AREA = 60 / 100_000
"""Square points a byte."""


def inference_figure(
    results: pd.DataFrame, titles: Mapping[str, str], colours: Mapping[str, str], split: str
) -> Figure:
    """Draw each file: milliseconds a face (batch 1, log axis) against accuracy, its area in proportion to bytes.

    Args:
        results: of `benchmark_inference`, with accuracies.
        titles: format -> its name, in the order of the legend.
        colours: format -> its colour.
        split: what the accuracies are of, for people.
    """
    figure, (ax,) = new_figure(7.2, 4.6)
    for row in results.sort_values("bytes", ascending=False).to_dict("records"):
        colour = colours[row["format"]]
        area = row["bytes"] * _AREA
        ax.scatter(row["milliseconds"], row["accuracy"], s=area, color=colour, alpha=0.35, linewidths=0)
        ax.plot(row["milliseconds"], row["accuracy"], ".", color=colour, ms=4)
    for model, rows in results.groupby("model"):
        fastest = rows.loc[rows["milliseconds"].idxmin()]
        above = 4 + (fastest["bytes"] * _AREA) ** 0.5 / 2  # the radius of its mark
        place = {"xytext": (0, above), "textcoords": "offset points", "ha": "center", "fontsize": 7.5}
        ax.annotate(model, (fastest["milliseconds"], fastest["accuracy"]), **place)
    used = [name for name in titles if (results["format"] == name).any()]
    marks = [Line2D([], [], marker="o", ls="", color=colours[name], label=titles[name]) for name in used]
    marks.append(Line2D([], [], marker="o", ls="", color=GREY, alpha=0.35, ms=60**0.5, label="100 KB"))
    ax.legend(handles=marks, frameon=False, fontsize=8, loc="lower right")
    ax.set_xscale("log")
    ax.margins(x=0.15, y=0.15)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set(xlabel="milliseconds a face, one thread, batch 1", ylabel=f"accuracy on {split}")
    ax.set_title("What an answer costs", fontsize=10)
    return figure
