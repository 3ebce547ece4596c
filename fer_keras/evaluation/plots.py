"""Figures for reading: training curves, confusion, calibration, mistakes, views.

Each function returns a `matplotlib.figure.Figure` that belongs to no window and to no global list, so that
nothing has to be closed and threads do not meet. The colours are Okabe and Ito's, which colour-blind readers
tell apart.
"""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL import Image

from fer_keras.errors import FerKerasError
from fer_keras.files import replacing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from fer_keras.data.dataset import FaceData

DPI = 150
PALETTE = 256

BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"

# Panel -> column of the history -> (its name, colour, line style). Solid is training, dashed validation.
_CURVES: dict[str, dict[str, tuple[str, str, str]]] = {
    "loss": {
        "loss": ("training", BLUE, "-"),
        "label_loss": ("training, labels", GREEN, "-"),
        "distillation_loss": ("training, distillation", PINK, "-"),
        "val_loss": ("validation", ORANGE, "--"),
    },
    "accuracy": {
        "accuracy": ("training", BLUE, "-"),
        "agreement": ("training, agreement with the teacher", PINK, "-"),
        "val_accuracy": ("validation", ORANGE, "--"),
        "val_macro_f1": ("validation, macro-F1", GREEN, "--"),
    },
    "learning rate": {"learning_rate": ("learning rate", GREY, "-")},
}


