"""Make docs/page.png again, the picture of the page: `make page-picture`, about 30 s."""

from pathlib import Path

from browsing import CHROMIUM, FLAGS, PATIENCE, open_page, serving
from drawn import drawn_face, png, scene, upload
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[2]
SIZE = {"width": 1180, "height": 760}


def take(browser, address, path):
    """Open two drawn faces, with two models; write what is seen first."""
    picture = scene((drawn_face("happy", 1), (40, 120)), (drawn_face("surprise", 0), (360, 90)))
    with browser.new_context(service_workers="block", viewport=SIZE, color_scheme="light") as context:
        page = context.new_page()
        open_page(page, address)
        page.locator("#compare").check()
        page.set_input_files("#file", upload("drawn.png", png(picture)))
        expect(page.get_by_role("status")).to_have_text("2 faces in this photo.")
        expect(page.locator(".face caption")).to_have_count(4)
        # How long it took here is nobody's measure.
        page.locator("#speed").evaluate("(line) => { line.textContent = ''; }")
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=path)


if __name__ == "__main__":
    expect.set_options(timeout=PATIENCE)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser,
        serving(ROOT / "web" / "dist") as address,
    ):
        take(browser, address, ROOT / "docs" / "page.png")
