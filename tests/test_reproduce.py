"""Every published number has a command, and every command is one that its script takes."""

import shlex
import sys
from pathlib import Path

import pytest
from command import ROOT, run

from fer_keras import cli
from fer_keras.errors import FerKerasError
from fer_keras.reproduce import duration, plan, run_steps, words_of
from fer_keras.reproduce_steps import STEPS, Step


class ParsedError(Exception):
    """Raised where a script has parsed its command line."""


def start(name, words, monkeypatch):
    """Run a script as a command, up to where it would start TensorFlow or other processes, or read data."""

    def stop(*_, **__):
        raise ParsedError

    monkeypatch.setattr(cli, "set_up", stop)
    monkeypatch.setattr(cli, "set_up_accelerator", stop)
    monkeypatch.setattr("fer_keras.data.load_faces", stop)
    monkeypatch.setattr("tuner.workers.supervise", stop)
    return run(name, *words)


@pytest.mark.parametrize("command", [command for step in STEPS for command in step.commands])
def test_scripts_take_the_commands(command, monkeypatch):
    python, path, *words = shlex.split(command)
    folder, name = path.split("/")
    assert (python, folder) == ("python", "scripts")
    with pytest.raises(ParsedError):
        start(name, words, monkeypatch)


def test_a_command_that_a_script_does_not_take_would_be_noticed(monkeypatch):
    ended = start("ship.py", ["runs/x", "x", "--command", "y", "--quarter"], monkeypatch)
    assert ended.status == 2 and "unrecognized arguments: --quarter" in ended.err


def test_every_shipped_model_has_a_step():
    made = {word for step in STEPS for command in step.commands for word in shlex.split(command)}
    for card in ROOT.glob("saved_models/*/card.json"):
        assert card.parent.name in made, f"no command makes {card.parent.name}"


def test_what_a_step_needs_comes_before_it():
    names = [step.name for step in STEPS]
    assert len(set(names)) == len(names)
    for number, step in enumerate(STEPS):
        assert set(step.needs) <= set(names[:number])
        # A saved model that a command takes is made by what the step needs.
        used = {Path(w).parts[1] for c in step.commands for w in shlex.split(c) if w.startswith("saved_models/")}
        used -= {"measurements", step.name}
        made = {w for s in plan(step.needs) for c in s.commands for w in shlex.split(c)}
        assert used <= made, f"{step.name} takes {used - made}, which nothing before it makes"


def step(name, *needs, code="", minutes=1):
    return Step(name, (f'python -c "{code}"',), minutes, needs)


def test_a_plan_holds_what_is_needed_and_nothing_else():
    steps = [step("a"), step("b", "a"), step("c"), step("d", "b")]
    assert [s.name for s in plan(["d"], steps)] == ["a", "b", "d"]
    assert [s.name for s in plan(["c", "a"], steps)] == ["a", "c"]
    with pytest.raises(FerKerasError, match="nothing published is called 'e', expected some of a, b, c, d"):
        plan(["e"], steps)


def test_steps_run_in_order_with_the_data_and_stop_where_one_fails(tmp_path, capfd):
    write = "import sys; open(sys.argv[1] + '/log', 'a').write({!r})"
    steps = [
        Step("a", (f'python -c "{write.format("1")}" {{data}}', f'python -c "{write.format("2")}" {{data}}'), 90),
        step("b", code="import sys; sys.exit(3)", minutes=30),
        Step("c", (f'python -c "{write.format("3")}" {{data}}',), 1),
    ]
    with pytest.raises(FerKerasError, match="b: a command ended with status 3"):
        run_steps(steps, str(tmp_path), tmp_path / "done")
    assert (tmp_path / "log").read_text() == "12"
    said = capfd.readouterr().out
    assert "1/3 a; for all that is left about 2.0 h" in said and "2/3 b; for all that is left about 31 min" in said


def test_what_was_done_is_not_done_again_unless_its_commands_or_what_it_needs_have_changed(tmp_path, capfd):
    def steps(first="1", data="{data}"):
        write = f"import sys; open(sys.argv[1] + '/log', 'a').write('{first}')"
        again = "import sys; open(sys.argv[1] + '/log', 'a').write('2')"
        return [Step("a", (f'python -c "{write}" {data}',), 1), Step("b", (f'python -c "{again}" {data}',), 1, ("a",))]

    done = tmp_path / "done"
    for expected in ("12", "12"):
        run_steps(steps(), str(tmp_path), done)
        assert (tmp_path / "log").read_text() == expected
    assert "2/2 b was done before; to do it again delete" in capfd.readouterr().out
    next(done.glob("b-*")).unlink()
    run_steps(steps(), str(tmp_path), done)
    assert (tmp_path / "log").read_text() == "122"
    run_steps(steps("3"), str(tmp_path), done)
    assert (tmp_path / "log").read_text() == "12232", "b needs a, which is another now"


def test_commands_run_with_this_python_and_this_file():
    words = words_of(
        "python scripts/ship.py runs/a b --data {data} --command 'python x --data fer2013.zip'", "my file.zip"
    )
    assert words[:2] == [sys.executable, "scripts/ship.py"]
    assert words[4:] == ["--data", "my file.zip", "--command", "python x --data fer2013.zip"]


def test_durations_are_for_people():
    assert [duration(m) for m in (0.2, 42, 89, 330)] == ["1 min", "42 min", "89 min", "5.5 h"]
