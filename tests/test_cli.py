"""Options come from the fields of configurations; a user's mistake is one sentence."""

import argparse
import json
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


def test_an_option_that_came_later_changes_no_hash_from_before_it():
    config = StudentConfig(NO_DATA, ("a",))
    assert config_hash(config) == "802e13bd4c20"  # as before `init_from`
    assert config_hash(replace(config, init_from="b")) != config_hash(config)


def test_configurations_go_to_json_and_tell_their_differences():
    config = StudentConfig(DataConfig("x", "y"), ("t",))
    changed = replace(config, fit=replace(config.fit, epochs=9), alpha=1.0)
    through_json = json.loads(json.dumps(to_dict(config)))
    assert differences(through_json, to_dict(config)) == []
    assert differences(through_json, to_dict(changed)) == ["alpha: 0.9, now 1.0", "fit.epochs: 70, now 9"]


def test_the_environment_names_versions():
    import keras

    assert environment()["keras"] == keras.__version__
    assert set(environment()) == {"python", "tensorflow", "keras", "numpy", "commit"}


def test_require_names_the_option():
    with pytest.raises(FerKerasError, match=r"alpha 2: expected a number from 0 to 1"):
        require("alpha", 2, 0, 1)
