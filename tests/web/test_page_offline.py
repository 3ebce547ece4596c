"""The page alone: no network once loaded, no other host, small, and usable with a keyboard."""

import gzip
import re
import shutil

import pytest
from acting import choose_by_key, wait_until
from browsing import open_page, parts_of, serving
from portrait import PORTRAIT

from fer_keras import DEFAULT_MODEL, TINY_MODEL

expect = pytest.importorskip("playwright.sync_api").expect

MOST_BYTES = 4_000_000
MOST_STUDENT_BYTES = 400_000


def test_all_of_it_is_small(dist):
    sizes = {file: len(gzip.compress(file.read_bytes(), 9)) for file in dist.rglob("*") if file.is_file()}
    assert sum(sizes.values()) <= MOST_BYTES
    students = [size for file, size in sizes.items() if "_float32.tflite" in file.name or "_int8.tflite" in file.name]
    assert len(students) >= 4 and max(students) <= MOST_STUDENT_BYTES


def test_it_works_in_a_subfolder_and_without_its_server_once_loaded(browser, dist, tmp_path):
    shutil.copytree(dist, tmp_path / "some" / "folder")
    with browser.new_context() as context:
        page = context.new_page()
        with serving(tmp_path) as address:
            open_page(page, f"{address}some/folder/")
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.reload()  # nobody answers any more
        page.wait_for_selector("body[data-ready]")
        page.set_input_files("#file", PORTRAIT)
        expect(page.get_by_role("status")).to_have_text("1 face in this photo.")
        page.locator("#model").select_option("1")  # not fetched before
        expect(page.locator(".face caption")).to_have_text(f"{TINY_MODEL} float32")


def replace_build(folder, title):
    """Put another build, with another title, in the place of the one that a host holds; return its name."""
    old = parts_of(folder).name
    new = old[1:] + old[0]
    index, worker = folder / "index.html", folder / "sw.js"
    text, times = re.subn("<h1>.*</h1>", f"<h1>{title}</h1>", index.read_text())
    assert times == 1 and text.count(old) == 2
    index.write_text(text.replace(old, new))
    worker.write_text(worker.read_text().replace(old, new))
    (folder / old).rename(folder / new)
    return new


def builds_kept(page):
    return [name.split()[-1] for name in page.evaluate("caches.keys()")]


def wait_for_build(page, name):
    """Wait until the next reload shows a build."""
    settled = """async () => {
        const { installing, waiting, active } = await navigator.serviceWorker.getRegistration();
        return !installing && !waiting && active.state === "activated";
    }"""
    wait_until(page, lambda: name in builds_kept(page) and page.evaluate(settled), f"the build {name}")


def test_a_new_build_is_shown_by_the_next_reload_and_does_not_mix_with_what_other_windows_show(browser, dist, tmp_path):
    folder = shutil.copytree(dist, tmp_path / "dist")
    first = parts_of(folder).name
    with browser.new_context() as context, serving(folder) as address:
        page, other = context.new_page(), context.new_page()
        for window in (page, other):
            open_page(window, address)
            window.evaluate("navigator.serviceWorker.ready.then(() => true)")
        second = replace_build(folder, "The second")
        page.reload()
        wait_for_build(page, second)
        page.reload()
        expect(page.locator("h1")).to_have_text("The second")
        other.set_input_files("#file", PORTRAIT)
        other.locator("#model").select_option("1")  # not fetched before, and of this build no longer there
        expect(other.locator(".face caption")).to_have_text(f"{TINY_MODEL} float32")
        assert builds_kept(page) == [first, second]
        third = replace_build(folder, "The third")
        page.reload()
        wait_for_build(page, third)
        assert builds_kept(page) == [second, third]


def test_other_hosts_are_out_of_reach(context, address):
    page = context.new_page()
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    open_page(page, address)
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy.startswith("default-src 'self'") and "http" not in policy and "unsafe-inline" not in policy
    assert page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 'refused')") == "refused"
    assert asked and all(url.startswith((address, "blob:")) for url in asked)


def press_until(page, selector, key="Tab"):
    for _ in range(40):
        if page.evaluate("(selector) => document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{selector} cannot be reached with {key}")


def test_a_keyboard_does_everything(camera_browser, address):
    with camera_browser.new_context(service_workers="block", permissions=["camera"]) as context:
        page = context.new_page()
        open_page(page, address)
        for control in page.locator("button:visible, select:visible, input:visible").all():
            press_until(page, f"#{control.get_attribute('id')}")
        press_until(page, "#open")
        choose_by_key(page, PORTRAIT)
        expect(page.get_by_role("status")).to_have_text("1 face in this photo.")
        press_until(page, "#precision")
        page.keyboard.press("ArrowDown")
        expect(page.locator(".face caption")).to_have_text(f"{DEFAULT_MODEL} int8")
        press_until(page, "#compare")
        page.keyboard.press("Space")
        expect(page.locator(".face caption")).to_have_count(2)
        for button, name in (("#csv", ".csv"), ("#still", ".png")):
            press_until(page, button)
            with page.expect_download() as download:
                page.keyboard.press("Enter")
            assert download.value.suggested_filename.endswith(name)
        press_until(page, "#camera", "Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#camera")).to_have_text("Stop camera")
        page.keyboard.press("Space")
        expect(page.locator("#camera")).to_have_text("Start camera")


def test_every_control_has_a_name_and_answers_are_heard(page):
    names = [page.get_by_role("button", name=name) for name in ("Start camera", "Open photo or video…")]
    names += [page.get_by_role("combobox", name=name, exact=True) for name in ("Camera", "Model", "Numbers")]
    names += [page.get_by_role("checkbox", name=name) for name in ("Mirror", "Compare with another")]
    for control in names:
        expect(control).to_be_visible()
    page.set_input_files("#file", PORTRAIT)
    expect(page.locator("#live")).to_contain_text("Face 1: neutral")
    expect(page.get_by_role("img", name="Face 1: neutral")).to_be_visible()
