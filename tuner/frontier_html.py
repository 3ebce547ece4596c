"""The frontier as one interactive page that opens from disk, everything inside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fer_keras.files import write_text
from tuner.frontier import COSTS, FAMILY_NAMES
from tuner.frontier_figures import (
    KNOWN_LOOKS,
    LOOKS,
    SPLIT_NAMES,
    Known,
    frontier_title,
    gain_title,
    shown_accuracy,
)

_DETAILS = (
    "budget", "parameters", "multiply_adds", "milliseconds", "epochs", "seeds", "val_accuracy", "public_test_accuracy",
    "train_accuracy", "options", "model",
)  # fmt: skip
_SHAPES = {"o": "circle", "s": "square", "D": "diamond"}
_KNOWN_SHAPES = {"*": "star", "x": "x-thin-open", "P": "cross"}


def write_frontier_html(
    points: pd.DataFrame, path: Path, *, source: str = "", known: Mapping[str, Sequence[Known]] | None = None
) -> None:
    """Write the page: accuracy against each measured cost and the gain of distillation, details under the pointer.

    Args:
        points: from `frontier_points` and `with_gains`.
        path: of the file.
        source: as in `frontier_figure`.
        known: as in `frontier_figure`.
    """
    costs = [cost for cost in COSTS if points[cost].notna().any()]
    accuracy = shown_accuracy(points)
    titles = [f"accuracy on {SPLIT_NAMES[accuracy]} against {COSTS[cost]}" for cost in costs]
    titles.append(f"{gain_title(points, '')}, on {SPLIT_NAMES[accuracy]}")
    figure = make_subplots(rows=len(titles), cols=1, vertical_spacing=0.07, subplot_titles=titles)
    for row, cost in enumerate(costs, 1):
        for family, rows in points.dropna(subset=[cost]).groupby("family"):
            figure.add_trace(_trace(rows.sort_values(cost), cost, accuracy, family, row == 1), row, 1)
        best = points[points[f"pareto_{cost}"]]
        figure.add_trace(_circles(best[cost], best[accuracy], row == 1), row, 1)
        for kind, models in (known or {}).items():
            marker, _, colour = KNOWN_LOOKS[kind]
            _add_known(figure, models, _KNOWN_SHAPES[marker], colour, cost, row)
        figure.update_yaxes(tickformat=".0%", row=row, col=1)
    last, gain = len(titles), f"{accuracy}_gain"
    for family, rows in points.dropna(subset=[gain]).groupby("family"):
        figure.add_trace(_trace(rows.sort_values("parameters"), "parameters", gain, family, False), last, 1)
    figure.update_yaxes(tickformat="+.1%", row=last, col=1)
    figure.update_xaxes(type="log", exponentformat="SI")
    title = frontier_title(points, source)
    figure.update_layout(height=430 * last, title=title, template="plotly_white", hovermode="closest")
    write_text(path, figure.to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False}))


def _trace(rows: pd.DataFrame, cost: str, value: str, family: str, legend: bool) -> go.Scatter:
    (colour, marker), name = LOOKS[family], FAMILY_NAMES[family]
    high, low = rows[f"{value}_high"] - rows[value], rows[value] - rows[f"{value}_low"]
    lines = [f"{detail.replace('_', ' ')}: %{{customdata[{place}]}}" for place, detail in enumerate(_DETAILS)]
    details = rows[[*_DETAILS]].round(4).astype(object).where(rows[[*_DETAILS]].notna(), "-")
    details["options"] = details["options"].map(lambda text: text.replace(', "', ',<br>  "'))
    return go.Scatter(
        x=rows[cost].tolist(),
        y=rows[value].tolist(),
        error_y={"type": "data", "array": high.tolist(), "arrayminus": low.tolist()},
        mode="lines+markers",
        name=name,
        legendgroup=family,
        showlegend=legend,
        marker={"color": colour, "symbol": _SHAPES[marker], "size": 8},
        customdata=details.values.tolist(),
        hovertemplate="<br>".join([f"<b>{name}</b>, %{{y:.2%}}", *lines, "<extra></extra>"]),
    )


def _circles(x: pd.Series, y: pd.Series, legend: bool) -> go.Scatter:
    look = {"size": 17, "symbol": "circle-open", "color": "black"}
    name = "Pareto set, by validation"
    return go.Scatter(
        x=x.tolist(), y=y.tolist(), mode="markers", name=name, legendgroup=name, showlegend=legend, marker=look,
        hoverinfo="skip",
    )  # fmt: skip


def _add_known(figure: go.Figure, models: Sequence[Known], symbol: str, colour: str, cost: str, row: int) -> None:
    for model in models:
        if model.parameters is None:  # nothing is told but how good it is
            look = {"line_dash": "dot", "line_color": colour, "annotation_text": model.name}
            figure.add_hline(model.public_test, row=row, col=1, annotation_position="top left", **look)
    shown = [model for model in models if getattr(model, cost) is not None]
    if shown:
        figure.add_trace(
            go.Scatter(
                x=[getattr(model, cost) for model in shown],
                y=[model.public_test for model in shown],
                text=[model.name for model in shown],
                mode="markers+text",
                textposition="top center",
                textfont={"color": colour, "size": 10},
                marker={"color": colour, "symbol": symbol, "size": 10},
                showlegend=False,
                hovertemplate="%{text}<br>%{x:,} %{y:.2%}<extra></extra>",
            ),
            row,
            1,
        )
