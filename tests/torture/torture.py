"""Damages inputs and kills commands at random: python tests/torture/torture.py --minutes 10.

Counts what comes of it. Seeded: the same seed damages the same bytes and chooses the same moments. Ends with status 1
where anything was wrong, a traceback, a crash or a hang; what led to it is kept below --keep with the command that
tries it again. Not collected by pytest: `make torture MINUTES=10`.
"""

import argparse
import csv
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / name) for name in ("data", "training", "tuner", ""))]
os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a fork takes no threads along

OUTCOMES = ("refused", "answered", "wrong", "traceback", "crash", "hang")
BAD = OUTCOMES[2:]
KILLED = (
    "cache", "ship", "ship-over", "export", "export-over", "card", "train", "distill", "search", "export-saved",
    "export-litert",
)  # fmt: skip
"""Commands; the other kinds are inputs."""


class Notes:
    """Counts outcomes by kind, and keeps what led to a bad one.

    Args:
        keep: a folder.
        again: the command that tries something again, but for its name.
    """

    def __init__(self, keep: Path, again: str) -> None:
        self.keep, self.again = keep, again
        self.counts: Counter[tuple[str, str]] = Counter()

    def note(self, kind: str, name: str, result: str, said: str, folder: Path | None = None) -> None:
        """Count an outcome; where it is bad, copy the folder and say so."""
        self.counts[kind, result] += 1
        if result not in BAD:
            return
        kept = self.keep / f"{name.replace(':', '-')}-{result}"
        shutil.rmtree(kept, ignore_errors=True)
        if folder and folder.is_dir():
            shutil.copytree(folder, kept, symlinks=True)
        kept.mkdir(parents=True, exist_ok=True)
        (kept / "again.txt").write_text(f"{self.again} --again {name}\n\n{said}", errors="replace")
        last = said.strip().splitlines()[-1][:300] if said.strip() else ""
        print(f"{result}: {kept}: {last}", flush=True)

    def add(self, counts: Iterable[tuple[str, str, int]]) -> None:
        """Add the counts of another process."""
        for kind, result, number in counts:
            self.counts[kind, result] += number

    def rows(self) -> list[list[Any]]:
        """A row a kind: its name, how many were tried, and the number of each of `OUTCOMES`."""
        kinds = dict.fromkeys(kind for kind, _ in self.counts)
        return [[kind, sum(row), *row] for kind in kinds for row in [[self.counts[kind, name] for name in OUTCOMES]]]

    def record(self, file: Path, seed: int, minutes: float, commit: str) -> None:
        """Add a row a kind to a CSV, with what the campaign was: docs/promises.md shows the sums."""
        is_new = not file.exists()
        with file.open("a", newline="") as opened:
            rows = csv.writer(opened, lineterminator="\n")
            if is_new:
                rows.writerow(["commit", "seed", "minutes", "kind", "killed", "tried", *OUTCOMES])
            for kind, *numbers in self.rows():
                rows.writerow([commit, seed, f"{minutes:.1f}", kind, int(kind in KILLED), *numbers])

    def table(self) -> str:
        """All rows and their sum, for people."""
        rows = self.rows()
        rows.append(["all", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True))])
        header = ["", "tried", *OUTCOMES]
        return "\n".join(f"{row[0]:16}" + "".join(f"{cell:>11}" for cell in row[1:]) for row in [header, *rows])

    @property
    def bad(self) -> int:
        """How many outcomes were bad."""
        return sum(number for (_, result), number in self.counts.items() if result in BAD)


def in_child(work: Callable[[], None], log: Path) -> None:
    """Do something that needs TensorFlow in a child: a process that has started it cannot fork."""
    sys.stdout.flush()
    if not (child := os.fork()):
        status = 1
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1), os.dup2(output, 2)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"torture: what it starts from cannot be made: {log.read_text(errors='replace')[-3000:]}")


