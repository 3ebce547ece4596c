"""Runs the commands behind the published numbers: those that are asked for, and what they need."""

import hashlib
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from fer_keras.cards.model_card import CARD_FILE, read_card
from fer_keras.errors import FerKerasError
from fer_keras.files import write_text
from fer_keras.reproduce_steps import STEPS, Step


def plan(names: Sequence[str], steps: Sequence[Step] = STEPS, *, shipped: Path | None = None) -> list[Step]:
    """Return the steps that make `names` and all that they need, in an order in which they can be run.

    Args:
        names: of steps, or of models that they ship.
        steps: all that there are.
        shipped: a folder of saved models; one that is needed and there is taken as it is. Default: all are made anew.

    Raises:
        FerKerasError: there is no step of that name.
    """
    by_name = {name: step for step in steps for name in (step.name, *step.models)}
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in by_name:
            raise FerKerasError(f"nothing published is called {name!r}, expected some of {', '.join(by_name)}")
        step = by_name[name]
        if step.name not in wanted:
            wanted.add(step.name)
            waiting += [need for need in step.needs if not _is_shipped(need, shipped)]
    return [step for step in steps if step.name in wanted]


def words_of(command: str, data: str) -> list[str]:
    """Return a command's words, with this Python and the path of FER2013 put in."""
    return [{"python": sys.executable}.get(word, word).replace("{data}", data) for word in shlex.split(command)]


def duration(minutes: float) -> str:
    """Return minutes as people write them: `40 min`, `5.5 h`."""
    return f"{max(1, round(minutes))} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def total(steps: Sequence[Step]) -> str:
    """Return the time of `steps`, that of a GPU apart: `5.5 h`, `5.5 h, and 12 min on a GPU`."""
    gpu = sum(step.gpu_minutes for step in steps)
    cpu = duration(sum(step.minutes for step in steps if not step.gpu_minutes))
    return cpu + (f", and {duration(gpu)} on a GPU" if gpu else "")


def run_steps(steps: Sequence[Step], data: str, done: Path, *, shipped: Path | None = None) -> None:
    """Run the commands of `steps`, showing what they show and the time that is left.

    Args:
        steps: from `plan`.
        data: the path of FER2013.
        done: a folder that notes which steps have been done, by their commands and those of the steps they need; these
            are not run again.
        shipped: the folder of saved models that the commands write to. Default: not looked at.

    Raises:
        FerKerasError: a command failed; the same call goes on there. Or a step would make the teacher of something anew
            that can only go on with the one that is there.
    """
    notes = _notes(steps, data, done, shipped)
    if shipped:
        _require_same_teachers([step for step in steps if not notes[step.name].exists()], shipped)
    for number, step in enumerate(steps, 1):
        note = notes[step.name]
        if note.exists():
            print(f"reproduce: {number}/{len(steps)} {step.name} was done before; to do it again delete {note}")
            continue
        left = total(steps[number - 1 :])
        print(f"reproduce: {number}/{len(steps)} {step.name}; for all that is left about {left}", flush=True)
        start = time.monotonic()
        for command in step.commands:
            print(f"reproduce: {command.replace('{data}', data)}", flush=True)
            status = subprocess.run(words_of(command, data)).returncode
            if status:
                raise FerKerasError(f"{step.name}: a command ended with status {status}: {command}")
        write_text(note, "".join(f"{command}\n" for command in step.commands))
        print(f"reproduce: {step.name} took {duration((time.monotonic() - start) / 60)}", flush=True)


def _notes(steps: Sequence[Step], data: str, done: Path, shipped: Path | None) -> dict[str, Path]:
    """Where it is noted that a step was done, by its name; with other models as they are now it was not."""
    digests: dict[str, str] = {}
    for step in steps:
        told = [data, *step.commands, *(digests.get(name) or _fingerprint(name, shipped) for name in step.needs)]
        digest = hashlib.sha256("\n".join(told).encode()).hexdigest()
        digests |= dict.fromkeys((step.name, *step.models), digest)
    return {step.name: done / f"{step.name}-{digests[step.name][:12]}" for step in steps}


def _is_shipped(name: str, shipped: Path | None) -> bool:
    return shipped is not None and (shipped / name / CARD_FILE).exists()


def _fingerprint(name: str, shipped: Path | None) -> str:
    return str(read_card(shipped / name)["fingerprint"]) if _is_shipped(name, shipped) else ""


def _require_same_teachers(ahead: Sequence[Step], shipped: Path) -> None:
    for step in ahead:
        remade = {other.name for other in ahead} & set(step.goes_on_with)
        if remade and (shipped / step.name).exists():
            raise FerKerasError(
                f"{shipped / step.name}: goes on only with the {' and '.join(sorted(remade))} that is there, which this"
                " would make anew; move that folder away to begin it again"
            )
