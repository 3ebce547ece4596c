"""Recipes compared over seeds: differences with intervals, and their figure."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from fer_keras.evaluation.plots import BLUE, GREY, ORANGE, Figure, new_figure
from fer_keras.evaluation.tables import SPLIT_TITLES, points, table

SPLITS = ("val", "public_test")
"""Chosen by and reported on, in this order."""

_SPLIT_LOOKS = {"val": (BLUE, "o", -0.14), "public_test": (ORANGE, "s", 0.14)}


def compare_arms(
    hits: Mapping[Hashable, Mapping[str, np.ndarray]], against: Mapping[Hashable, Hashable]
) -> pd.DataFrame:
    """Compare arms that were scored on the same images.

    The variance of a difference is that of its mean over the images (paired: what is hard for both cancels out), plus
    the variance between seeds over the number of seeds of either arm; the latter variance is pooled over all arms, for
    a few seeds of one arm say little of it. What an image's answers differ by from seed to seed is in both, and taken
    out of the former. The 95% interval is Student's, with the degrees of freedom of Welch (1947) and Satterthwaite
    (1946). It is that of one difference: of twenty that are nothing, one seems to be something.

    Args:
        hits: arm -> split -> bool [S, N], whether image n was called right with seed s; S may differ between arms.
        against: arm -> the arm that it is compared with.

    Returns:
        One row an arm: `arm`, `against`, `seeds`, and of each split its mean accuracy `<split>`, `<split>_seed_std`
        over all arms, `<split>_difference`, `<split>_low` and `<split>_high`, as shares. The difference of an arm with
        itself is NaN, and so is every interval where no arm has two seeds.
    """
    rows = {arm: {"arm": arm, "against": against[arm], "seeds": len(scored["val"])} for arm, scored in hits.items()}
    for split in SPLITS:
        spread, freedom = between_seeds([scored[split].mean(axis=1) for scored in hits.values()])
        for arm, row in rows.items():
            subject, other = hits[arm][split], hits[against[arm]][split]
            row |= {split: subject.mean(), f"{split}_seed_std": spread**0.5}
            gain = subject.mean(axis=0) - other.mean(axis=0)
            if against[arm] == arm:
                gain = np.full_like(gain, np.nan)
            of_images = np.maximum(0.0, gain.var(ddof=1) - _seed_noise(subject) - _seed_noise(other)) / len(gain)
            parts = np.array([of_images, spread * (1 / len(subject) + 1 / len(other))])
            effective = parts.sum() ** 2 / (parts**2 / [len(gain) - 1, freedom]).sum() if freedom else np.nan
            error = student_t.ppf(0.975, effective) * parts.sum() ** 0.5
            row |= {f"{split}_difference": gain.mean()}
            row |= {f"{split}_low": gain.mean() - error, f"{split}_high": gain.mean() + error}
    return pd.DataFrame(rows.values())


def _seed_noise(hits: np.ndarray) -> float:
    """The variance that these seeds bring into each image's mean over them, [S, N]; 0 where one seed tells nothing."""
    return hits.var(axis=0, ddof=1).mean() / len(hits) if len(hits) > 1 else 0.0


def between_seeds(accuracies: Sequence[np.ndarray]) -> tuple[float, int]:
    """Return the variance between the seeds of an arm, pooled over the arms, and its degrees of freedom.

    Args:
        accuracies: of each arm, float [S]; S may differ between arms.

    Returns:
        The variance, NaN where no arm has two seeds, and the degrees of freedom.
    """
    freedom = sum(len(seeds) - 1 for seeds in accuracies)
    squares = sum(float(((seeds - seeds.mean()) ** 2).sum()) for seeds in accuracies)
    return (squares / freedom if freedom else np.nan), freedom


def differences_table(summary: pd.DataFrame) -> str:
    """Return the arms as a Markdown table, in percent and points of accuracy.

    Args:
        summary: from `compare_arms`.
    """
    header = ["arm", "against"]
    for split in SPLITS:
        header += [SPLIT_TITLES[split], "ahead by"]
    lines = []
    for row in summary.to_dict("records"):
        lines.append([row["arm"], "" if row["against"] == row["arm"] else row["against"]])
        for split in SPLITS:
            lines[-1] += [points(row[split]), ahead(row, split)]
    return table(header, lines)


def ahead(row: Mapping[str, Any], split: str) -> str:
    """Return one arm's difference on `split` in points, with its interval where there is one; empty for none."""
    # + 0.0: to a person -0.0 is a sign of something.
    gain, low, high = (round(100 * row[f"{split}_{part}"], 1) + 0.0 for part in ("difference", "low", "high"))
    if np.isnan(gain):
        return ""
    return f"{gain:+.1f}" if np.isnan(low) else f"{gain:+.1f} [{low:+.1f}, {high:+.1f}]"


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
