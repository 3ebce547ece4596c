"""Runs the commands behind the published numbers: those that are asked for, and what they need."""

import hashlib
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from fer_keras.errors import FerKerasError
from fer_keras.files import write_text
from fer_keras.reproduce_steps import STEPS, Step


def plan(names: Sequence[str], steps: Sequence[Step] = STEPS) -> list[Step]:
    """Return the steps that make `names` and all that they need, in an order in which they can be run.

    Raises:
        FerKerasError: there is no step of that name.
    """
    by_name = {step.name: step for step in steps}
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in by_name:
            raise FerKerasError(f"nothing published is called {name!r}, expected some of {', '.join(by_name)}")
        if name not in wanted:
            wanted.add(name)
            waiting += by_name[name].needs
    return [step for step in steps if step.name in wanted]


def words_of(command: str, data: str) -> list[str]:
    """Return a command's words, with this Python and the path of FER2013 put in."""
    return [{"python": sys.executable}.get(word, word).replace("{data}", data) for word in shlex.split(command)]


def duration(minutes: float) -> str:
    """Return minutes as people write them: `40 min`, `5.5 h`."""
    return f"{max(1, round(minutes))} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def run_steps(steps: Sequence[Step], data: str, done: Path) -> None:
    """Run the commands of `steps`, showing what they show and the time that is left.

    Args:
        steps: from `plan`.
        data: the path of FER2013.
        done: a folder that notes which steps have been done, by their commands and those of the steps they need; these
            are not run again.

    Raises:
        FerKerasError: a command failed; the same call goes on there.
    """
    digests: dict[str, str] = {}
    for number, step in enumerate(steps, 1):
        told = [data, *step.commands, *(digests[name] for name in step.needs)]
        digests[step.name] = hashlib.sha256("\n".join(told).encode()).hexdigest()
        note = done / f"{step.name}-{digests[step.name][:12]}"
        if note.exists():
            print(f"reproduce: {number}/{len(steps)} {step.name} was done before; to do it again delete {note}")
            continue
        left = sum(later.minutes for later in steps[number - 1 :])
        print(f"reproduce: {number}/{len(steps)} {step.name}; for all that is left about {duration(left)}", flush=True)
        start = time.monotonic()
        for command in step.commands:
            print(f"reproduce: {command.replace('{data}', data)}", flush=True)
            status = subprocess.run(words_of(command, data)).returncode
            if status:
                raise FerKerasError(f"{step.name}: a command ended with status {status}: {command}")
        write_text(note, "".join(f"{command}\n" for command in step.commands))
        print(f"reproduce: {step.name} took {duration((time.monotonic() - start) / 60)}", flush=True)
