"""How far a run is: what it has to know of its past beside its weights."""

from dataclasses import dataclass, field

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
