"""One run among several, and its state on disk: a killed command goes on from it, beside the same others or without."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from fer_keras.accelerator.teacher_logits import DeviceLogits
from fer_keras.config import StudentConfig, TeacherConfig
from fer_keras.errors import FerKerasError
from fer_keras.files import read_arrays

LANE_FILE = "lane.npz"

Config = TeacherConfig | StudentConfig


@dataclass(frozen=True)
class LaneState:
    """How far a lane is.

    Attributes:
        arrays: its part of the leaves of a parallel trainer's state, in order.
        history: a row of logs for each epoch done.
    """

    arrays: list[np.ndarray]
    history: list[dict[str, float]]


@dataclass(frozen=True)
class Lane:
    """One run among several.

    Attributes:
        name: for people.
        config: the network and its schedule.
        network: freshly initialised, of stock layers; it gets the best weights.
        precision: that it computes in, but for the logits.
        teacher_logits: of its teachers; None for a teacher.
        begun: how far it is already; None for a fresh one.
    """

    name: str
    config: Config
    network: keras.Model
    precision: str = "float32"
    teacher_logits: DeviceLogits | None = None
    begun: LaneState | None = None

    @property
    def done(self) -> int:
        """How many epochs it has done."""
        return len(self.begun.history) if self.begun else 0


def save_lane(path: Path, state: LaneState) -> None:
    """Write the arrays of a lane; its history is in the progress beside them."""
    np.savez(path, **{str(number): array for number, array in enumerate(state.arrays)})


def load_lane(path: Path, history: list[dict[str, float]]) -> LaneState:
    """Read what `save_lane` wrote.

    Args:
        path: the file.
        history: of the progress beside it.

    Raises:
        FerKerasError: it is damaged, or none.
    """
    arrays = read_arrays(path, "the state of a run on an accelerator")
    try:
        return LaneState([arrays[str(number)] for number in range(len(arrays))], history)
    except KeyError as error:
        raise FerKerasError(f"{path}: expected the state of a run on an accelerator") from error
