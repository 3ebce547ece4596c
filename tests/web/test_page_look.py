"""The page can be read: contrast of its colours by WCAG 2.2, and nothing cut off on a narrow phone."""

import re
from pathlib import Path

import pytest
from portrait import PORTRAIT

expect = pytest.importorskip("playwright.sync_api").expect

STYLE = (Path(__file__).parents[2] / "web" / "src" / "style.css").read_text()
COLOURS = dict(re.findall(r"--([\w-]+): light-dark\((#\w+, #\w+)\)", STYLE))


def luminance(colour):
    """Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    values = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_itself():
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast_is_at_least_that_of_wcag_aa(scheme):
    colours = {name: pair.split(", ")[scheme] for name, pair in COLOURS.items()}
    texts = [(name, ground) for name in ("text", "quiet", "wrong") for ground in ("page", "panel")]
    shapes = [(f"c{number}", "panel") for number in range(8)] + [("edge", "panel"), ("accent", "panel")]
    for pairs, least in (([*texts, ("on-accent", "accent")], 4.5), (shapes, 3.0)):
        for name, ground in pairs:
            assert contrast(colours[name], colours[ground]) >= least, (name, ground)


CUT_OFF_SELECTS = """() => [...document.querySelectorAll("select")].filter((select) => {
    if (!select.getClientRects().length) return false;
    const whole = select.cloneNode(true);
    Object.assign(whole.style, { position: "absolute", maxWidth: "none" });
    document.body.append(whole);
    const isCut = select.offsetWidth < whole.offsetWidth - 1;
    whole.remove();
    return isCut;
}).map((select) => select.id)"""


@pytest.mark.parametrize("width", [320, 360, 1600])
def test_nothing_is_cut_off(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.set_input_files("#file", PORTRAIT)
    expect(page.get_by_role("status")).to_have_text("1 face in this photo.")
    page.locator("#compare").check()
    expect(page.locator(".face caption")).to_have_count(2)
    beyond = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((part) => part.getClientRects().length && part.getBoundingClientRect().right > innerWidth + 0.5)
            .map((part) => part.id || part.tagName)"""
    )
    assert beyond == [] and page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT_OFF_SELECTS) == []
    page.locator("#compare").uncheck()
