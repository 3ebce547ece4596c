"""Kills commands at random moments, starts them again, and compares what they leave with that of one never killed."""

import itertools
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from commands import COMMANDS, ROUND, Command, base_words, contradictions_in, damage_in, facts

from fer_keras import __main__ as program

SECONDS = 300.0
"""Before a command is said to hang: the machine may be busy."""

STATUS = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}
WRITES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.link"}


@dataclass(frozen=True)
class Moment:
    """When a command is killed: at its n-th step that changes files, or after some seconds by a signal."""

    step: int = 0
    seconds: float = 0.0
    number: int = signal.SIGKILL

    def __str__(self) -> str:
        return f"step {self.step}" if self.step else f"{signal.Signals(self.number).name} at {self.seconds:.1f} s"


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status (negative: the signal), what it said, seconds, steps that changed files."""

    status: int
    said: str
    seconds: float = 0.0
    steps: int = 0


def run(words: list[object], home: Path, moment: Moment | None = None) -> Ended:
    """Run a command in a fork, in `home`, perhaps up to a moment; wait for its end."""
    log, begun = home / "tmp" / "log", time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")  # a child may be killed before it opens it
    sys.stdout.flush()
    if not (child := os.fork()):
        _become([*map(str, words)], home, log, moment.step if moment else 0)
    status = _wait(child, begun + (moment.seconds if moment and moment.seconds else SECONDS))
    if status is None:
        number = moment.number if moment and moment.seconds else signal.SIGABRT
        os.kill(child, number)
        status = _wait(child, time.monotonic() + SECONDS)
        if number == signal.SIGABRT or status is None:
            os.killpg(child, signal.SIGKILL)
            _wait(child, time.monotonic() + SECONDS)
            return Ended(0, "hang")
    steps = log.with_name("steps")
    done = int(steps.read_text()) if steps.exists() else 0
    return Ended(status, log.read_text(errors="replace"), time.monotonic() - begun, done)


def _wait(child: int, until: float) -> int | None:
    """The status of a child; None where it still runs then."""
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


def _become(words: list[str], home: Path, log: Path, last_step: int) -> None:
    """In the fork: be the command, and end with it."""
    status = 1
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1), os.dup2(output, 2)
        os.chdir(home)
        os.environ |= {"TMPDIR": str(log.parent), "FER_KERAS_CACHE": str(home / "cache")}
        sys.argv = [program.PROGRAM, *words]
        steps = _count_steps(str(home), last_step)
        try:
            program.start()
        except SystemExit as ended:
            status = ended.code or 0
        log.with_name("steps").write_text(str(steps()))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)


def _count_steps(home: str, last: int) -> Callable[[], int]:
    """Count what changes files in `home`; before step number `last` this process is gone, as by SIGKILL."""
    count = 0

    def hook(event: str, args: tuple) -> None:
        nonlocal count
        if event == "open":
            path, _, flags = args
            if not isinstance(path, str) or not (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
        elif event not in WRITES:
            return
        path = os.fsdecode(args[0]) if isinstance(args[0], str | bytes) else ""
        if path.startswith("/") and (not path.startswith(home) or path.startswith(f"{home}/tmp")):
            return
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return lambda: count


class Killer:
    """Kills commands, each in homes of its own.

    Args:
        scratch: a folder.
        seed: what the moments are chosen by.
        note: takes kind, name, outcome, what is to be said, and the folder.
    """

    def __init__(self, scratch: Path, seed: int, note: Callable[..., None]) -> None:
        self.scratch, self.seed, self.note = scratch, seed, note
        self.base = scratch / "base"
        self.references: dict[str, tuple[dict[str, str], Ended]] = {}

    def prepare(self) -> None:
        """Make what the commands start from."""
        for words in base_words(self.base):
            self.base.mkdir(parents=True, exist_ok=True)
            ended = run(words, self.base)
            if ended.status:
                sys.exit(f"torture: {words} ends with status {ended.status}: {ended.said[-3000:]}")

    def reference(self, command: Command) -> tuple[dict[str, str], Ended]:
        """Return what the command leaves where nobody kills it, and how it ended."""
        if command.name not in self.references:
            home = self._home(command, "whole")
            ended = run(command.words(home, self.base), home)
            wrong = damage_in(home) + contradictions_in(home)
            if ended.status or wrong:
                sys.exit(f"torture: {command.name} ends with {ended.status}: {wrong} {ended.said[-3000:]}")
            self.references[command.name] = facts(home), ended
        return self.references[command.name]

    def kill(self, command: Command, number: int) -> None:
        """Kill a command some times, let it end, and note what came of each kill."""
        expected, usual = self.reference(command)
        name, home = f"{command.name}:{number}", self._home(command, str(number))
        rng = random.Random(f"{self.seed} {name}")
        kills, moments, result, said = 0, [], "answered", ""
        for left in reversed(range(rng.randint((command.most_kills + 1) // 2, command.most_kills) + 1)):
            moment = _moment(rng, usual) if left else None
            ended = run(command.words(home, self.base), home, moment)
            moments.append(f"{moment or 'none'}, status {ended.status}")
            result, said = _outcome(ended, moment)
            if result == "answered" and (wrong := damage_in(home)):
                result, said = "wrong", "; ".join(wrong)
            if result != "answered" or not ended.status:
                break
            kills += 1
        if result == "answered" and (wrong := differences(expected, facts(home)) + contradictions_in(home)):
            result, said = "wrong", "; ".join(wrong)
        for _ in range(kills - (result != "answered")):
            self.note(command.name, name, "answered", "", None)
        if result != "answered":
            self.note(command.name, name, result, "\n".join([*moments, said]), home)
        print(f"{name}: {result} after {', '.join(moments)}", flush=True)
        shutil.rmtree(home, ignore_errors=True)

    def _home(self, command: Command, name: str) -> Path:
        home = self.scratch / f"{command.name}-{name}"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        command.lay(home, self.base)
        return home


def _moment(rng: random.Random, usual: Ended) -> Moment:
    if rng.random() < 0.6:
        return Moment(step=rng.randint(1, usual.steps))
    number = signal.SIGKILL if rng.random() < 0.6 else rng.choice([*STATUS])
    return Moment(seconds=rng.uniform(0.02, 0.7) * usual.seconds, number=number)


def _outcome(ended: Ended, moment: Moment | None) -> tuple[str, str]:
    if ended.said == "hang":
        return "hang", f"more than {SECONDS:.0f} s"
    if "Traceback (most recent call last)" in ended.said:
        return "traceback", ended.said[-5000:]
    expected = {0} | ({-signal.SIGKILL, STATUS.get(moment.number, 0)} if moment else set())
    if moment and not ended.said:  # no code of ours had begun to listen
        expected.add(-moment.number)
    if ended.status in expected:
        return "answered", ""
    return ("crash" if ended.status < 0 else "wrong"), f"status {ended.status}: {ended.said[-5000:]}"


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return what files are lacking, there without need, or other than those of a command that nobody killed."""
    lines = [f"{name} is lacking" for name in expected.keys() - found.keys()]
    lines += [f"{name} should not be there" for name in found.keys() - expected.keys()]
    return lines + [f"{name} is another" for name in expected if found.get(name, expected[name]) != expected[name]]


def kill_until(killer: Killer, only: list[str], until: float) -> None:
    """Kill the commands in turn, until then."""
    for number, name in enumerate(itertools.cycle(ROUND)):
        if time.monotonic() > until:
            return
        if not only or name in only:
            killer.kill(COMMANDS[name], number)
