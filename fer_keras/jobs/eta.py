"""How far a long command is: a line on standard error with its speed and the time that is left."""

import sys
import time
from typing import TextIO


class Progress:
    """Says how many of a total are done: on a terminal a line that is rewritten, else a line every half minute.

    Args:
        total: how many there are; 0 where that is not known.
        unit: of what, in the plural.
        stream: where to say it; default standard error.
    """

    def __init__(self, total: int, unit: str, stream: TextIO | None = None) -> None:
        self._total, self._unit = total, unit
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._interval = 0.2 if self._terminal else 30.0
        self._start = self._last = time.monotonic()
        self.done = 0

    def add(self, count: int = 1) -> None:
        """Count what has been done."""
        self.done += count
        now = time.monotonic()
        if now - self._last >= self._interval:
            self._last = now
            self._say(progress_line(self.done, self._total, self._unit, now - self._start))

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._terminal:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def say(self, sentence: str) -> None:
        """Print a sentence above the line."""
        self.clear()
        self._stream.write(f"{sentence}\n")
        self._stream.flush()

    def __enter__(self) -> "Progress":
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Clear the line."""
        self.clear()

    def _say(self, line: str) -> None:
        self._stream.write(f"\r\033[K{line}" if self._terminal else f"{line}\n")
        self._stream.flush()


def progress_line(done: int, total: int, unit: str, seconds: float) -> str:
    """Return the line: `120 of 1,000 photos, 30.0 a second, 0:29 left`."""
    speed = done / seconds
    if not total:
        return f"{done:,} {unit}, {speed:.1f} a second"
    minutes, left = divmod(round(max(0, total - done) / speed), 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
    return f"{done:,} of {total:,} {unit}, {speed:.1f} a second, {clock} left"
