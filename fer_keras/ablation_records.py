"""What an ablation has written down: a row a run, and what each run calls the images."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_keras.errors import FerKerasError
from fer_keras.evaluation.comparison import SPLITS
from fer_keras.files import read_arrays, replacing, write_text

LEDGER_FILE = "ablation.csv"
PREDICTIONS_FILE = "ablation_predictions.npz"
"""`<run>/<split>` -> uint8 [N], what each run of the ledger calls the images: comparisons are paired by image."""


def run_name(arm: str, seed: int) -> str:
    """Return the name of a run's folder: letters, digits, points and hyphens only."""
    return "-".join([*re.findall(r"[\w.]+", arm), f"seed{seed}"])


class Records:
    """The ledger of a study and its predictions, as they are in a folder.

    Args:
        folder: where they are, or will be.

    Raises:
        FerKerasError: a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._ledger, self._predictions = folder / LEDGER_FILE, folder / PREDICTIONS_FILE
        self._rows = _read_ledger(self._ledger) if self._ledger.exists() else []
        self._guesses = {}
        if self._predictions.exists():
            self._guesses = read_arrays(self._predictions, "the predictions of an ablation")

    def row(self, arm: str, seed: int, told: str) -> dict[str, Any] | None:
        """Return the row of a run, or None where there is none, or one that was told something else than `told`."""
        for row in self._rows:
            if (row["arm"], row["seed"], row["config_sha256"]) == (arm, seed, told):
                return row if f"{run_name(arm, seed)}/{SPLITS[0]}" in self._guesses else None
        return None

    def guesses(self, arm: str, seed: int, split: str) -> np.ndarray:
        """Return uint8 [N], what a run that has a row calls the images of a split."""
        return self._guesses[f"{run_name(arm, seed)}/{split}"]

    def add(self, row: Mapping[str, Any], guesses: Mapping[str, np.ndarray]) -> None:
        """Write a run, in the place of an earlier one of that arm and seed.

        Args:
            row: `arm`, `seed`, `config_sha256` and more.
            guesses: split -> int [N], what it calls the images.
        """
        key = (row["arm"], row["seed"])
        self._guesses |= {f"{run_name(*key)}/{split}": guess.astype(np.uint8) for split, guess in guesses.items()}
        with replacing(self._predictions) as partial:
            np.savez_compressed(partial, **self._guesses)
        self._rows = [*(other for other in self._rows if (other["arm"], other["seed"]) != key), dict(row)]
        write_text(self._ledger, pd.DataFrame(self._rows).to_csv(index=False))


def _read_ledger(path: Path) -> list[dict[str, Any]]:
    try:
        # As text, for some hashes have digits only.
        table = pd.read_csv(path, dtype={"config_sha256": str})
        return table.astype({"arm": str, "seed": int}).to_dict("records")
    except (ValueError, KeyError) as error:
        raise FerKerasError(f"{path}: expected the table of an ablation ({error})") from error
