"""Models that are not points of a frontier, on the same images: the reference's, others' and shipped students."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fer_keras.cards.model_card import read_cards
from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013

BASELINES_FILE = Path("measurements") / "baselines.csv"
"""Below the folder of saved models: the reference's networks and others' published weights, scored on PublicTest."""

MILLISECONDS_FILE = "baseline_milliseconds.csv"
"""Beside a ledger: milliseconds of baselines, measured in the same run, by title."""

MOST_PARAMETERS = 1_000_000
"""Of a shipped student that is drawn, but for the reference's networks: larger ones are teachers of others."""


@dataclass(frozen=True)
class Baseline:
    """A model to compare with.

    Attributes:
        title: as figures call it.
        kind: `reference`, `other` or `shipped`.
        public_test: accuracy on FER2013's PublicTest, 0 to 1.
        parameters: trainable ones, of others' as their authors count; None where not told.
        multiply_adds: for one image; None where not told.
        milliseconds: as in the ledger; None where not measured.
        preset: the name of the network here; None where it is not one of ours.
    """

    title: str
    kind: str
    public_test: float
    parameters: int | None = None
    multiply_adds: int | None = None
    milliseconds: float | None = None
    preset: str | None = None


def baselines(shipped: Path, milliseconds: Mapping[str, float] | None = None) -> list[Baseline]:
    """Return what figures of FER2013 show beside the frontier.

    Args:
        shipped: folder of saved models.
        milliseconds: what was measured, by title.

    Raises:
        FerKerasError: a card or `BASELINES_FILE` is damaged.
    """
    models = [*_published(shipped / BASELINES_FILE), *_shipped_students(shipped)]
    return [replace(model, milliseconds=(milliseconds or {}).get(model.title)) for model in models]


def read_milliseconds(folder: Path) -> dict[str, float]:
    """Return what `MILLISECONDS_FILE` in a search's folder says, by title; nothing where there is no such file.

    Raises:
        FerKerasError: it is damaged.
    """
    path = folder / MILLISECONDS_FILE
    if not path.exists():
        return {}
    try:
        return pd.read_csv(path).set_index("name")["milliseconds"].astype(float).to_dict()
    except (ValueError, KeyError) as error:
        raise FerKerasError(f"{path}: expected columns name and milliseconds ({error})") from error


def _published(path: Path) -> list[Baseline]:
    if not path.exists():
        return []
    try:
        table = pd.read_csv(path, dtype={"parameters": "Int64", "multiply_adds": "Int64", "preset": str})
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        names = ("title", "kind", "parameters", "multiply_adds", "preset")
        shares = [round(float(row["public_test"]) / 100, 6) for row in rows]  # the table is in percent
        return [
            Baseline(public_test=share, **{name: row[name] for name in names})
            for row, share in zip(rows, shares, strict=True)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise FerKerasError(f"{path}: expected a table of baselines ({error})") from error


def _shipped_students(folder: Path) -> list[Baseline]:
    """Students that learned FER2013's labels and were trained for longer than those of a frontier.

    Of several seeds of one architecture it is the one that validates best. Those of drawn faces and those without a
    score on PublicTest are left out.
    """
    best: dict[str, Mapping[str, Any]] = {}
    for card in read_cards(folder):
        drawn = card["scores"]["drawn"] or "public_test" not in card["scores"]["splits"]
        if card["kind"] != "student" or drawn or tuple(card["classes"]) != FER2013.classes:
            continue
        small = card["size"]["parameters"] <= MOST_PARAMETERS or card["architecture"].startswith("reference-")
        other = best.get(card["architecture"])
        if small and (other is None or _validated(card) > _validated(other)):
            best[card["architecture"]] = card
    return [
        Baseline(
            card["name"],
            "shipped",
            card["scores"]["splits"]["public_test"]["all"]["accuracy"],
            card["size"]["parameters"],
            card["size"]["multiply_adds"],
        )
        for card in best.values()
    ]


def _validated(card: Mapping[str, Any]) -> float:
    val = card["scores"]["splits"].get("val")
    return val["all"]["accuracy"] if val else 0.0
