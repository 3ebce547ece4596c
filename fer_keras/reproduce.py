"""The commands behind every published number, in an order in which they can be run."""

import hashlib
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_keras.errors import FerKerasError
from fer_keras.files import write_text


@dataclass(frozen=True)
class Step:
    """What makes one thing that is published.

    Attributes:
        name: of a folder in saved_models/, or of what is measured.
        commands: run one after the other; each can be stopped, and goes on by the same command. `{data}` is FER2013.
        minutes: expected, on 2 cores.
        needs: the names of the steps before it.
    """

    name: str
    commands: tuple[str, ...]
    minutes: float
    needs: tuple[str, ...] = ()


_MEMBERS = ("residual-16", "residual-16-second", "residual-16-labels", "residual-10")
"""The teachers that students learn from: see the README for why these."""
_TEACHERS = " ".join(f"saved_models/{name}" for name in _MEMBERS)


_INHERITED = "--learning-rate 4e-3 --start-from saved_models/separable-93k"


def _trained(
    name: str, train: str, run: str, minutes: float, *needs: str, half: bool = False, served: bool = False
) -> Step:
    """A model: the command that trains it in runs/`run`, the one that ships it, and the one that exports it.

    With `half` it is a teacher, kept in half precision. Exported files are kept only of what is `served`.
    """
    again = f"python scripts/reproduce.py --data fer2013.zip --run {name}"
    ship = f'python scripts/ship.py runs/{run} {name} --data {{data}} --command "{again}"'
    export = f"python scripts/export.py saved_models/{name} --data {{data}}"
    ship += " --half" if half else ""
    export += "" if served else f" --to runs/exports/{name}"
    return Step(name, (train, ship, export), minutes, needs)


def _student(
    name: str, model: str, epochs: int, minutes: float,
    *, assistant: str = "", more: str = "", served: bool = True,
) -> Step:  # fmt: skip
    """A student of the four teachers, or of the saved model `assistant`; `more` are further options."""
    teachers = f"saved_models/{assistant}" if assistant else _TEACHERS
    train = (
        f"python scripts/distill.py --data {{data}} --teacher {teachers} --model {model} --name {name}"
        f" --cached-views 40 --epochs {epochs}{f' {more}' if more else ''} --resume"
    )
    return _trained(name, train, name, minutes, assistant or "logits", served=served)


