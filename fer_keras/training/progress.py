"""How far a run is: what it has to know of its past beside its weights, and the line that says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median

MONITOR = "val_accuracy"

PROGRESS_FILE = "progress.json"


@dataclass
class Progress:
    """What a run has to know of its past beside its weights.

    Attributes:
        epoch: the number of whole epochs done.
        best_epoch: the epoch (from 0) whose model is kept; -1 for none yet.
        best: the value of the monitored metric then.
        history: a row of logs for each epoch done.
    """

    epoch: int = 0
    best_epoch: int = -1
    best: float = float("-inf")
    history: list[dict[str, float]] = field(default_factory=list)

    def after(self, logs: dict[str, float]) -> "Progress":
        """Return the progress one epoch later; `logs` is that epoch's row, the monitored metric in it.

        Of equally good epochs the first is kept.
        """
        best = (self.best_epoch, self.best)
        if logs[MONITOR] > self.best:
            best = (self.epoch, logs[MONITOR])
        return Progress(self.epoch + 1, *best, [*self.history, logs])


def epoch_line(name: str, done: int, epochs: int, logs: str, seconds: Sequence[float]) -> str:
    """Return the line of an epoch, with the time left for the whole run by the median of the last epochs.

    Args:
        name: of the run.
        done: how many epochs are.
        epochs: of its schedule.
        logs: what is to be said of this one.
        seconds: of each epoch of this process.
    """
    left = timedelta(seconds=round(median(seconds[-5:]) * (epochs - done)))
    return f"{name}: epoch {done}/{epochs}  {logs}  {seconds[-1]:.1f} s  ETA {left}"
