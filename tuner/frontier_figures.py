"""The frontier drawn: accuracy against size, and what distillation gains at each size."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter, StrMethodFormatter

from fer_keras.evaluation.plots import GREY, PINK, new_figure
from fer_keras.models.registry import FAMILIES
from tuner.baselines import Baseline
from tuner.frontier import COSTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

SPLIT_NAMES = {"public_test_accuracy": "PublicTest", "val_accuracy": "validation"}

BASELINE_LOOKS: dict[str, tuple[str, float, str]] = {
    "reference": ("*", 11, GREY),
    "other": ("x", 6, GREY),
    "shipped": ("P", 7, PINK),
}
"""Kind of baseline -> marker, its size and its colour."""

_GAPS, _ANGLES = np.arange(6, 300, 6), np.linspace(0, 2 * np.pi, 24, endpoint=False)
"""Between a name and its mark, in points, and where around it; the nearest place that is free is taken."""

_CLEARANCE = 2.0
"""Between a name and a line, in points."""


def shown_accuracy(points: pd.DataFrame) -> str:
    """Return the column to draw: PublicTest's, or validation's where the data had no PublicTest."""
    return "public_test_accuracy" if points["public_test_accuracy"].notna().any() else "val_accuracy"


def frontier_figure(points: pd.DataFrame, cost: str, *, source: str = "", baselines: Sequence[Baseline] = ()) -> Figure:
    """Draw accuracy against a cost for each family, with 95% intervals over seeds, the Pareto set and baselines.

    The intervals leave out that another sample of images would move all points, baselines too, by about as much.

    Args:
        points: from `frontier_points`.
        cost: one of `COSTS`, measured.
        source: what the models were trained on, for the title; empty where that is not known.
        baselines: from `tuner.baselines.baselines`; none of FER2013's beside points of something else.
    """
    figure, (ax,) = new_figure(6.8, 4.4)
    accuracy, line_places = shown_accuracy(points), []
    for name, rows in points.groupby("family"):
        drawn = rows.dropna(subset=[cost]).sort_values(cost)
        _points(ax, drawn, cost, accuracy, name)
        line_places += _line_places(drawn, cost, accuracy)
    best = points[points[f"pareto_{cost}"]].sort_values(cost)
    ax.plot(best[cost], best[accuracy], "o", ms=11, mfc="none", mec="black", mew=1.0, label="Pareto set, by validation")
    names = [name for model in baselines if (name := _mark(ax, model, cost))]
    ax.set_xscale("log")
    # 100k parameters, 10M multiply-adds, but 0.1 milliseconds.
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}") if cost == "milliseconds" else EngFormatter(sep=""))
    ax.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set(xlabel=COSTS[cost], ylabel=f"accuracy on {SPLIT_NAMES[accuracy]}")
    intervals = "with 95% intervals over seeds" if points[f"{accuracy}_low"].notna().any() else ""
    ax.set_title(_title("Best students found at each size", source, intervals), fontsize=10)
    ax.legend(frameon=False, fontsize=7.5, loc="lower right")
    if names:
        _make_room(ax, names, line_places)
    return figure


def gain_figure(points: pd.DataFrame, *, source: str = "") -> Figure:
    """Draw what distillation gains over labels alone, in points of accuracy, against parameters.

    Args:
        points: from `frontier_points`, some with a control, and `with_gains`.
        source: as of `frontier_figure`.
    """
    figure, (ax,) = new_figure(6.0, 3.8)
    gain = f"{shown_accuracy(points)}_gain"
    for place, (name, rows) in enumerate(points.dropna(subset=[gain]).groupby("family")):
        drawn = rows.sort_values("parameters")
        drawn = drawn.assign(**{column: 100 * drawn[column] for column in (gain, f"{gain}_low", f"{gain}_high")})
        drawn["parameters"] *= 1 + 0.05 * place  # or the intervals would cover each other
        _points(ax, drawn, "parameters", gain, name)
    ax.axhline(0, color=GREY, lw=1)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.set(xlabel=COSTS["parameters"], ylabel=f"points gained on {SPLIT_NAMES[shown_accuracy(points)]}")
    intervals = "95% intervals over images and seeds" if points[f"{gain}_low"].notna().any() else ""
    ax.set_title(_title("Distilled against labels alone", source, intervals), fontsize=9)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=7.5)
    return figure


def _title(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _points(ax: "Axes", rows: pd.DataFrame, cost: str, value: str, name: str) -> None:
    family, middle = FAMILIES[name], rows[value]
    errors = [middle - rows[f"{value}_low"], rows[f"{value}_high"] - middle]  # NaN, where unknown, draws none
    look = {"color": family.colour, "marker": family.marker, "label": family.title}
    ax.errorbar(rows[cost], middle, yerr=errors, ms=4.5, lw=1.4, capsize=2.5, elinewidth=1.0, **look)


def _line_places(rows: pd.DataFrame, cost: str, value: str) -> list[tuple[float, float]]:
    """Places along the lines between points and along their intervals, on axes with a logarithmic cost."""
    x, y = np.log(rows[cost].to_numpy(np.float64)), rows[value].to_numpy()
    between = np.interp(np.linspace(0, len(x) - 1, 8 * len(x)), np.arange(len(x)), x)
    places = [*zip(np.exp(between), np.interp(between, x, y), strict=True)]
    for end in ("low", "high"):
        bars = np.linspace(y, rows[f"{value}_{end}"].to_numpy(), 5)
        places += [(np.exp(at), height) for bar in bars for at, height in zip(x, bar, strict=True)]
    return [place for place in places if np.isfinite(place).all()]


def _make_room(ax: "Axes", names: list["Annotation"], line_places: list[tuple[float, float]]) -> None:
    """Move each name to the nearest place where it covers no mark, line or other name, and inside the axes."""
    ax.figure.draw_without_rendering()  # so that the axes have their place
    scale = ax.figure.dpi / 72
    fixed = [text for text in ax.texts if text not in names] + [ax.get_legend()]
    # Rows of x, y, half of the width and of the height, in pixels.
    obstacles = [_extent(artist.get_window_extent()) for artist in [*ax.lines, *fixed] if _is_box(artist)]
    obstacles += [(*ax.transData.transform(place), *[scale * _CLEARANCE] * 2) for place in line_places]
    low, high = ax.bbox.min, ax.bbox.max
    for name in sorted(names, key=lambda name: -name.xy[1]):
        *middle, width, height = _extent(name.get_window_extent())
        half = np.array([width, height])
        for gap, angle in itertools.product(_GAPS, _ANGLES):
            step = (scale * gap + half) * (np.cos(angle), np.sin(angle))
            centre, places = middle + step, np.array(obstacles)
            blocked = (abs(places[:, :2] - centre) < places[:, 2:] + half).all(axis=1)
            if not blocked.any() and (centre - half > low).all() and (centre + half < high).all():
                break
        name.xyann = tuple(step / scale)
        obstacles.append((*centre, *half))
        obstacles += [(*(middle + share * step), scale, scale) for share in np.linspace(0.3, 0.7, 5)]


def _is_box(artist: Any) -> bool:
    """Whether all that an artist covers is one mark or text."""
    return not hasattr(artist, "get_xdata") or (len(artist.get_xdata()) == 1 and artist.get_marker() != "None")


def _extent(box: "Bbox") -> tuple[float, float, float, float]:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.width / 2, box.height / 2


def _mark(ax: "Axes", model: Baseline, cost: str) -> "Annotation | None":
    """Draw a baseline; return its name if that may be moved."""
    marker, size, colour = BASELINE_LOOKS[model.kind]
    if model.parameters is None:  # nothing is told but how good it is
        ax.axhline(model.public_test, color=colour, lw=0.8, ls=":")
        place = {"xytext": (4, 3), "textcoords": "offset points", "xycoords": ax.get_yaxis_transform()}
        ax.annotate(model.title, (0, model.public_test), fontsize=7, color=colour, **place)
        return None
    if (x := getattr(model, cost)) is None:
        return None
    ax.plot(x, model.public_test, marker, color=colour, ms=size)
    look = {"ha": "center", "va": "center", "fontsize": 7, "color": colour, "textcoords": "offset points"}
    line = {"arrowstyle": "-", "color": GREY, "lw": 0.5, "shrinkA": 1, "shrinkB": 0}
    return ax.annotate(model.title, (x, model.public_test), (0, 0), arrowprops=line, **look)
