"""However a command ends, it says so in a sentence and by a status."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command import ROOT
from processes import start, wait_for

from fer_keras import endings
from fer_keras.errors import FerKerasError

NO_ROOM = "No space left on device"


def from_cause(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (FerKerasError("a.csv line 3: no"), 2, "error: a.csv line 3: no\n"),
        (FerKerasError("m.tflite: no (first\nsecond)"), 2, "error: m.tflite: no (first second)\n"),
        (OSError(28, NO_ROOM, "a.csv"), 1, f"error: a.csv: {NO_ROOM}\n"),
        (OSError(28, NO_ROOM), 1, f"error: standard output: {NO_ROOM}\n"),
        (OSError("write failed (errno = 28, error message = 'No space left on device')"), 1, f"a file: {NO_ROOM}\n"),
        (OSError(28, NO_ROOM, "from.csv", None, "to.csv"), 1, f"error: to.csv: {NO_ROOM}\n"),
        (RuntimeError(f"cannot append /runs/a/events.v2; {NO_ROOM}"), 1, f"error: /runs/a/events.v2: {NO_ROOM}\n"),
        (from_cause(ValueError("Can't close"), OSError(27, "File too large")), 1, "error: a file: File too large\n"),
        (from_cause(FerKerasError("o.mp4: no"), OSError(28, NO_ROOM)), 1, "error: o.mp4: no\n"),
        (from_cause(FerKerasError("r: cannot lock"), OSError(13, "Permission denied")), 1, "error: r: cannot lock\n"),
        (from_cause(FerKerasError("a.zip: none"), FileNotFoundError(2, "No such file")), 2, "error: a.zip: none\n"),
        (MemoryError(), 1, "error: there is not enough memory for this\n"),
        (np._core._exceptions._ArrayMemoryError((10**9,), np.dtype("f4")), 1, "error: there is not enough memory"),
        (KeyboardInterrupt(), 130, "stopped; a run goes on"),
        (endings.Stopped(signal.SIGTERM), 143, "stopped; a run goes on"),
        (endings.Stopped(signal.SIGHUP), 129, "stopped; a run goes on"),
    ],
)
def test_what_ends_a_command_is_a_sentence_and_a_status(error, status, said, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        endings.run(main)
    found = capsys.readouterr().err
    assert (ended.value.code, found.count("\n")) == (status, 1) and said in found


def run_to_its_end(main):
    with pytest.raises(SystemExit) as ended:
        endings.run(main)
    return ended.value.code


def test_a_signal_that_gets_lost_is_raised_again(capsys):
    class Loses:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    def main():
        Loses()
        for _ in range(1000):
            time.sleep(0.01)

    assert run_to_its_end(main) == 143
    assert capsys.readouterr().err.startswith("stopped; ") and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_clears_up_behind_a_signal_has_its_time():
    cleared = []

    def main():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            time.sleep(0.7)
            cleared.append(True)

    assert run_to_its_end(main) == 143 and cleared == [True]


def test_another_error_that_a_signal_leads_to_is_not_reported(capsys):
    def main():
        try:
            signal.raise_signal(signal.SIGHUP)
        finally:
            raise OSError(5, "Input/output error")  # a terminal that is gone refuses what is said last

    assert run_to_its_end(main) == 129 and capsys.readouterr().err.startswith("stopped; ")


def test_a_mistake_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        endings.run(lambda: 1 // 0)


def test_output_that_nobody_reads_ends_it_without_a_word(monkeypatch, capsys):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed, pytest.raises(SystemExit) as ended:
        monkeypatch.setattr(sys, "stdout", closed)
        endings.run(lambda: print("face.png happy"))
    assert ended.value.code == 141 and capsys.readouterr().err == ""


@pytest.mark.parametrize("words", [["predict", "m", ""], ["distill", "--data", ""], [""]])
def test_an_empty_path_is_refused_by_every_command(words):
    done = subprocess.run([sys.executable, "-m", "fer_keras", *words], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (
        2,
        "error: an empty word on the command line, expected a path or a value\n",
    )


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.3, 1.0])
def test_a_signal_at_any_moment_is_a_sentence(name, seconds, tmp_path):
    number, begun = getattr(signal, name), tmp_path / "begun"
    program = (
        f"import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from fer_keras import __main__ as m; m.STOPS; open({str(begun)!r}, 'w').close(); "
        f"sys.argv = ['fer-keras', 'distill', '--runs', {str(tmp_path)!r}]; m.start()"
    )
    process = start("-c", program, cwd=tmp_path)
    wait_for(begun.exists, process)
    time.sleep(seconds + 0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err and err.splitlines()[-1].startswith("stopped; a run goes on"), err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_traceback_and_spoil_no_file(closed, tmp_path):
    script = f"{sys.executable} -m fer_keras audit_data drawn --json report.json {closed}"
    done = subprocess.run(["sh", "-c", f"cd {ROOT}; {script}"], capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_full_standard_output_is_a_sentence():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fer_keras", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
    assert (done.returncode, done.stderr) == (1, f"error: standard output: {NO_ROOM}\n")


@pytest.mark.parametrize("words", [["evaluate", b"m\xff.keras"], ["distill", "--data", b"\xff.zip"], [b"\xff"]])
def test_a_name_that_is_no_text_is_no_traceback(words, tmp_path):
    done = subprocess.run([sys.executable, "-m", "fer_keras", *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr


FILLS_THE_DISK = """
import sys
from dataclasses import replace
from pathlib import Path
import small_run
from fer_keras import __main__ as commands
config = replace(small_run.CONFIG, fit=replace(small_run.CONFIG.fit, epochs=1))
commands._main_of = lambda command: lambda: small_run.run(Path("run"), False, config)
commands.start("fills")
"""


def test_a_checkpoint_on_a_full_disk_is_a_sentence_and_no_crash(tmp_path):
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 200; exec "$0" -c "$1"', sys.executable, FILLS_THE_DISK],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'training'}"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr[-2000:]
    assert done.stderr.splitlines()[-1] == "error: run/checkpoint/epoch-00001: File too large"
    assert not [*tmp_path.rglob(".partial-*")] and not [*tmp_path.rglob("checkpoint/*")]
