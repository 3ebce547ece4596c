"""What `video` and `webcam` share: rows of frames, annotated frames, and an end by Ctrl-C that loses nothing."""

import csv
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

from PIL import Image

from fer_keras.faces.drawing import COLOURS, Mark, draw_marks
from fer_keras.faces.following import FollowedFace
from fer_keras.files import replacing
from fer_keras.probabilities import BOX_COLUMNS


class FrameRows:
    """A CSV with a row for each face of each frame."""

    def __init__(self, file: TextIO, classes: Sequence[str]) -> None:
        """Args: the file; the names of the classes."""
        columns = ("frame", "seconds", "face", *BOX_COLUMNS, "label", "confidence", *classes)
        self._file, self._writer = file, csv.DictWriter(file, columns, lineterminator="\n")
        self._writer.writeheader()

    def write(self, frame: int, seconds: float, faces: Sequence[FollowedFace]) -> None:
        """Add the faces of a frame."""
        for face in faces:
            row = face.prediction.to_row()
            row["face"] = row.pop("image")
            self._writer.writerow({"frame": frame, "seconds": f"{seconds:.6f}", **row})
        self._file.flush()


@contextmanager
def rows_file(path: Path | None, classes: Sequence[str]) -> Iterator[FrameRows]:
    """Open the rows' file, which is whole or absent; None for standard output."""
    if path is None:
        yield FrameRows(sys.stdout, classes)
        return
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        yield FrameRows(file, classes)


def annotated(picture: Image.Image, faces: Sequence[FollowedFace]) -> Image.Image:
    """Return a copy of a frame with the id and the answer of each face, whose colour stays its own."""
    marks = []
    for face in faces:
        answer = face.prediction
        text = f"{face.number} {answer.label} {answer.confidence:.0%}"
        marks.append(Mark(answer.box, text, COLOURS[(face.number - 1) % len(COLOURS)]))
    return draw_marks(picture, marks)


class Interrupt:
    """Ctrl-C as a wish: `asked` is true from the first one on; a second one ends the command at once."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "Interrupt":
        """Begin to listen."""
        self._before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave Ctrl-C as it was."""
        signal.signal(signal.SIGINT, self._before)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self._before)
