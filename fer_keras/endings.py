"""How a command ends: a sentence and a status, whatever ends it."""

import io
import os
import re
import signal
import sys
import weakref
from collections.abc import Callable, Iterator
from errno import EACCES, EDQUOT, EFBIG, EIO, ENOSPC, EROFS

from fer_keras.errors import FerKerasError, not_installed

STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that end a command in order: Ctrl-C, a cluster takes its machine back, a terminal closes."""

NO_ROOM = (ENOSPC, EFBIG, EDQUOT)
"""What a writer meets where a disk is full."""

_MACHINE = (*NO_ROOM, EROFS, EIO, EACCES)
_REFUSED = 1


def run(main: Callable[[], int | None], leave: Callable[[int], None] = sys.exit) -> None:
    """Run a command's `main` and exit with its status (None is 0).

    What goes wrong is one sentence: a `FerKerasError` exits with 2, and what the machine refuses, such as a file on a
    full disk, with 1, which another try may not meet. Ctrl-C exits with 130, SIGTERM with 143, SIGHUP with 129. When
    nobody reads the output any more, as with `| head`, it exits with 141 and without a word.

    Args:
        main: of a module of `fer_keras.jobs`.
        leave: ends the process where the machine refused something: HDF5 files that are closed on a full disk later on
            would write traces and crash. Defaults to an exit like any other.
    """
    with _Stops() as stops:
        try:
            _set_up_streams()
            if "" in sys.argv[1:]:
                raise FerKerasError("an empty word on the command line, expected a path or a value")
            status = main() or 0
            sys.stdout.flush()  # here, where it is noticed that nobody reads it
        except (Exception, KeyboardInterrupt) as error:
            stops.settle()
            status, sentence = stops.ending or _ending(error)
            _say(sentence)
            if status == _REFUSED:
                leave(status)
    sys.exit(status)


class Stopped(KeyboardInterrupt):
    """One of `STOPS` came: whatever is under way is left in order."""


class _Stops:
    """While it is entered, `STOPS` raise `Stopped`, and again where one got lost.

    Imports, finalizers and C code that calls back to Python lose exceptions. One that is still on its way to `run` is
    alive; none is raised on top of it, for what clears up behind it may take its time.
    """

    def __init__(self) -> None:
        self._raised: Callable[[], Stopped | None] = lambda: None
        self._number = 0
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> "_Stops":
        usual = (signal.SIG_DFL, signal.default_int_handler)  # under nohup it is another
        self._handlers = {n: signal.signal(n, self._stop) for n in STOPS if signal.getsignal(n) in usual}
        self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()
        sys.unraisablehook = self._hook
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @property
    def ending(self) -> tuple[int, str] | None:
        """The status and the sentence of a command that was stopped, whatever error came of it; None for others."""
        return _ending(Stopped(self._number)) if self._number else None

    def settle(self) -> None:
        """Do not raise again."""
        if self._number and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _stop(self, number: int, frame: object) -> None:
        self._number = number
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._insist)
            signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
        error = Stopped(number)
        self._raised = weakref.ref(error)
        try:
            raise error
        finally:
            del error  # or its traceback would keep it alive

    def _insist(self, number: int, frame: object) -> None:
        if self._raised() is None:
            self._stop(self._number, frame)

    def _unraisable(self, lost: "sys.UnraisableHookArgs") -> None:
        if not isinstance(lost.exc_value, Stopped):
            self._hook(lost)


def _set_up_streams() -> None:
    """Open standard streams that are closed, or the next file would be written to by whoever prints."""
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # becomes `number`, the lowest that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115  (until the process ends)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the name of a file may be no text


def _ending(error: BaseException) -> tuple[int, str]:
    """The status and the sentence for what ended a command; raises what is a mistake of ours."""
    if isinstance(error, KeyboardInterrupt):
        number = error.args[0] if isinstance(error, Stopped) else signal.SIGINT
        text = "stopped; a run goes on from its last whole epoch by the same command, with --resume if it has that"
        return 128 + number, text
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith(("fer_keras", "tuner")):
        error = not_installed(error)
    if isinstance(error, FerKerasError):
        refused = any(getattr(cause, "errno", None) in _MACHINE for cause in _chain(error))
        return _REFUSED if refused else 2, f"error: {error}"
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        return 141, ""  # as a shell says of what SIGPIPE ended
    if sentence := _refusal(error):
        return _REFUSED, f"error: {sentence}"
    for word in sys.argv[1:]:
        if isinstance(error, UnicodeError) and not word.isprintable():
            return 2, f"error: {word!r}: cannot be used here, for it is no UTF-8 text"
    raise error


def _refusal(error: BaseException) -> str:
    """What the machine refuses, and of which file; empty for other mistakes.

    HDF5 and TensorFlow have exceptions of their own for a full disk, with the system's words somewhere in them.
    """
    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    texts = [str(cause) for cause in _chain(error)]
    reason = next((os.strerror(number) for number in _MACHINE if os.strerror(number) in str(texts)), "")
    if isinstance(error, OSError):  # of a library's own nobody knows which file it is
        where = error.filename2 or error.filename or ("standard output" if error.errno else "a file")
        return f"{where}: {reason or error.strerror or error}"
    paths = re.findall(r"(?<![\w.])/[^\s;:,'\"]+", " ".join(texts))
    return f"{paths[0] if paths else 'a file'}: {reason}" if reason else ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _say(sentence: str) -> None:
    try:
        sys.stdout.flush()
    except OSError:  # nobody reads it, or it is what is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    try:
        print(sentence, end="\n" if sentence else "", file=sys.stderr, flush=True)
    except OSError:  # nobody reads it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
