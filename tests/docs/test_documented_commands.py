"""Every command that a page or a card shows is one that its parser takes."""

import re
import shlex

import pytest
from command import ROOT, command

from fer_keras.__main__ import COMMANDS
from fer_keras.files import read_json
from fer_keras.jobs.page_tables import pages

PAGES = [*pages(ROOT), ROOT / "CONTRIBUTING.md"]
_BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_OURS = re.compile(r"(?:python3? (?:-W \w+ )?scripts/(\w+)\.py|(?:python3? -m fer_keras|fer-keras) ([\w-]+))(?!\S)(.*)")
_SHELL = re.compile(r"\s(?:[|>&;#]|\d>).*")


def commands_in(text):
    """The name and the words of each of our commands in a text; what the shell does with them is cut off."""
    for line in text.replace("\\\n", " ").splitlines():
        if found := _OURS.search(line):
            script, name, words = found.groups()
            yield (script or name).replace("-", "_"), shlex.split(_SHELL.sub("", words))


def assert_taken(name, words):
    assert name in COMMANDS
    if not {"...", "--help"} & {*words}:
        command(name).parser().parse_args(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_are_taken(page):
    text = page.read_text(encoding="utf-8")
    for span in [*_BLOCK.findall(text), *_INLINE.findall(_BLOCK.sub("", text))]:
        for name, words in commands_in(span):
            if words:  # without any, it is only named
                assert_taken(name, words)


def test_commands_in_cards_and_in_help_are_taken():
    texts = [command(name).__doc__ for name in COMMANDS]
    for path in (ROOT / "saved_models").glob("*/card.json"):
        card = read_json(path)
        texts += [card["reproduce"], card["evaluate"]]
    found = [pair for text in texts for pair in commands_in(text)]
    assert {name for name, _ in found} == {*COMMANDS}, "each shows itself at work"
    for name, words in found:
        assert_taken(name, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_has_the_targets_that_a_page_names(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.search(r"^\.PHONY: (.*)", makefile, re.MULTILINE)[1].split()}
    assert {*re.findall(r"[`\n]make ([a-z-]+)", page.read_text(encoding="utf-8"))} <= targets
