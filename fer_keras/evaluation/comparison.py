"""Recipes compared over seeds: differences with intervals, and their figure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fer_keras.evaluation.plots import BLUE, GREY, ORANGE, Figure, new_figure
from fer_keras.evaluation.tables import SPLIT_TITLES, table

SPLITS = ("val", "public_test")
"""Chosen by and reported on, in this order."""

_SPLIT_LOOKS = {"val": (BLUE, "o", -0.14), "public_test": (ORANGE, "s", 0.14)}


def compare_arms(hits: Mapping[str, Mapping[str, np.ndarray]], against: Mapping[str, str]) -> pd.DataFrame:
    """Compare arms that were trained with the same seeds and scored on the same images.

    The 95% interval of a difference is 1.96 standard errors each way. Its variance is that of the difference's mean
    over the images (paired: what is hard for both cancels out), plus 2/S times the variance between seeds, which is
    pooled over all arms: S seeds of one arm say little of it.

    Args:
        hits: arm -> split -> bool [S, N], whether image n was called right with seed s.
        against: arm -> the arm that it is compared with.

    Returns:
        One row an arm: `arm`, `against`, `seeds`, and of each split its mean accuracy `<split>`, `<split>_seed_std`
        over all arms, `<split>_difference`, `<split>_low` and `<split>_high`, as shares. The difference of an arm with
        itself is NaN, and so is every interval of a single seed.
    """
    rows = {arm: {"arm": arm, "against": against[arm], "seeds": len(scored["val"])} for arm, scored in hits.items()}
    for split in SPLITS:
        accuracies = np.array([scored[split].mean(axis=1) for scored in hits.values()])
        seeds = accuracies.shape[1]
        spread = float(accuracies.var(axis=1, ddof=1).mean()) if seeds > 1 else np.nan
        for arm, row in rows.items():
            mine, theirs = (hits[name][split].mean(axis=0) for name in (arm, against[arm]))
            row |= {split: mine.mean(), f"{split}_seed_std": spread**0.5}
            gain = mine - theirs if against[arm] != arm else np.full(len(mine), np.nan)
            error = 1.96 * (gain.var(ddof=1) / len(gain) + 2 * spread / seeds) ** 0.5
            row |= {f"{split}_difference": gain.mean()}
            row |= {f"{split}_low": gain.mean() - error, f"{split}_high": gain.mean() + error}
    return pd.DataFrame(rows.values())


def differences_table(summary: pd.DataFrame) -> str:
    """Return the arms as a Markdown table, in percent and points of accuracy.

    Args:
        summary: from `compare_arms`.
    """
    header = ["arm", "against"]
    for split in SPLITS:
        header += [SPLIT_TITLES[split], "ahead by"]
    return table(header, [difference_cells(row) for row in summary.to_dict("records")])


def difference_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one arm's row of `differences_table`."""
    cells = [row["arm"], "" if row["against"] == row["arm"] else row["against"]]
    for split in SPLITS:
        gain, low, high = (100 * row[f"{split}_{part}"] for part in ("difference", "low", "high"))
        ahead = "" if np.isnan(gain) else f"{gain:+.1f}"
        cells += [f"{100 * row[split]:.1f}", ahead if np.isnan(low) else f"{ahead} [{low:+.1f}, {high:+.1f}]"]
    return tuple(cells)


def differences_figure(summary: pd.DataFrame, title: str) -> Figure:
    """Draw each arm's difference, with its interval, in points of accuracy.

    Args:
        summary: from `compare_arms`, with a column `question` to group by.
        title: above the figure.
    """
    shown = summary.dropna(subset=["val_difference"])
    figure, (ax,) = new_figure(7.2, 0.9 + 0.38 * len(shown))
    places = np.arange(len(shown))
    for split, (colour, marker, offset) in _SPLIT_LOOKS.items():
        middle, low, high = (100 * shown[f"{split}_{part}"].to_numpy() for part in ("difference", "low", "high"))
        errors = np.stack([middle - low, high - middle])
        look = {"fmt": marker, "color": colour, "ms": 4.5, "lw": 1.4, "label": SPLIT_TITLES[split]}
        ax.errorbar(middle, places + offset, xerr=errors, **look)
    ax.axvline(0, color=GREY, lw=1)
    rows = zip(shown["question"], shown["arm"], shown["against"], strict=True)
    ax.set_yticks(places, [f"{question}: {arm}\nagainst {other}" for question, arm, other in rows], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("points of accuracy ahead, with 95% intervals over images and seeds")
    ax.set_title(title, fontsize=10)
    ax.legend(frameon=False, fontsize=8, loc="best")
    return figure
