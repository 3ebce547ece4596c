"""Recipes go to JSON and back, strictly; what dataclasses say of their fields reaches --help."""

import argparse
import json
from dataclasses import replace

import pytest

from fer_keras import cli
from fer_keras.config import (
    DataConfig,
    FitConfig,
    StudentConfig,
    TeacherConfig,
    ViewConfig,
    descriptions,
    from_dict,
    ranges,
    to_dict,
)
from fer_keras.errors import FerKerasError

DATA = DataConfig("a.zip", "f" * 64, classes=("smile", "frown"))
STUDENT = StudentConfig(
    DATA,
    ("t1", "t2"),
    options={"widths": (4, 8), "residual": True},
    temperature=4.0,
    views=ViewConfig(flip=False),
    fit=FitConfig(epochs=3, optimizer="sgd", precision="auto"),
)


@pytest.mark.parametrize("config", [DATA, ViewConfig(zoom=0.0), FitConfig(), TeacherConfig(DATA), STUDENT])
def test_what_goes_to_json_comes_back_equal(config):
    assert from_dict(type(config), json.loads(json.dumps(to_dict(config))), "x.json") == config


def changed(path, value):
    values = json.loads(json.dumps(to_dict(STUDENT)))
    *parents, last = path.split(".")
    inner = values
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return values


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("fit.epoch", 3, r"x\.json: unknown key 'fit\.epoch', expected some of epochs,"),
        ("loss_name", "kl", r"unknown key 'loss_name'"),
        ("fit.epochs", "3", r"x\.json: fit\.epochs '3': expected a whole number"),
        ("fit.epochs", 3.5, r"fit\.epochs 3\.5: expected a whole number"),
        ("fit.epochs", True, r"fit\.epochs True: expected a whole number"),
        ("fit.epochs", 0, r"x\.json: fit\.epochs 0: expected a number from 1 to 99999"),
        ("fit.learning_rate", float("nan"), r"fit\.learning_rate nan: expected a number"),
        ("fit.precision", "float8", r"fit\.precision 'float8': expected one of auto, float32"),
        ("views.flip", 1, r"views\.flip 1: expected true or false"),
        ("views", [1], r"views: expected an object, found \[1\]"),
        ("temperature", None, r"temperature None: expected a number"),
        ("teachers", "t1", r"teachers 't1': expected a list"),
        ("teachers", [1], r"teachers\[0\] 1: expected a text"),
        ("options", [], r"options \[\]: expected an object"),
        ("data.classes", [], r"x\.json: data\.classes ''"),
    ],
)
def test_what_is_no_recipe_is_one_sentence_with_the_key(path, value, message):
    with pytest.raises(FerKerasError, match=message):
        from_dict(StudentConfig, changed(path, value), "x.json")


def test_what_has_no_default_must_be_there():
    values = to_dict(STUDENT)
    del values["data"]["fingerprint"]
    with pytest.raises(FerKerasError, match=r"x\.json: data\.fingerprint is missing"):
        from_dict(StudentConfig, values, "x.json")
    with pytest.raises(FerKerasError, match=r"x\.json: the recipe: expected an object, found 'abc'"):
        from_dict(StudentConfig, "abc", "x.json")


@pytest.mark.parametrize("kind", [DataConfig, ViewConfig, FitConfig, TeacherConfig, StudentConfig])
def test_every_field_is_described(kind):
    assert descriptions(kind).keys() == kind.__dataclass_fields__.keys()


def test_help_says_what_an_option_does_its_range_and_its_default():
    parser = argparse.ArgumentParser()
    cli.add_options(parser, STUDENT, "student")
    said = " ".join(parser.format_help().split())
    assert "--temperature TEMPERATURE T, that both softmaxes are softened by. (0.001 to 1000; default 4.0)" in said
    assert "--flip, --no-flip mirror half of the views left to right. (default False)" in said
    assert "--epochs EPOCHS passes over the training images. (1 to 99999; default 3)" in said
    assert "--fingerprint" not in said and "--teachers" not in said
    options = {word for word in said.split() if word.startswith("--")}
    for name in (*ranges(STUDENT), *ranges(STUDENT.fit), *ranges(STUDENT.views)):
        assert f"--{name.replace('_', '-')}" in options


def test_options_reach_the_dataclasses_within():
    parser = argparse.ArgumentParser()
    cli.add_options(parser, STUDENT, "student")
    args = parser.parse_args(["--zoom", "0.5", "--epochs", "9", "--alpha", "1", "--optimizer", "adamw"])
    views, fit = replace(STUDENT.views, zoom=0.5), replace(STUDENT.fit, epochs=9, optimizer="adamw")
    assert cli.options_of(args, STUDENT) == replace(STUDENT, alpha=1.0, views=views, fit=fit)


@pytest.mark.parametrize("value", [[], {}, [1], {"a": 1}, None])
def test_a_choice_that_is_no_text_is_one_sentence(value):
    with pytest.raises(FerKerasError, match=r"x\.json: fit\.precision .*: expected one of auto"):
        from_dict(StudentConfig, changed("fit.precision", value), "x.json")


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 1e400, 10**400])
def test_numbers_that_no_float_holds_are_one_sentence(value):
    with pytest.raises(FerKerasError, match=r"x\.json: fit\.learning_rate"):
        from_dict(StudentConfig, changed("fit.learning_rate", value), "x.json")