def training_curves(history: "pd.DataFrame") -> Figure:
    """Draw loss, accuracy and learning rate by epoch, marking the epoch of the best validation accuracy.

    Args:
        history: one row an epoch; any of the columns `epoch` (from 0), `loss`, `label_loss`,
            `distillation_loss`, `val_loss`, `accuracy`, `agreement`, `val_accuracy`, `val_macro_f1` and
            `learning_rate`. Columns that are missing or empty are left out.
    """
    drawn = history.dropna(axis=1, how="all")
    panels = [panel for panel, columns in _CURVES.items() if drawn.columns.intersection([*columns]).size]
    figure, axes = new_figure(4.2 * max(1, len(panels)), 3.6, columns=max(1, len(panels)))
    epochs = history.get("epoch", history.index).to_numpy() + 1
    for panel, ax in zip(panels, axes, strict=False):
        for column, (name, colour, style) in _CURVES[panel].items():
            if column in drawn:
                ax.plot(epochs, drawn[column], color=colour, linestyle=style, linewidth=1.6, label=name)
        ax.set(title=panel.capitalize(), xlabel="epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        if panel == "accuracy":
            ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        if panel == "accuracy" and "val_accuracy" in drawn:
            row = int(drawn["val_accuracy"].argmax())
            best = float(drawn["val_accuracy"].iloc[row])
            label = f"best validation: {best:.1%}, epoch {epochs[row]}"
            ax.plot(epochs[row], best, "o", color=ORANGE, markersize=6, markerfacecolor="white", label=label)
        if panel == "learning rate":
            ax.set_ylim(bottom=0.0)
        else:
            ax.legend(frameon=False, fontsize=8)
    return figure


def confusion_matrix(confusion: np.ndarray, title: str, classes: Sequence[str] | None = None) -> Figure:
    """Draw a confusion matrix: colour and percentage by row, the count beneath.

    Args:
        confusion: int [C, C], rows the label, columns the prediction.
        title: what was scored.
        classes: the names; default: the numbers of the classes.
    """
    confusion = np.asarray(confusion).astype(np.int64)
    classes = [str(number) for number in range(len(confusion))] if classes is None else classes
    totals = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(totals, 1)
    figure, (ax,) = new_figure(6.4, 5.6)
    image = ax.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for row, column in np.ndindex(confusion.shape):
        ink = "white" if shares[row, column] > 0.55 else "black"
        style = {"ha": "center", "va": "center", "color": ink}
        ax.text(column, row - 0.1, f"{shares[row, column]:.0%}", fontsize=11, **style)
        ax.text(column, row + 0.25, f"{confusion[row, column]:,}", fontsize=7, **style)
    ax.set(title=title, xlabel="predicted", ylabel="label")
    ax.set_xticks(range(len(classes)), classes, rotation=35, ha="right", rotation_mode="anchor")
    rows = [f"{name} ({int(total):,})" for name, total in zip(classes, totals[:, 0], strict=True)]
    ax.set_yticks(range(len(classes)), rows)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    bar = figure.colorbar(image, ax=ax, fraction=0.04, pad=0.02, format=PercentFormatter(1.0, decimals=0))
    bar.outline.set_visible(False)
    bar.set_label("share of the row")
    return figure


def reliability_diagram(logits: np.ndarray, labels: np.ndarray, title: str) -> Figure:
    """Draw accuracy against confidence, and below it how many images have which confidence.

    Reference: Guo et al., 2017, arXiv 1706.04599, figure 1.

    Args:
        logits: float [N, C].
        labels: int [N], 0..C-1.
        title: what was scored.
    """
    from fer_keras.evaluation.confidence import reliability  # whose packages other figures do without

    counts, confidence, accuracy = reliability(logits, labels)
    edges = np.linspace(0.0, 1.0, len(counts) + 1)
    middles, width = (edges[:-1] + edges[1:]) / 2, edges[1]
    figure, (upper, lower) = new_figure(4.8, 5.4, rows=2, height_ratios=(3, 1), sharex=True)
    filled = counts > 0
    upper.bar(middles[filled], accuracy[filled], 0.9 * width, color=BLUE, alpha=0.85, label="accuracy")
    upper.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.2, label="perfectly calibrated")
    upper.plot(confidence[filled], accuracy[filled], "o", color=ORANGE, markersize=4, label="mean confidence")
    upper.set(title=title, ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    upper.legend(frameon=False, fontsize=8, loc="upper left")
    lower.bar(middles, counts / counts.sum(), 0.9 * width, color=GREY)
    lower.set(xlabel="confidence", ylabel="images")
    for axis in (upper.yaxis, lower.yaxis, lower.xaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure


def confident_mistakes(probabilities: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Return int64: the rows of at most `count` mistakes, the most confident first.

    Args:
        probabilities: float [N, C].
        labels: int [N], 0..C-1.
        count: the most to return.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:count]


def mistakes_sheet(data: "FaceData", probabilities: np.ndarray, rows: int = 4, columns: int = 8) -> Figure:
    """Draw the most confident mistakes, each with its label, the prediction and the confidence.

    Args:
        data: N labelled images.
        probabilities: float [N, C].
        rows: rows of faces.
        columns: faces in a row.
    """
    chosen = confident_mistakes(probabilities, data.labels, rows * columns)
    figure, axes = new_figure(1.5 * columns, 2.1 * rows, rows=rows, columns=columns)
    for ax, row in zip(axes, chosen, strict=False):
        guess = int(probabilities[row].argmax())
        answer = f"→ {data.classes[guess]} {probabilities[row, guess]:.0%}"
        below = {"transform": ax.transAxes, "ha": "center", "va": "top"}
        ax.imshow(data.images[row, ..., 0], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set_title(f"label: {data.classes[data.labels[row]]}", fontsize=8, pad=3)
        ax.text(0.5, -0.03, answer, fontsize=8, color=ORANGE, fontweight="bold", **below)
        ax.text(0.5, -0.17, str(data.ids[row])[-24:], fontsize=5.5, color=GREY, **below)
    for ax in axes:
        ax.axis("off")
    if not len(chosen):
        figure.suptitle("No mistakes")
    return figure


def montage(images: np.ndarray) -> np.ndarray:
    """Return a grid of images as one, such as augmented views with one face a row: uint8 [H, W, 1].

    Args:
        images: uint8 [rows, columns, h, w, 1]; a white line goes between them.
    """
    rows, columns, height, width, _ = images.shape
    padded = np.pad(images[..., 0], ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=255)
    grid = padded.swapaxes(1, 2).reshape(rows * (height + 1), columns * (width + 1), 1)
    return grid[:-1, :-1]


def figure_to_array(figure: Figure) -> np.ndarray:
    """Return a figure's pixels, uint8 [H, W, 3], as TensorBoard's image summaries want them."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def save_figure(figure: Figure, path: str | os.PathLike[str], *, dpi: int = DPI, colours: int | None = PALETTE) -> None:
    """Write a figure as PNG or SVG, as `path` ends, whole or not at all.

    Args:
        figure: to write.
        path: where to; its folder is made if need be.
        dpi: pixels an inch.
        colours: of a PNG's palette, at most 256: a third of the bytes, and a drawing looks the same. None, for
            photographs, keeps all colours.

    Raises:
        FerKerasError: as `require_figure`.
    """
    require_figure(path)
    # Without a date or a version inside, equal figures are equal files; SVG's identifiers are drawn with a salt.
    with replacing(path) as partial, rc_context({"svg.hashsalt": "fer_keras"}):
        if Path(path).suffix.lower() == ".svg":
            figure.savefig(partial, format="svg", metadata={"Date": None})
        elif colours is None:
            figure.savefig(partial, format="png", dpi=dpi, metadata={"Software": None})
        else:
            pixels = io.BytesIO()
            figure.savefig(pixels, format="png", dpi=dpi)
            with Image.open(pixels) as image:
                drawing = image.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
            drawing.save(partial, format="png", optimize=True, dpi=(dpi, dpi))


def require_figure(path: str | os.PathLike[str]) -> None:
    """Refuse a path that does not end in .png or .svg.

    Raises:
        FerKerasError: it does not.
    """
    if Path(path).suffix.lower() not in (".png", ".svg"):
        raise FerKerasError(f"{path}: expected a name that ends in .png or .svg")


def new_figure(
    width: float, height: float, *, rows: int = 1, columns: int = 1, **of_panels: Any
) -> tuple[Figure, list["Axes"]]:
    """Return a figure of `width` x `height` inches and its panels, row by row; see `Figure.subplots`."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False, **of_panels)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(True, color="#DDDDDD", linewidth=0.6)
        ax.set_axisbelow(True)
    return figure, list(axes.flat)
