"""The frontier drawn for paper: accuracy against size, and what distillation gains at each size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from adjustText import adjust_text
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter, StrMethodFormatter

from fer_keras.cards.model_card import read_cards
from fer_keras.evaluation.plots import BLUE, GREEN, GREY, ORANGE, PINK, new_figure
from tuner.frontier import COSTS, FAMILY_NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text


@dataclass(frozen=True)
class Known:
    """A model that is not a point of the frontier, on the same images.

    Attributes:
        name: as figures call it.
        public_test: accuracy on PublicTest.
        parameters: trainable ones, of baselines as their authors count; None where not told.
        multiply_adds: for one image; None where not told.
        milliseconds: as in the ledger; None where not measured.
    """

    name: str
    public_test: float
    parameters: int | None = None
    multiply_adds: int | None = None
    milliseconds: float | None = None


REFERENCES: tuple[Known, ...] = (
    Known("course report: general CNN", 0.66926, 4_038_279, 88_411_648),
    Known("course report: MobileNet student", 0.66341, 93_139, 6_958_632),
)
BASELINES: tuple[Known, ...] = (
    Known("mini_XCEPTION", 0.654, 58_423, 10_163_392),
    Known("big_XCEPTION", 0.656, 208_871, 65_768_288),
    Known("MobileNet 0.25, 64 px", 0.629, 220_199, 3_182_848),
    Known("face-api.js", 0.583),
)
"""Others' published weights, scored on FER2013's PublicTest; what they cost is counted in their graphs, at 64x64."""

LOOKS: dict[str, tuple[str, str]] = {"cnn": (BLUE, "o"), "separable": (GREEN, "s"), "mobilenet": (ORANGE, "D")}
"""Family -> colour and marker."""

SPLIT_NAMES = {"public_test_accuracy": "PublicTest", "val_accuracy": "validation"}


KNOWN_LOOKS: dict[str, tuple[str, float, str]] = {
    "references": ("*", 11, GREY),
    "baselines": ("x", 6, GREY),
    "shipped": ("P", 7, PINK),
}
"""Kind of known model -> marker, its size and its colour."""

_ROUNDS = 500
"""In which names make room for each other. A time limit would not make the same figure the same file."""

_MARK = 10
"""Side of the square in which a name shall not be, in points; marks are about as large."""

MOST_PARAMETERS = 1_000_000
"""Of a shipped student that is drawn: larger ones are teachers of others."""


def shipped_students(folder: Path) -> tuple[Known, ...]:
    """Return the students in a folder of saved models, which were trained for longer than those of a frontier.

    Of several seeds of one architecture it is the one that validates best. Those of drawn faces and those without a
    score on PublicTest are left out.

    Raises:
        FerKerasError: a card is damaged.
    """
    best: dict[str, Mapping[str, Any]] = {}
    for card in read_cards(folder):
        splits = card["scores"]["splits"]
        small = card["kind"] == "student" and card["size"]["parameters"] <= MOST_PARAMETERS
        if small and not card["scores"]["drawn"] and "public_test" in splits:
            rival = best.setdefault(card["architecture"], card)
            if _validated(card) > _validated(rival):
                best[card["architecture"]] = card
    return tuple(
        Known(
            card["name"],
            card["scores"]["splits"]["public_test"]["all"]["accuracy"],
            card["size"]["parameters"],
            card["size"]["multiply_adds"],
        )
        for card in best.values()
    )


def _validated(card: Mapping[str, Any]) -> float:
    val = card["scores"]["splits"].get("val")
    return val["all"]["accuracy"] if val else 0.0


def known_models(shipped: Path, milliseconds: Mapping[str, float]) -> dict[str, tuple[Known, ...]]:
    """Return what figures of FER2013 show beside the frontier: `references`, `baselines` and `shipped` students.

    Args:
        shipped: folder of saved models.
        milliseconds: what was measured, by name.

    Raises:
        FerKerasError: a card is damaged.
    """
    known = {"references": REFERENCES, "baselines": BASELINES, "shipped": shipped_students(shipped)}
    return {
        kind: tuple(replace(model, milliseconds=milliseconds.get(model.name)) for model in models)
        for kind, models in known.items()
    }


def shown_accuracy(points: pd.DataFrame) -> str:
    """Return the column to draw: PublicTest's, or validation's where the data had no PublicTest."""
    return "public_test_accuracy" if points["public_test_accuracy"].notna().any() else "val_accuracy"


def frontier_title(points: pd.DataFrame, source: str) -> str:
    """Return what figures of the frontier are called, with its intervals where there are any.

    Args:
        points: from `frontier_points`.
        source: what the models were trained on; empty where that is not known.
    """
    intervals = points[f"{shown_accuracy(points)}_low"].notna().any()
    parts = ["Best students found at each size", source, "with 95% intervals over seeds" if intervals else ""]
    return ", ".join(filter(None, parts))


def gain_title(points: pd.DataFrame, source: str) -> str:
    """Return the same of distillation's gain.

    Args:
        points: from `with_gains`.
        source: as for `frontier_title`.
    """
    intervals = points[f"{shown_accuracy(points)}_gain_low"].notna().any()
    parts = ["Distilled against labels alone", source, "95% intervals over images and seeds" if intervals else ""]
    return ", ".join(filter(None, parts))


def frontier_figure(
    points: pd.DataFrame, cost: str, *, source: str = "", known: Mapping[str, Sequence[Known]] | None = None
) -> Figure:
    """Draw accuracy against a cost for each family, with 95% intervals over seeds, the Pareto set and known models.

    The intervals leave out that another sample of images would move all points, known models too, by about as much.

    Args:
        points: from `frontier_points`.
        cost: one of `COSTS`, measured.
        source: what the models were trained on, for the title; empty where that is not known.
        known: from `known_models`; none of FER2013's beside points of something else.
    """
    figure, (ax,) = new_figure(6.8, 4.4)
    accuracy, taken = shown_accuracy(points), []
    for family, rows in points.groupby("family"):
        colour, marker = LOOKS[family]
        drawn = rows.dropna(subset=[cost]).sort_values(cost)
        _points(ax, drawn, cost, accuracy, color=colour, marker=marker, label=FAMILY_NAMES[family])
        taken += _taken(drawn, cost, accuracy)
    best = points[points[f"pareto_{cost}"]].sort_values(cost)
    ax.plot(best[cost], best[accuracy], "o", ms=11, mfc="none", mec="black", mew=1.0, label="Pareto set, by validation")
    marked = [_mark(ax, one, cost, *KNOWN_LOOKS[kind]) for kind, models in (known or {}).items() for one in models]
    ax.set_xscale("log")
    # 100k parameters, 10M multiply-adds, but 0.1 milliseconds.
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}") if cost == "milliseconds" else EngFormatter(sep=""))
    ax.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set(xlabel=COSTS[cost], ylabel=f"accuracy on {SPLIT_NAMES[accuracy]}")
    ax.set_title(frontier_title(points, source), fontsize=10)
    ax.legend(frameon=False, fontsize=7.5, loc="lower right")
    if names := [name for name in marked if name]:
        figure.draw_without_rendering()  # so that the axes have their place
        marks = [place for name in names for place in _around(ax, name.get_position())]
        x, y = np.array([*(name.get_position() for name in names), *marks, *taken]).T
        line = {"arrowstyle": "-", "color": GREY, "lw": 0.5}
        adjust_text(names, x, y, ax=ax, iter_lim=_ROUNDS, expand=(1.15, 1.4), force_static=(0.3, 0.5), arrowprops=line)
    return figure


def gain_figure(points: pd.DataFrame, *, source: str = "") -> Figure:
    """Draw what distillation gains over labels alone, in points of accuracy, against parameters.

    Args:
        points: from `frontier_points`, some with a control, and `with_gains`.
        source: as of `frontier_figure`.
    """
    figure, (ax,) = new_figure(6.0, 3.8)
    gain = f"{shown_accuracy(points)}_gain"
    for place, (family, rows) in enumerate(points.dropna(subset=[gain]).groupby("family")):
        colour, marker = LOOKS[family]
        drawn = rows.sort_values("parameters")
        drawn = drawn.assign(**{name: 100 * drawn[name] for name in (gain, f"{gain}_low", f"{gain}_high")})
        drawn["parameters"] *= 1 + 0.05 * place  # or the intervals would cover each other
        _points(ax, drawn, "parameters", gain, color=colour, marker=marker, label=FAMILY_NAMES[family])
    ax.axhline(0, color=GREY, lw=1)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.set(xlabel=COSTS["parameters"], ylabel=f"points gained on {SPLIT_NAMES[shown_accuracy(points)]}")
    ax.set_title(gain_title(points, source), fontsize=9)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=7.5)
    return figure


def _points(ax: "Axes", rows: pd.DataFrame, cost: str, value: str, **look: object) -> None:
    middle = rows[value]
    errors = [middle - rows[f"{value}_low"], rows[f"{value}_high"] - middle]  # NaN, where unknown, draws none
    ax.errorbar(rows[cost], middle, yerr=errors, ms=4.5, lw=1.4, capsize=2.5, elinewidth=1.0, **look)


def _taken(rows: pd.DataFrame, cost: str, value: str) -> list[tuple[float, float]]:
    """Places along the lines between points and along their intervals, on axes with a logarithmic cost."""
    x, y = np.log(rows[cost].to_numpy(np.float64)), rows[value].to_numpy()
    between = np.interp(np.linspace(0, len(x) - 1, 8 * len(x)), np.arange(len(x)), x)
    places = [*zip(np.exp(between), np.interp(between, x, y), strict=True)]
    for end in ("low", "high"):
        bars = np.linspace(y, rows[f"{value}_{end}"].to_numpy(), 5)
        places += [(np.exp(at), height) for bar in bars for at, height in zip(x, bar, strict=True)]
    return [place for place in places if np.isfinite(place).all()]


def _around(ax: "Axes", place: tuple[float, float]) -> np.ndarray:
    """The corners [4, 2] of a mark at a place, which is more than a point to make room for."""
    corners = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)]) * _MARK / 2 * ax.figure.dpi / 72
    return ax.transData.inverted().transform(ax.transData.transform(place) + corners)


def _mark(ax: "Axes", known: Known, cost: str, marker: str, size: float, colour: str) -> "Text | None":
    """Draw a known model; return its name if that may be moved."""
    if known.parameters is None:  # nothing is told but how good it is
        ax.axhline(known.public_test, color=colour, lw=0.8, ls=":")
        place = {"xytext": (4, 3), "textcoords": "offset points", "xycoords": ax.get_yaxis_transform()}
        ax.annotate(known.name, (0, known.public_test), fontsize=7, color=colour, **place)
        return None
    if (x := getattr(known, cost)) is None:
        return None
    ax.plot(x, known.public_test, marker, color=colour, ms=size)
    return ax.text(x, known.public_test, known.name, fontsize=7, color=colour)
