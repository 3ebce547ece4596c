"""Feeds damaged inputs to processes that answer, each forked from this one, which has imported everything."""

import json
import os
import random
import resource
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import answers
from inputs import Input

CPU_SECONDS, SECONDS = 60.0, 600.0
"""Before an answer is called a hang: of the processor, and on the clock, for the machine may be busy."""

MEMORY = 12 * 2**30
"""Bytes of addresses that a process may have: more than TensorFlow takes, less than would stop the machine."""


class Answering:
    """A process that answers; a new one takes its place when it dies or hangs.

    Args:
        scratch: a folder of its own.
        prepared: from `answers.prepare`.
    """

    def __init__(self, scratch: Path, prepared: Path) -> None:
        self.folder, self.prepared = scratch / "input", prepared
        self.scratch = scratch
        scratch.mkdir(parents=True, exist_ok=True)
        self.question: Any = None
        self.process = 0

    def ask(self, question: Any, kind: str, path: Path) -> None:
        """Ask for what comes of a file; `finished` will name the question."""
        if not self.process:
            self._start()
        self.question, self.asked, self.used = question, time.monotonic(), self._cpu_seconds()
        self.questions.write(f"{kind} {path}\n")
        self.questions.flush()

    def finished(self) -> tuple[str, str] | None:
        """Return the outcome and the sentence or trace; None while it is awaited."""
        ready, _, _ = select.select([self.answers], [], [], 0)
        patient = time.monotonic() - self.asked < SECONDS and self._cpu_seconds() - self.used < CPU_SECONDS
        if not ready and patient:
            return None
        line = self.answers.readline() if ready else ""
        self.question = None
        if line:
            result, said = json.loads(line)
            return result, said
        status = self.close()
        return (
            ("crash", f"status {status}: {self._last_words()}")
            if ready
            else ("hang", f"more than {CPU_SECONDS:.0f} s of the processor or {SECONDS:.0f} s")
        )

    def close(self) -> int:
        """End the process; return its status."""
        if not self.process:
            return 0
        for end in (self.questions, self.answers):
            end.close()
        time.sleep(0.05)
        os.kill(self.process, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        self.process = 0
        return status

    def _start(self) -> None:
        (to_read, self_writes), (self_reads, to_write) = os.pipe(), os.pipe()
        sys.stdout.flush()
        self.process = os.fork()
        if self.process:
            os.close(to_read), os.close(to_write)
            self.questions, self.answers = os.fdopen(self_writes, "w"), os.fdopen(self_reads)
            return
        try:
            os.close(self_writes), os.close(self_reads)
            _be_bounded(self.scratch)
            answers.serve(os.fdopen(to_read), os.fdopen(to_write, "w"), self.prepared)
        finally:
            os._exit(0)

    def _cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def _last_words(self) -> str:
        return " ".join((self.scratch / "said").read_text(errors="replace").split())[-300:]


def _be_bounded(scratch: Path) -> None:
    """In the child: its output to a file, its memory and its cache its own."""
    said = os.open(scratch / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1), os.dup2(said, 2)
    os.environ["FER_KERAS_CACHE"] = str(scratch / "cache")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@dataclass(frozen=True)
class Question:
    """A damaged input: its kind and its number, which with the seed say what the damage is."""

    kind: str
    number: int

    def content(self, inputs: dict[str, Input], seed: int) -> bytes:
        """Return its bytes; number -1 is the whole input."""
        whole = inputs[self.kind]
        if self.number < 0:
            return whole.content
        rng = random.Random(f"{seed} {self.kind} {self.number}")
        return rng.choice(whole.damages)(rng, whole.content)

    @property
    def name(self) -> str:
        """What `--again` takes."""
        return f"{self.kind}:{self.number}"


def questions(kinds: list[str], until: float) -> Iterator[Question]:
    """All kinds in turn, until then; the whole ones first, or nothing would be tried."""
    number = -1
    while number < 0 or time.monotonic() < until:
        for kind in kinds:
            yield Question(kind, number)
        number += 1


def feed(
    asked: Iterator[Question], inputs: dict[str, Input], seed: int, workers: list[Answering],
    note: Callable[[Question, str, str, Path], None],
) -> None:  # fmt: skip
    """Ask all questions, and note what comes of each: its outcome, the sentence or trace, and its folder."""
    left = True
    while left or any(worker.question for worker in workers):
        for worker in workers:
            if worker.question:
                question, result = worker.question, worker.finished()
                if result:
                    note(question, *result, worker.folder)
            if worker.question:
                continue
            if left and (question := next(asked, None)):
                path = inputs[question.kind].lay(worker.folder, question.content(inputs, seed))
                worker.ask(question, question.kind, path)
            else:
                left = False
        waiting = [worker.answers for worker in workers if worker.question]
        select.select(waiting, [], [], 1.0)
    for worker in workers:
        worker.close()
        shutil.rmtree(worker.scratch, ignore_errors=True)
