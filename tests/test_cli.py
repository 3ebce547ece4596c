"""Options come from the fields of configurations; a user's mistake is one sentence."""

import argparse
import json
import os
import sys
from dataclasses import replace

import pytest

from fer_keras import cli
from fer_keras.config import (
    NO_DATA,
    DataConfig,
    FitConfig,
    StudentConfig,
    ViewConfig,
    config_hash,
    differences,
    environment,
    require,
    to_dict,
)
from fer_keras.errors import FerKerasError


def parse(*words):
    parser = argparse.ArgumentParser()
    cli.add_options(parser, FitConfig(), "fit")
    cli.add_options(parser, FitConfig(), "teacher", prefix="teacher-")
    cli.add_options(parser, ViewConfig(), "views")
    return parser.parse_args(words)


def test_options_not_given_leave_the_configuration_as_it_is():
    config = FitConfig(epochs=7, learning_rate=0.5)
    assert cli.options_of(parse(), config) == config


def test_options_given_take_precedence():
    args = parse("--epochs", "3", "--teacher-epochs", "9", "--teacher-precision", "mixed_bfloat16", "--no-flip")
    assert cli.options_of(args, FitConfig()) == FitConfig(epochs=3)
    assert cli.options_of(args, FitConfig(), "teacher-") == FitConfig(epochs=9, precision="mixed_bfloat16")
    assert cli.options_of(args, ViewConfig()) == ViewConfig(flip=False)


def test_a_word_that_is_no_choice_is_refused():
    with pytest.raises(SystemExit):
        parse("--precision", "float8")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (FerKerasError("a.csv line 3: no"), 2, "error: a.csv line 3: no\n"),
        (OSError(28, "No space left on device", "a.csv"), 1, "error: a.csv: No space left on device\n"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_a_mistake_is_one_sentence_and_a_status(error, status, said, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        cli.run(main)
    assert ended.value.code == status
    assert capsys.readouterr().err.startswith(said)


def test_output_that_nobody_reads_ends_it_without_a_word(monkeypatch, capsys):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed, pytest.raises(SystemExit) as ended:
        monkeypatch.setattr(sys, "stdout", closed)
        cli.run(lambda: print("face.png happy"))
    assert ended.value.code == 141 and capsys.readouterr().err == ""


def test_an_option_that_came_later_changes_no_hash_from_before_it():
    config = StudentConfig(NO_DATA, ("a",))
    assert config_hash(config) == "802e13bd4c20"  # as before `init_from`
    assert config_hash(replace(config, init_from="b")) != config_hash(config)


def test_configurations_go_to_json_and_tell_their_differences():
    one = StudentConfig(DataConfig("x", "y"), ("t",))
    other = replace(one, fit=replace(one.fit, epochs=9), alpha=1.0)
    through_json = json.loads(json.dumps(to_dict(one)))
    assert differences(through_json, to_dict(one)) == []
    assert differences(through_json, to_dict(other)) == ["alpha: 0.9, now 1.0", "fit.epochs: 70, now 9"]


def test_the_environment_names_versions():
    import keras

    assert environment()["keras"] == keras.__version__
    assert set(environment()) == {"python", "tensorflow", "keras", "numpy", "commit"}


def test_require_names_the_option():
    with pytest.raises(FerKerasError, match=r"alpha 2: expected a number from 0 to 1"):
        require("alpha", 2, 0, 1)