STEPS: tuple[Step, ...] = (
    Step(
        "data-audit",
        ("python scripts/audit_data.py {data} --json saved_models/measurements/data_audit.json",),
        0.2,
    ),
    Step("speed", ("python scripts/benchmark.py distill --to saved_models/measurements",), 6),
    _trained(
        "residual-10",
        "python scripts/train_teacher.py --data {data} --model residual-10 --name teachers --epochs 80 --batch-size 64"
        " --learning-rate 1.5e-3 --weight-decay 0.05 --label-smoothing 0.1 --resume",
        "teachers/member-1",
        110,
        half=True,
    ),
    _trained(
        "residual-10-wide",
        "python scripts/train_teacher.py --data {data} --model residual-10-wide --name teachers-mixup --epochs 64"
        " --batch-size 64 --learning-rate 1.5e-3 --weight-decay 0.05 --label-smoothing 0.05 --mixup 0.5 --seed 1"
        " --resume",
        "teachers-mixup/member-1",
        50,
        half=True,
    ),
    _trained(
        "residual-12",
        "python scripts/distill.py --data {data} --teacher saved_models/residual-10 saved_models/residual-10-wide"
        " --model residual-12 --name residual-12 --cached-views 24 --epochs 45 --batch-size 64 --learning-rate 1.5e-3"
        " --weight-decay 0.05 --precision auto --seed 2 --resume",
        "residual-12",
        50,
        "residual-10",
        "residual-10-wide",
        half=True,
    ),
    _trained(
        "residual-16",
        "python scripts/distill.py --data {data} --teacher saved_models/residual-10 saved_models/residual-10-wide"
        " saved_models/residual-12 --model residual-16 --name residual-16 --cached-views 24 --epochs 36 --batch-size 64"
        " --learning-rate 1.5e-3 --weight-decay 0.05 --precision auto --seed 4 --resume",
        "residual-16",
        50,
        "residual-10",
        "residual-10-wide",
        "residual-12",
        half=True,
    ),
    _trained(
        "residual-16-labels",
        "python scripts/train_teacher.py --data {data} --model residual-16 --name residual-16-labels --epochs 46"
        " --batch-size 64 --learning-rate 1.5e-3 --weight-decay 0.05 --label-smoothing 0.1 --rotation 20 --zoom 0.2"
        " --erasing 0.5 --erasing-side 0.5 --seed 5 --resume",
        "residual-16-labels/member-1",
        60,
        half=True,
    ),
    _trained(
        "residual-16-second",
        "python scripts/distill.py --data {data} --teacher saved_models/residual-16 saved_models/residual-10"
        " saved_models/residual-10-wide saved_models/residual-12 saved_models/residual-16-labels --model residual-16"
        " --name residual-16-second --cached-views 24 --epochs 36 --batch-size 64 --learning-rate 1.5e-3"
        " --weight-decay 0.05 --precision auto --seed 6 --resume",
        "residual-16-second",
        60,
        "residual-16",
        "residual-16-labels",
        half=True,
    ),
    _trained(
        "residual-14",
        "python scripts/train_teacher.py --data {data} --model residual-14 --name residual-14 --epochs 46"
        " --batch-size 64 --learning-rate 1.5e-3 --weight-decay 0.05 --label-smoothing 0.1 --rotation 20 --zoom 0.2"
        " --erasing 0.5 --erasing-side 0.5 --seed 7 --resume",
        "residual-14/member-1",
        55,
        half=True,
    ),
    Step(
        "teachers",
        (
            "python scripts/ship_ensemble.py teachers residual-10 residual-10-wide residual-12 residual-14 residual-16"
            " residual-16-labels residual-16-second --mirrored --data {data}",
        ),
        4,
        ("residual-14", "residual-16-second"),
    ),
    Step(
        "logits",
        (f"python scripts/cache_logits.py {_TEACHERS} --data {{data}} --cached-views 40",),
        150,
        ("residual-16-second",),
    ),
    _student("separable-93k", "separable-93k", 250, 100),
    _student("separable-88k", "separable-88k", 48, 55, assistant="separable-93k", more=_INHERITED),
    _student("separable-25k", "separable-25k", 150, 90, assistant="separable-93k"),
    Step(
        "ablation",
        (
            f"python scripts/ablate.py --data {{data}} --teacher {_TEACHERS}"
            " --assistant saved_models/separable-93k --name ablation --out saved_models/measurements",
        ),
        330,
        ("logits", "separable-93k"),
    ),
    _trained(
        "reference-cnn",
        "python scripts/train_teacher.py --data {data} --name fer2013-teacher --epochs 50 --resume",
        "fer2013-teacher/member-1",
        42,
        half=True,
    ),
    _student("reference-mobilenet", "reference-mobilenet", 100, 60, assistant="separable-93k"),
    _student("mobilenet-93k", "mobilenet-93k", 100, 60, assistant="separable-93k", served=False),
    _student(
        "mobilenet-93k-second", "mobilenet-93k", 100, 60, assistant="separable-93k", more="--seed 1", served=False
    ),
    Step(
        "frontier",
        (
            "python scripts/search.py --data {data} --teacher saved_models/separable-93k --runs saved_models"
            " --name frontier --workers 2 --trials 4 --epochs 4 --final-epochs 20"
            " --budgets 5000 10000 25000 50000 100000 --max-multiply-adds 9000000 --cache-precision float32",
            "python scripts/frontier.py saved_models/frontier --measure",
        ),
        540,
        ("separable-93k",),
    ),
    Step(
        "workers",
        (
            "python scripts/benchmark.py workers --data {data} --teacher saved_models/separable-93k"
            " --ledger saved_models/frontier/ledger.csv --to saved_models/measurements",
        ),
        30,
        ("frontier",),
    ),
    Step(
        "inference",
        (
            "python scripts/benchmark.py inference --data {data} --models saved_models/separable-25k"
            " saved_models/separable-88k saved_models/separable-93k saved_models/reference-mobilenet"
            " saved_models/residual-10 --to saved_models/measurements",
        ),
        8,
        ("residual-10", "separable-25k", "separable-88k", "separable-93k", "reference-mobilenet"),
    ),
)


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
