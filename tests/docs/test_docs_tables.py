"""The tables in README.md and docs/ are what the command makes of saved_models/."""

import json
import sys

import pandas as pd
import pytest
from command import ROOT

from fer_keras.cards.model_card import read_cards
from fer_keras.errors import FerKerasError
from fer_keras.jobs import page_tables
from fer_keras.jobs.docs_tables import main
from fer_keras.jobs.page_tables import TABLES, audit_table, pages, results_table, speed_table, votes_table, with_tables
from fer_keras.labels import FER2013, FERPLUS

SAVED = ROOT / "saved_models"
PAGES = pages(ROOT)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_those_of_the_files(page):
    text = page.read_text(encoding="utf-8")
    assert with_tables(text, SAVED) == text, "make docs-tables"


def test_every_table_is_on_a_page():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in TABLES if f"<!-- {name} -->" not in text] == []


def test_the_table_of_results_has_every_model():
    cards = read_cards(SAVED)
    names = [card["name"] for card in cards if tuple(card["classes"]) == FER2013.classes]
    assert {"reference-cnn", "reference-mobilenet", "teachers"} <= {*names}
    assert all(results_table(SAVED).count(f"| {name} |") == 1 for name in names)
    others = [card["name"] for card in cards if tuple(card["classes"]) == FERPLUS.classes]
    assert {"crowd-93k", "crowd-25k"} <= {*others} and not {*names} & {*others}
    assert all(votes_table(SAVED).count(f"| {name} |") == 1 for name in others)


def test_a_table_is_made_anew_and_what_is_around_it_stays(tmp_path, monkeypatch):
    monkeypatch.setitem(page_tables.TABLES, "speed", lambda saved: "| new |")
    page = "before\n\n<!-- speed -->\nold\n<!-- /speed -->\n\nafter\n"
    made = with_tables(page, tmp_path)
    assert made == "before\n\n<!-- speed -->\n\n| new |\n\n<!-- /speed -->\n\nafter\n"
    assert with_tables(made, tmp_path) == made


@pytest.mark.parametrize("marker", ["unheard", "speed"])
def test_a_marker_that_is_not_known_or_has_no_end_is_a_sentence(marker, tmp_path):
    text = f"<!-- {marker} -->\n" + ("<!-- /unheard -->\n" if marker == "unheard" else "")
    with pytest.raises(FerKerasError, match=r"page\.md: .*, expected"):
        with_tables(text, tmp_path, name="page.md")


def test_the_command_writes_the_pages_that_changed_only(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(page_tables.TABLES, "speed", lambda saved: "| new |")
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("nothing\n")
    (tmp_path / "docs" / "speed.md").write_text("<!-- speed -->\n<!-- /speed -->\n")
    monkeypatch.setattr(sys, "argv", ["docs_tables", "--root", str(tmp_path)])
    main()
    assert capsys.readouterr().out == f"tables: {tmp_path / 'docs' / 'speed.md'}\n"
    main()
    assert capsys.readouterr().out == ""
    assert "| new |" in (tmp_path / "docs" / "speed.md").read_text()


def test_ratios_have_two_digits():
    ratios = pd.DataFrame([{"ratio": "r", "fastest": 1.767, "median": 1.7, "lowest": 0.6, "highest": 5, "goal": None}])
    assert speed_table(ratios).splitlines()[-1] == "| r | 1.77 | 1.70 (0.60 to 5.00) |  |"


def test_the_audit_counts_copies_and_their_share():
    audit = json.loads((SAVED / "measurements" / "data_audit.json").read_text())
    assert audit_table(audit["splits"]).splitlines()[-1].endswith("| 280 (7.8%) |")