def feed(args: argparse.Namespace, scratch: Path, notes: Notes, until: float) -> None:
    """Damage inputs until then, or the one that --again names."""
    import answers
    import feeding
    from inputs import all_inputs

    prepared = scratch / "prepared"
    prepared.mkdir()
    in_child(lambda: answers.prepare(prepared), scratch / "log")
    inputs = all_inputs(prepared)
    asked = feeding.questions([kind for kind in inputs if not args.kinds or kind in args.kinds], until)
    if args.again:
        kind, _, number = args.again.partition(":")
        asked = iter([feeding.Question(kind, int(number))])

    def note(question: feeding.Question, result: str, said: str, folder: Path) -> None:
        if question.number < 0 and result != "answered":
            sys.exit(f"torture: a whole {question.kind} is {result}: {said}")
        if question.number >= 0:
            notes.note(question.kind, question.name, result, said, folder)
            if args.again:
                print(f"{question.name}: {result}: {said}")

    workers = [feeding.Answering(scratch / f"worker-{n}", prepared) for n in range(1 if args.again else args.workers)]
    feeding.feed(asked, inputs, args.seed, workers, note)


def kill(args: argparse.Namespace, scratch: Path, notes: Notes, until: float) -> None:
    """Kill commands until then, or as the one that --again names was."""
    import commands
    import killing

    commands.know_tiny()
    killer = killing.Killer(scratch / "killed", args.seed, notes.note)
    killer.prepare()
    if args.again:
        name, _, number = args.again.partition(":")
        killer.kill(commands.COMMANDS[name], int(number))
    else:
        killing.kill_until(killer, args.kinds or [], until)


def beside(work: Callable[[], None], notes: Notes, scratch: Path) -> Callable[[], None]:
    """Begin to do something in a process of its own; return what waits for its end and counts what came of it."""
    counted = scratch / "counts.json"
    sys.stdout.flush()
    if not (child := os.fork()):
        status = 1
        try:
            work()
            counted.write_text(json.dumps([[*key, number] for key, number in notes.counts.items()]))
            status = 0
        except SystemExit as error:
            print(error.code, flush=True)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def finish() -> None:
        if os.waitpid(child, 0)[1]:
            notes.counts["all commands", "traceback"] += 1  # of torture itself, which has said why
            return
        notes.add(json.loads(counted.read_text()))

    return finish


def warm_up() -> None:
    """Import what the children need: none of them waits for it, and nothing here starts TensorFlow's threads."""
    import keras  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import small_run  # noqa: F401

    from fer_keras.__main__ import COMMANDS

    for name in ("cache_logits", "distill", "evaluate", "export", "search", "ship", "train_teacher"):
        assert name in COMMANDS
        importlib.import_module(f"fer_keras.jobs.{name}")
    for name in ("distillation", "exporting", "shipping"):
        importlib.import_module(f"fer_keras.jobs.{name}")
    importlib.import_module("tuner.search")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes that answer, beside one that kills")
    parser.add_argument("--keep", type=Path, default=Path("runs/torture"), help="folder of what found something")
    parser.add_argument("--only", choices=["feed", "kill"], help="one of both; default: both at the same time")
    parser.add_argument("--kinds", nargs="+", help="of inputs or commands; default all")
    parser.add_argument("--record", type=Path, help="CSV that the counts are added to")
    parser.add_argument("--again", metavar="KIND:NUMBER", help="try one input or one command again")
    return parser.parse_args()


def main() -> None:
    from fer_keras.config import environment

    args, begun = parsed(), time.monotonic()
    warm_up()
    commit = environment()["commit"]  # now: the working tree may be another when it ends
    notes = Notes(args.keep, f"python tests/torture/torture.py --seed {args.seed}")
    until = begun + 60 * args.minutes
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if args.only == "feed":
            feed(args, scratch, notes, until)
        elif args.only == "kill":
            kill(args, scratch, notes, until)
        else:
            finish = beside(lambda: kill(args, scratch, notes, until), notes, scratch)
            feed(args, scratch, notes, until)
            finish()
    print(notes.table())
    if args.record:
        notes.record(args.record, args.seed, (time.monotonic() - begun) / 60, commit)
    sys.exit(1 if notes.bad else 0)


if __name__ == "__main__":
    main()
