"""Ends a short trial that is far behind those before it.

Reference: the median stopping rule of Golovin et al., "Google Vizier", 2017, with a margin: only what is plainly
hopeless is stopped, since validation accuracy is noisy by about a point.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from fer_keras.training.progress import MONITOR

MARGIN = 0.03
"""How far behind, as a share of the images."""

FEWEST_RIVALS = 2
SHARE_OF_EPOCHS = 3 / 4
"""How much of the schedule a trial may have in any case: until the learning rate has come down, accuracy tells how fast
a network starts, not how good it gets."""


def is_hopeless(accuracies: Sequence[float], rivals: Sequence[Sequence[float]], epochs: int) -> bool:
    """Tell whether a trial is more than `MARGIN` behind the median of its rivals at the same epoch.

    Args:
        accuracies: the trial's, of validation, an epoch each.
        rivals: those of finished trials with the same schedule.
        epochs: of the schedule.
    """
    done = len(accuracies)
    if len(rivals) < FEWEST_RIVALS or done < max(1.0, SHARE_OF_EPOCHS * epochs):
        return False
    return max(accuracies) < float(np.median([max(rival[:done]) for rival in rivals])) - MARGIN


class StopHopeless(keras.callbacks.Callback):
    """Stops a run after the epoch at which it `is_hopeless`.

    Args:
        accuracies: of the epochs done before, where the run goes on from a checkpoint.
        rivals: as in `is_hopeless`.
        epochs: as in `is_hopeless`.
    """

    def __init__(self, accuracies: Sequence[float], rivals: Sequence[Sequence[float]], epochs: int) -> None:
        super().__init__()
        self.accuracies = list(accuracies)
        self.rivals = rivals
        self.epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the epoch's validation accuracy."""
        self.accuracies.append(logs[MONITOR])
        if is_hopeless(self.accuracies, self.rivals, self.epochs) and epoch + 1 < self.epochs:
            print(f"stopped after epoch {epoch + 1}: far behind other trials of this family and budget", flush=True)
            self.model.stop_training = True
