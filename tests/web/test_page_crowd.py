"""Models of two label sets on one page: the seven that pictures are labelled with, the eight that people vote for."""

import json
import re

import numpy as np
import pytest
from acting import held, rows_of
from command import ROOT
from drawn import drawn_face, png, scene, upload
from reading import assert_same, package_answers, read_photo, shown

from fer_keras import DEFAULT_MODEL, TINY_MODEL
from fer_keras.labels import FER2013, FERPLUS

expect = pytest.importorskip("playwright.sync_api").expect

PICTURE = scene((drawn_face("happy", 1), (40, 120)), (drawn_face("surprise", 0), (360, 90)))
PHOTO = upload("two.png", png(PICTURE))
VOTED_MODEL, SMALLER_VOTED_MODEL = "crowd-93k", "crowd-25k"


@pytest.fixture(autouse=True)
def first_model_alone(page):
    yield
    page.locator("#compare").uncheck()
    page.locator("#model").select_option("0")
    expect(page.locator("#tested")).to_contain_text("labels")


def test_the_list_says_what_each_model_answers(page):
    groups = page.evaluate(
        """() => [...document.querySelectorAll("#model optgroup")].map((group) =>
            [group.label, ...[...group.children].map((option) => option.text)])"""
    )
    assert groups == [
        [
            "7 expressions, as the pictures are labelled (FER2013)",
            f"{DEFAULT_MODEL} (default)",
            f"{TINY_MODEL} (tiny)",
        ],
        [
            "8 expressions, as most of ten people see them (FER+)",
            VOTED_MODEL,
            f"{SMALLER_VOTED_MODEL} (tiny)",
        ],
    ]


def test_eight_classes_as_the_package_answers_them(page):
    page.locator("#model").select_option("2")
    faces = read_photo(page, PHOTO)
    answers = package_answers(PICTURE, VOTED_MODEL)
    for number, (face, answer) in enumerate(zip(faces, answers, strict=True), 1):
        assert answer.classes == FERPLUS.classes
        assert_same(face, answer, number)
    expect(page.locator("#tested")).to_have_text("those on which most of ten people agree")
    card = json.loads((ROOT / "saved_models" / VOTED_MODEL / "card.json").read_text())
    wrong = 1 - card["scores"]["splits"]["public_test"]["all"]["accuracy"]
    expect(page.locator("#wrong")).to_have_text(f"{round(100 * wrong)} %")


COLOURS = """() => [...document.querySelectorAll(".face:first-child table")].map((table) => Object.fromEntries(
    [...table.rows].map((row) =>
        [row.cells[0].textContent, getComputedStyle(row.querySelector("div")).backgroundColor])))"""


def test_two_label_sets_at_once_have_one_colour_an_expression_and_a_column_a_class(page):
    page.locator("#compare").check()
    expect(page.locator("#second-model")).to_have_value("2")
    faces = read_photo(page, PHOTO)
    answers = package_answers(PICTURE)
    for number, (face, answer) in enumerate(zip(faces, answers, strict=True), 1):
        first, second = face["tables"]
        assert_same({"title": face["title"].split(" / ")[0], "tables": [first]}, answer, number)
        assert [*second] == [*FERPLUS.classes]
        assert re.fullmatch(rf"Face \d: .* / ({'|'.join(FERPLUS.classes)}) \d+ %", face["title"])
    labelled, voted = page.evaluate(COLOURS)
    assert len({*labelled.values()}) == 7 and len({*voted.values()}) == 8
    for name, colour in voted.items():
        number = FER2013.number(name)
        assert colour == labelled[FER2013.classes[number]] if number is not None else colour not in labelled.values()
    rows = rows_of(page)
    own = {f"{DEFAULT_MODEL} float32": FER2013.classes, f"{VOTED_MODEL} float32": FERPLUS.classes}
    assert {*rows[0]} >= {*FER2013.classes, *FERPLUS.classes} and len(rows) == 4
    for row in rows:
        for name in {*FER2013.classes, *FERPLUS.classes}:
            assert (row[name] != "") == (name in own[row["model"]])
        shares = [float(row[name]) for name in own[row["model"]]]
        assert sum(shares) == pytest.approx(1, abs=1e-4)
        assert own[row["model"]][int(np.argmax(shares))] == row["label"]


def test_the_same_model_twice_is_one(page):
    page.locator("#compare").check()
    page.locator("#second-model").select_option("0")
    read_photo(page, PHOTO)
    assert [len(face["tables"]) for face in shown(page)] == [1, 1]
    page.locator("#second-model").select_option("2")


def test_of_two_models_the_last_minute_shows_the_one_that_is_chosen(page, video):
    page.locator("#compare").check()
    page.set_input_files("#file", video)
    expect(page.get_by_role("status")).to_have_text("The video has ended.")
    legend = page.locator("#legend li")
    expect(legend).to_have_text([*FER2013.classes])
    page.get_by_role("combobox", name="Answers of").select_option(f"{VOTED_MODEL} float32")
    expect(legend).to_have_text([*FERPLUS.classes])
    said = page.get_by_role("img", name=re.compile("Face 1 in the last minute")).get_attribute("aria-label")
    labels = {words.split()[0] for words in said.partition(": ")[2].split(", ")}
    assert labels and labels <= {*FERPLUS.classes}


def test_the_later_of_two_choices_counts_whichever_is_fetched_first(page):
    read_photo(page, PHOTO)
    with held(page, f"**/{TINY_MODEL}_int8*") as let_go:
        page.locator("#precision").select_option("int8")
        page.locator("#model").select_option("1")
        page.locator("#model").select_option("2")
        expect(page.locator(".face caption").first).to_have_text(f"{VOTED_MODEL} int8")
        let_go()
    page.wait_for_timeout(100)
    assert {*page.locator(".face caption").all_text_contents()} == {f"{VOTED_MODEL} int8"}
    page.locator("#precision").select_option("float32")


def test_models_that_are_not_there_are_not_offered(builder, tmp_path):
    (tmp_path / "models").mkdir()
    assert builder.add_models(tmp_path, ROOT / "saved_models", {"not there": "tiny"}) == []
    assert [*builder.MODELS][:2] == [DEFAULT_MODEL, TINY_MODEL]


def test_numbers_are_packed_by_their_bytes_and_come_back(page, builder, tmp_path):
    values = np.random.default_rng(0).normal(size=1001).astype(np.float32).tobytes() + b"\1\2"
    packed = builder.packed(values, width=4)
    assert len(packed) < len(builder.packed(values))
    page.route("**/some.4.zst", lambda route: route.fulfill(body=packed))
    unpacked = page.evaluate("async () => [...await (await import(part('js/fetching.js'))).fetchFile('some.4.zst')]")
    assert bytes(unpacked) == values + bytes(2)
