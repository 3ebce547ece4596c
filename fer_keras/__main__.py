"""`fer-keras NAME ...` and `python -m fer_keras NAME ...`: every command of the project, and how it ends."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

PROGRAM = "fer-keras"
"""The console command; `fer-keras NAME` does what scripts/NAME.py does."""

COMMANDS = (
    "distill", "predict", "evaluate", "export", "client", "train_teacher", "cache_logits", "accelerate", "search",
    "frontier", "pick", "ablate", "benchmark", "audit_data", "ship", "ship_ensemble", "docs_tables",
)  # fmt: skip
"""Each is a module of `fer_keras.jobs` with `parser()` and `main()`; the first are what most come for."""

STOPS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that end a command as Ctrl-C does: a cluster takes its machine back, a terminal closes."""


def start(command: str = "") -> None:
    """Run a command, by default the one that the first word names, and exit with its status.

    Nothing else is imported before, so that Ctrl-C is a sentence from the first moment.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's keras.json says
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's errors, not its notices
    # On x86-64 its own default needs AVX-512 VNNI or AMX. With AVX2 alone a separable student trains 1.3 to 1.9 times
    # as fast with it. Elsewhere it says nothing.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    run(_main_of(command) if command else main)


def main() -> int | None:
    """Run the command that the first word names, or list all of them.

    Returns:
        The command's status.

    Raises:
        FerKerasError: there is no command of that name.
    """
    from fer_keras.errors import FerKerasError

    name, *words = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(overview())
        return 0
    command = name.replace("-", "_")
    if command not in COMMANDS:
        raise FerKerasError(f"unknown command {name!r}, expected one of {', '.join(map(shown, COMMANDS))}")
    sys.argv = [f"{PROGRAM} {shown(command)}", *words]  # what its help and its reports call it
    return _main_of(command)()


def _main_of(command: str) -> Callable[[], int | None]:
    def run_command() -> int | None:
        import importlib

        return importlib.import_module(f"fer_keras.jobs.{command}").main()

    return run_command


def overview() -> str:
    """Return all commands, a line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  {shown(command):{width}}  {first_line(command)}" for command in COMMANDS]
    usage = f"usage: {PROGRAM} COMMAND ...; {PROGRAM} COMMAND --help tells its options"
    return "\n".join([usage, "", *lines])


def shown(command: str) -> str:
    """Return how a command is typed; underscores are accepted too."""
    return command.replace("_", "-")


def first_line(command: str) -> str:
    """Return what a command does: the first line of its module, which is not imported for that."""
    from importlib.resources import files

    source = (files("fer_keras") / "jobs" / f"{command}.py").read_text(encoding="utf-8")
    return source.partition('"""')[2].partition("\n")[0].removesuffix('"""')


class Stopped(KeyboardInterrupt):
    """One of `STOPS` came; what Ctrl-C leaves in order, it does too."""


def run(main: Callable[[], int | None]) -> None:
    """Run a command's `main` and exit with its status (None is 0).

    What goes wrong is one sentence: a `FerKerasError` exits with 2, and what the machine refuses, such as a file on a
    full disk, with 1, which another try may not meet. Ctrl-C exits with 130, SIGTERM with 143, SIGHUP with 129. When
    nobody reads the output any more, as with `| head`, it exits with 141 and without a word.
    """
    handlers = {number: signal.getsignal(number) for number in STOPS}
    for number, handler in handlers.items():
        if handler is signal.SIG_DFL:  # under nohup it is ignored
            signal.signal(number, _stop)
    try:
        _set_up_streams()
        if "" in sys.argv[1:]:
            from fer_keras.errors import FerKerasError

            raise FerKerasError("an empty word on the command line, expected a path or a value")
        status = main() or 0
        sys.stdout.flush()  # here, where it is noticed that nobody reads it
    except (Exception, KeyboardInterrupt) as error:
        status, sentence = _ending(error)
        _say(sentence)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    sys.exit(status)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _set_up_streams() -> None:
    """Open standard streams that are closed, or the next file would be written to by whoever prints."""
    import io

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
    from fer_keras.errors import FerKerasError

    for cause in _chain(error):  # a terminal that is gone refuses what is said last
        if isinstance(cause, KeyboardInterrupt):
            number = cause.args[0] if isinstance(cause, Stopped) else signal.SIGINT
            text = "stopped; a run goes on from its last whole epoch by the same command, with --resume if it has that"
            return 128 + number, text
    if isinstance(error, FerKerasError):
        return 2, f"error: {error}"
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        return 141, ""  # as a shell says of what SIGPIPE ended
    if sentence := _refusal(error):
        return 1, f"error: {sentence}"
    for word in sys.argv[1:]:
        if isinstance(error, UnicodeError) and not word.isprintable():
            return 2, f"error: {word!r}: cannot be used here, for it is no UTF-8 text"
    raise error


def _refusal(error: BaseException) -> str:
    """What the machine refuses, and of which file; empty for other mistakes.

    HDF5 and TensorFlow have exceptions of their own for a full disk, with the system's words somewhere in them.
    """
    import re
    from errno import EDQUOT, EFBIG, EIO, ENOSPC, EROFS

    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    texts = [str(cause) for cause in _chain(error)]
    reason = next((os.strerror(n) for n in (ENOSPC, EFBIG, EDQUOT, EROFS, EIO) if os.strerror(n) in str(texts)), "")
    if isinstance(error, OSError):
        return f"{error.filename or 'standard output'}: {reason or error.strerror or error}"
    paths = re.findall(r"(?<![\w.])/[^\s;:,'\"]+", " ".join(texts))
    return f"{paths[0] if paths else 'a file'}: {reason}" if reason else ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _say(sentence: str) -> None:
    try:
        print(sentence, end="\n" if sentence else "", file=sys.stderr, flush=True)
    except OSError:  # nobody reads it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


if __name__ == "__main__":
    start()
