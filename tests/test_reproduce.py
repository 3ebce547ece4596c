"""Every published number has a command, and every command is one that its script takes."""

import itertools
import json
import shlex
import sys
from dataclasses import replace

import pytest
from command import ROOT, run

from fer_keras import cli
from fer_keras.errors import FerKerasError
from fer_keras.reproduce import duration, plan, run_steps, total, words_of
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


def words_in(steps):
    return [shlex.split(command)[1:] for step in steps for command in step.commands]


def value_of(flag, words, default=None):
    return words[words.index(flag) + 1] if flag in words else default


def test_every_shipped_model_has_a_command_that_ships_it():
    shipped = {words[{"scripts/ship.py": 2, "scripts/ship_ensemble.py": 1}[words[0]]]
               for words in words_in(STEPS) if words[0] in ("scripts/ship.py", "scripts/ship_ensemble.py")}  # fmt: skip
    assert shipped == {card.parent.name for card in ROOT.glob("saved_models/*/card.json")}
    for step in STEPS:
        ships = {words[2] for words in words_in([step]) if words[0] == "scripts/ship.py"}
        assert ships <= {step.name} or ships == set(step.models), "a step knows what it ships"


def test_a_step_needs_all_the_models_that_it_names():
    for step in STEPS:
        for words in words_in([step]):
            saved = {word.split("/")[1] for word in words if word.startswith("saved_models/")}
            cards = {name for name in saved if (ROOT / "saved_models" / name / "card.json").exists()}
            before = plan([step.name])
            assert cards <= {name for one in before for name in (one.name, *one.models)}, f"{step.name} names {cards}"


def test_the_command_on_a_card_is_the_one_that_ships_it():
    for words in words_in(STEPS):
        if words[0] == "scripts/ship.py":
            card = json.loads((ROOT / "saved_models" / words[2] / "card.json").read_text())
            assert card["reproduce"] == value_of("--command", words)
            name = card["reproduce"].split()[-1]
            assert words in words_in(step for step in STEPS if step.name == name), "what it names ships it"


def runs_of(words):
    """The folders below runs/ that a command leaves."""
    name = value_of("--name", words, value_of("--model", words))
    if words[0] == "scripts/accelerate.py":
        start = words.index("--seeds") + 1
        return {f"{name}-{seed}" for seed in itertools.takewhile(str.isdigit, words[start:])}
    trains = ("scripts/distill.py", "scripts/train_teacher.py", "scripts/ablate.py")
    return {name} if words[0] in trains else set()


@pytest.mark.parametrize("shipped", [None, ROOT / "saved_models"])
@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_what_a_step_needs_comes_before_it(name, shipped):
    """From a clone as it is, and with everything made anew."""
    steps = plan([name], shipped=shipped)
    assert steps[-1].name == name and steps == [step for step in STEPS if step in steps], "in the order of all"
    models = {card.parent.name for card in ROOT.glob("saved_models/*/card.json")} if shipped else set()
    models.add("measurements")
    runs = {"exports", "reproduced"}
    for words in words_in(steps):
        if words[0] == "scripts/ship.py":
            models.add(words[2])
        elif words[0] == "scripts/ship_ensemble.py":
            assert models >= {*words[2 : words.index("--mirrored")]}
            models.add(words[1])
        elif words[0] == "scripts/search.py":
            models.add(value_of("--name", words))
        runs |= runs_of(words)
        for word in words:
            folder, _, rest = word.partition("/")
            made = {"saved_models": models, "runs": runs}.get(folder)
            assert not (made and rest) or rest.split("/")[0] in made, f"{word}: nothing before it makes it"


def test_a_command_without_its_run_would_be_noticed():
    assert runs_of(shlex.split("scripts/accelerate.py --model m --seeds 3 4 --teacher 5")) == {"m-3", "m-4"}
    assert runs_of(shlex.split("scripts/distill.py --model m --name n")) == {"n"}
    assert runs_of(shlex.split("scripts/ship.py runs/n m")) == set()


def test_names_are_used_once():
    assert len({step.name for step in STEPS}) == len(STEPS)


def step(name, *needs, code="", minutes=1):
    return Step(name, (f'python -c "{code}"',), minutes, needs)


def test_a_plan_holds_what_is_needed_and_nothing_else():
    steps = [step("a"), step("b", "a"), step("c"), step("d", "b")]
    assert [s.name for s in plan(["d"], steps)] == ["a", "b", "d"]
    assert [s.name for s in plan(["c", "a"], steps)] == ["a", "c"]
    with pytest.raises(FerKerasError, match="nothing published is called 'e', expected some of a, b, c, d"):
        plan(["e"], steps)


def test_what_is_shipped_and_not_asked_for_is_taken_as_it_is(tmp_path):
    steps = [step("a"), step("b", "a"), step("c", "b"), step("d", "c", "a")]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "card.json").touch()
    assert [s.name for s in plan(["c"], steps, shipped=tmp_path)] == ["c"]
    assert [s.name for s in plan(["d"], steps, shipped=tmp_path)] == ["a", "c", "d"]
    assert [s.name for s in plan(["b"], steps, shipped=tmp_path)] == ["a", "b"], "what is asked for is made"


def test_each_model_that_a_step_ships_counts(tmp_path):
    two = Step("two", ("python -c 1",), 1, models=("two", "two-second"))
    steps = [two, step("c", "two", "two-second")]
    for name in two.models:
        (tmp_path / name).mkdir()
    shown = json.loads((ROOT / "saved_models/separable-25k/card.json").read_text())
    (tmp_path / "two" / "card.json").write_text(json.dumps(shown))
    assert [s.name for s in plan(["c"], steps, shipped=tmp_path)] == ["two", "c"], "the second is not there"
    assert [s.name for s in plan(["two-second"], steps)] == ["two"]
    notes = []
    for fingerprint in "ab":
        (tmp_path / "two-second" / "card.json").write_text(json.dumps({**shown, "fingerprint": fingerprint}))
        assert plan(["c"], steps, shipped=tmp_path) == steps[1:]
        run_steps(steps[1:], "data", tmp_path / "done", shipped=tmp_path)
        notes.append(len([*(tmp_path / "done").iterdir()]))
    assert notes == [1, 2], "done again with another second seed"


def test_what_goes_on_only_with_the_teacher_that_it_had_is_not_given_another(tmp_path):
    log = f"open({str(tmp_path / 'log')!r}, 'a').write"
    taught = Step("taught", (f"python -c \"{log}('t')\"",), 1, ("teacher",), goes_on_with=("teacher",))
    steps = [step("teacher", code=f"{log}('T')"), taught]
    shipped, done = tmp_path / "saved", tmp_path / "done"
    (shipped / "taught").mkdir(parents=True)
    with pytest.raises(FerKerasError, match="saved/taught: goes on only with the teacher that is there"):
        run_steps(steps, "data", done, shipped=shipped)
    assert not (tmp_path / "log").exists()
    run_steps(steps[1:], "data", done, shipped=shipped)
    (shipped / "taught").rename(tmp_path / "away")
    run_steps(steps, "data", done, shipped=shipped)
    (shipped / "taught").mkdir()
    run_steps(steps, "data", done, shipped=shipped)  # all of it is done
    assert (tmp_path / "log").read_text() == "tTt"


def test_the_time_of_a_gpu_is_told_apart():
    steps = [step("a", minutes=90), replace(step("b", minutes=600), gpu_minutes=12), step("c", minutes=30)]
    assert total(steps) == "2.0 h, and 12 min on a GPU" and total(steps[::2]) == "2.0 h"


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
