"""A chief and workers on this machine, each a process of its own, and one that restarts those that die.

KerasTuner's worker ids matter: a worker that comes back under its old id goes on with its old trial.
"""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from fer_keras.errors import FerKerasError

IP, PORT, NAME = "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT", "KERASTUNER_TUNER_ID"
CHIEF = "chief"
SUPERVISED = "FER_KERAS_SUPERVISED"
"""Holds which supervisor started a process."""

_BAD_INPUT = 2
_DEATHS = 3
_SHORT_LIFE_SECONDS = 120.0
_POLL_SECONDS = 0.3
_GOODBYE_SECONDS = 30.0


def has_role() -> bool:
    """Return whether KerasTuner's environment variables make this process a chief or a worker.

    Raises:
        FerKerasError: there are some of them only.
    """
    names = [name for name in (IP, PORT, NAME) if os.environ.get(name)]
    for name in (IP, PORT, NAME):
        if names and name not in names:
            raise FerKerasError(f"{name}: not set, expected a value, for {names[0]} has one")
    return bool(names)


def chief_address() -> str:
    """Return the chief's address and port, as KerasTuner's environment variables say."""
    return f"{os.environ[IP]}:{os.environ[PORT]}"


def reviver() -> str:
    """Return who starts this process again when it dies: a supervisor, a cluster (nothing is known of it), or a person.

    A person did the killing, or has read why it died: with every start by one the answer is another.
    """
    return os.environ.get(SUPERVISED) or ("" if os.environ.get(IP) else f"{os.getpid()} {time.time_ns()}")


def exit_with_supervisor() -> None:
    """In a process that `supervise` started: end when the supervisor does, however it does."""
    if os.environ.get(SUPERVISED):

        def wait() -> None:
            os.read(0, 1)  # returns when the supervisor's end of the pipe closes; sys.stdin would hold a lock at exit
            os._exit(1)

        threading.Thread(target=wait, daemon=True).start()


@dataclass
class _Member:
    """A process that is started again under its own id."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    process: subprocess.Popen | None = None
    deaths: list[float] = field(default_factory=list)

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.PIPE)

    def revive(self) -> None:
        now = time.monotonic()
        self.deaths = [then for then in self.deaths if now - then < _DEATHS * _SHORT_LIFE_SECONDS] + [now]
        if len(self.deaths) > _DEATHS:
            raise FerKerasError(f"{self.name} died {len(self.deaths)} times within minutes; see what it said above")
        print(f"{self.name} ended with status {self.process.returncode}; starting it again", flush=True)
        self.start()


def supervise(command: Sequence[str], workers: int) -> int:
    """Run a chief and `workers` workers until the chief has nothing left to give out.

    Args:
        command: that each of them runs; they differ by KerasTuner's environment variables.
        workers: how many, at least 1.

    Returns:
        The chief's exit status, or a worker's if that was told something wrong.

    Raises:
        FerKerasError: a process dies again and again.
    """
    shared = _environment(workers)
    names = [CHIEF, *[f"worker-{number}" for number in range(1, workers + 1)]]
    members = [_Member(name, command, {**shared, NAME: name}) for name in names]
    chief = members[0]
    try:
        for member in members:
            member.start()
        while (status := chief.process.poll()) not in (0, _BAD_INPUT):
            for member in members:
                ended = member.process.poll()
                if ended == _BAD_INPUT and member is not chief:
                    return ended
                if ended is not None and (ended or member is chief):
                    member.revive()
            time.sleep(_POLL_SECONDS)
        deadline = time.monotonic() + (_GOODBYE_SECONDS if status == 0 else 0)
        while time.monotonic() < deadline and any(member.process.poll() is None for member in members):
            time.sleep(_POLL_SECONDS)
        return status
    finally:
        _end([member.process for member in members if member.process])


def _end(processes: Sequence[subprocess.Popen]) -> None:
    """End what still runs: by SIGTERM, all at once, so that each leaves its trial in order, then by force."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(_GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _environment(workers: int) -> dict[str, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    return {
        "TF_NUM_INTRAOP_THREADS": threads,  # or every worker would start a thread for every core
        "TF_NUM_INTEROP_THREADS": threads,
        **os.environ,
        SUPERVISED: f"{os.getpid()} {time.time_ns()}",
        IP: "127.0.0.1",
        PORT: str(port),
        "no_grpc_proxy": "127.0.0.1",
    }
