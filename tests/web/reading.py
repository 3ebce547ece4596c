"""What the page shows of a photo, and what the package says of it."""

import re

import numpy as np
import pytest

import fer_keras
from fer_keras.faces.crop import crop_of
from fer_keras.faces.expressions import averaging, faces_of_crops
from fer_keras.faces.finder import FaceFinder

expect = pytest.importorskip("playwright.sync_api").expect

NEAR = 0.02


def shown(page):
    """What the page shows of each face: its title, and for each model the classes' shares."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".face")].map((face) => ({
            title: face.querySelector("h3").textContent,
            tables: [...face.querySelectorAll("table")].map((table) => Object.fromEntries(
                [...table.rows].map((row) => [row.cells[0].textContent, parseFloat(row.cells[2].textContent) / 100])))
        }))"""
    )


def read_photo(page, file):
    """Open a photo; return what the page shows of it."""
    page.evaluate("document.getElementById('message').textContent = ''")
    page.set_input_files("#file", file)
    expect(page.locator("#message")).to_have_text(re.compile(r"in this photo\.$"))
    return shown(page)


def package_answers(picture, model=fer_keras.DEFAULT_MODEL):
    """What `fer-keras photo` says of each face of a picture."""
    found = FaceFinder().find(picture)
    faces = faces_of_crops(picture, [crop_of(face) for face in found])
    return averaging(fer_keras.load(model, runtime="litert")).answers(faces)


def assert_same(face, answer, number=1):
    """Assert that what is shown of a face, by one model, is the package's answer."""
    assert face["title"] == f"Face {number}: {answer.label} {round(100 * answer.confidence)} %"
    (table,) = face["tables"]
    assert [*table] == [*answer.classes]
    np.testing.assert_allclose([*table.values()], answer.probabilities, atol=NEAR)
