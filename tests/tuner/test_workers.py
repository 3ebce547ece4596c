"""Processes that are started again, and that do not outlive their supervisor; none of them needs TensorFlow."""

import os
import subprocess
import sys
import time

import pytest
from command import ROOT, command

from fer_keras.errors import FerKerasError
from tuner import workers

CHILD = """
import os, sys, time
sys.path.insert(0, {root!r})
from tuner.workers import exit_with_supervisor
exit_with_supervisor()
print("up", flush=True)
time.sleep(60)
"""


def supervise(code, count=1):
    return workers.supervise([sys.executable, "-c", code], count)


def roles(chief, worker):
    """Code that does the one as chief and the other as worker."""
    return f"import os, sys, time\nif os.environ['KERASTUNER_TUNER_ID'] == 'chief':\n {chief}\nelse:\n {worker}"


def test_a_process_does_not_outlive_its_supervisor():
    environment = {**os.environ, workers.SUPERVISED: "somebody"}
    command = [sys.executable, "-c", CHILD.format(root=str(ROOT))]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "up\n"
        child.stdin.close()  # as the system does when a supervisor is killed
        assert child.wait(10) == 1


def test_a_process_that_nobody_supervises_stays(monkeypatch):
    monkeypatch.delenv(workers.SUPERVISED, raising=False)
    command = [sys.executable, "-c", CHILD.format(root=str(ROOT))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "up\n"
        child.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.5)
        child.kill()


@pytest.mark.parametrize(
    ("chief", "worker", "status"),
    [
        ("time.sleep(0.2)", "time.sleep(0.1)", 0),
        ("sys.exit(2)", "time.sleep(60)", 2),
        ("time.sleep(60)", "sys.exit(2)", 2),
    ],
)
def test_the_end_of_the_chief_and_bad_input_of_anybody_end_it(chief, worker, status):
    start = time.monotonic()
    assert supervise(roles(chief, worker)) == status
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(("chief", "worker", "dead"), [
    ("sys.exit(1)", "time.sleep(60)", "chief"), ("time.sleep(60)", "sys.exit(1)", "worker-1"),
])  # fmt: skip
def test_who_dies_again_and_again_ends_it_with_a_sentence(chief, worker, dead, capsys):
    with pytest.raises(FerKerasError, match=f"{dead} died 4 times within minutes; see what it said above"):
        supervise(roles(chief, worker))
    assert capsys.readouterr().out.count(f"{dead} ended with status 1; starting it again") == 3


def test_each_has_its_role_and_its_share_of_the_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 8)
    monkeypatch.setenv("TOLD", str(tmp_path))
    names = [workers.SUPERVISED, workers.IP, workers.PORT, "TF_NUM_INTRAOP_THREADS"]
    tell = (  # all wait for each other, since the chief's end is everybody's
        "import os, pathlib, time\n"
        "folder, name = pathlib.Path(os.environ['TOLD']), os.environ['KERASTUNER_TUNER_ID']\n"
        f"folder.joinpath(name).write_text(' '.join(os.environ[key].replace(' ', '_') for key in {names}))\n"
        "while sum(file.stat().st_size > 0 for file in folder.iterdir()) < 3: time.sleep(0.01)"
    )
    assert supervise(tell, 2) == 0
    variables = {path.name: path.read_text().split() for path in tmp_path.iterdir()}
    assert (
        sorted(variables) == ["chief", "worker-1", "worker-2"]
        and len({tuple(words) for words in variables.values()}) == 1
    )
    supervisor, ip, port, threads = variables["chief"]
    assert supervisor.startswith(f"{os.getpid()}_") and ip == "127.0.0.1" and int(port) > 0 and threads == "4"


def test_the_script_starts_itself_for_each_of_its_workers(monkeypatch):
    started = []
    search = command("search")
    monkeypatch.setattr(search, "supervise", lambda command, count: started.append((command, count)) or 7)
    words = ["scripts/search.py", "--teacher", "t", "--workers", "3"]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-W", "ignore", *words])
    assert search.main() == 7
    assert started == [([sys.executable, "-W", "ignore", *words], 3)]


def test_sigterm_ends_the_supervisor_and_its_processes_in_order(tmp_path):
    """As a cluster takes a machine back: each process gets the signal and clears up, none outlives its supervisor."""
    code = (
        "import os, pathlib, signal, sys, time\n"
        "def stop(*_): pathlib.Path(sys.argv[1], str(time.time_ns())).touch(); sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, stop); os.write(1, b'up\\n'); time.sleep(60)"
    )
    supervisor = (
        f"import signal, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "def stop(*_): raise KeyboardInterrupt\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "from tuner import workers\n"
        f"workers.supervise([sys.executable, '-c', {code!r}, {str(tmp_path)!r}], 2)"
    )
    words = [sys.executable, "-c", supervisor]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert [process.stdout.readline() for _ in range(3)] == 3 * ["up\n"]
        process.terminate()
        assert process.wait(30) != 0
    assert len([*tmp_path.iterdir()]) == 3
