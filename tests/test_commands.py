"""`fer-keras NAME`, `python -m fer_keras NAME` and `scripts/NAME.py` are the same command."""

import argparse
import configparser
import inspect
import runpy
import subprocess
import sys

import pytest
from command import ROOT, command

from fer_keras import __main__ as commands
from fer_keras import cli

SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))


def run(*words):
    """Run `fer-keras WORDS` and return its status."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["fer-keras", *words])
        commands.start()
    return ended.value.code


def test_every_script_is_a_command():
    assert sorted(commands.COMMANDS) == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_the_command_of_its_name(name, monkeypatch):
    module, started = command(name), []
    monkeypatch.setattr(commands, "start", started.append)
    script = runpy.run_path(str(ROOT / "scripts" / f"{name}.py"), run_name="__main__")
    assert started == [name]
    assert isinstance(module.parser(), argparse.ArgumentParser) and not inspect.signature(module.main).parameters
    title, pasteable, *_ = script["__doc__"].split("\n\n")
    assert title == commands.first_line(name) and pasteable.split("\n")[0] in module.__doc__
    assert pasteable.split()[:2] == ["python", f"scripts/{name}.py"]


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_without_a_name_all_are_listed(words, capsys):
    assert run(*words) == 0
    usage, _, *lines = capsys.readouterr().out.splitlines()
    assert usage.startswith("usage: fer-keras COMMAND") and len(lines) == len(SCRIPTS)
    assert ["train-teacher", "Train the members of a teacher ensemble on labels."] in [
        line.split(maxsplit=1) for line in lines
    ]


def test_an_unknown_name_is_one_sentence(capsys):
    assert run("destil") == 2
    assert capsys.readouterr().err.startswith("error: unknown command 'destil', expected one of distill, predict")


@pytest.mark.parametrize("name", ["train-teacher", "train_teacher"])
def test_hyphens_and_underscores_name_the_same(name, capsys):
    assert run(name, "--help") == 0
    assert capsys.readouterr().out.startswith("usage: fer-keras train-teacher [-h]")


@pytest.mark.parametrize("name", ["distill", "export", "frontier", "docs-tables"])
def test_help_starts_no_tensorflow(name):
    look = "print(sorted({'tensorflow', 'keras', 'jax', 'pandas'} & set(sys.modules)), file=sys.stderr)"
    start = f"import atexit, sys; atexit.register(lambda: {look}); from fer_keras.__main__ import start; start()"
    done = subprocess.run([sys.executable, "-c", start, name, "--help"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "[]\n") and done.stdout.startswith(f"usage: fer-keras {name} [-h]")


def test_the_package_is_a_command():
    done = subprocess.run([sys.executable, "-m", "fer_keras", "pick", "--nothing"], capture_output=True, cwd=ROOT)
    assert done.returncode == 2 and b"fer-keras pick: error: unrecognized arguments: --nothing" in done.stderr
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["options.entry_points"]["console_scripts"].split() == ["fer-keras", "=", "fer_keras.__main__:start"]


@pytest.mark.parametrize(
    ("argv", "pasted"),
    [
        (["scripts/distill.py", "--data", "my faces.zip"], "python scripts/distill.py --data 'my faces.zip'"),
        (["fer-keras distill", "--resume"], "fer-keras distill --resume"),
    ],
)
def test_the_command_line_can_be_pasted(argv, pasted, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv)
    assert cli.command_line() == pasted
