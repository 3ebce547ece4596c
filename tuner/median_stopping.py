"""The median stopping rule, which ends a short trial that is far behind those before it.

Reference: Golovin et al., "Google Vizier", 2017; here with a margin, for validation accuracy is noisy by about a point.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from fer_keras.training.progress import MONITOR

MARGIN = 0.03
"""How far behind the median, as a share of the images."""

_FEWEST_CURVES = 2
_SHARE_OF_EPOCHS = 3 / 4
"""How much of the schedule a trial may have in any case: until the learning rate has come down, accuracy tells how fast
a network starts, not how good it gets."""


def is_far_behind(accuracies: Sequence[float], curves: Sequence[Sequence[float]], epochs: int) -> bool:
    """Tell whether a trial is more than `MARGIN` behind the median of others at the same epoch.

    Args:
        accuracies: the trial's, of validation, an epoch each.
        curves: those of finished trials with the same schedule.
        epochs: of the schedule.
    """
    done = len(accuracies)
    if len(curves) < _FEWEST_CURVES or done < max(1.0, _SHARE_OF_EPOCHS * epochs):
        return False
    return max(accuracies) < float(np.median([max(curve[:done]) for curve in curves])) - MARGIN


class MedianStopping(keras.callbacks.Callback):
    """Stops a run after the epoch at which it `is_far_behind`, whose arguments it takes.

    Args:
        accuracies: of the epochs done before, where the run goes on from a checkpoint.
        curves: as there.
        epochs: as there.
    """

    def __init__(self, accuracies: Sequence[float], curves: Sequence[Sequence[float]], epochs: int) -> None:
        super().__init__()
        self.accuracies, self.curves, self.epochs = [*accuracies], curves, epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the epoch's validation accuracy."""
        self.accuracies.append(logs[MONITOR])
        if is_far_behind(self.accuracies, self.curves, self.epochs) and epoch + 1 < self.epochs:
            print(f"stopped after epoch {epoch + 1}: far behind other trials of this family and budget", flush=True)
            self.model.stop_training = True
