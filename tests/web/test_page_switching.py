"""Cameras that are started twice, stopped while they start, changed or pulled out."""

import pytest
from acting import WATCHED_CAMERA, drop, wait_until
from browsing import watched
from drawn import png, scene, upload

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(scope="module")
def page(camera_browser, address):
    with camera_browser.new_context(service_workers="block", permissions=["camera"]) as context:
        context.add_init_script(WATCHED_CAMERA)
        with watched(context, address) as opened:
            yield opened


@pytest.fixture(autouse=True)
def stopped(page):
    page.evaluate("() => { asked.length = streams.length = 0; permission = Promise.resolve(); }")
    yield
    assert set(page.evaluate("states()")) <= {"ended"}
    expect(page.locator("#camera")).to_have_text("Start camera")


def start(page):
    page.locator("#camera").click()
    expect(page.locator("#speed")).to_contain_text("frames a second")


def wait_for_cameras(page, wanted):
    """Wait until the cameras that were given, in order, are `live` or `ended`."""
    wait_until(page, lambda: page.evaluate("states()") == wanted, f"cameras that are {wanted}")


def stop(page):
    page.get_by_role("button", name="Stop camera").click()


def test_the_back_camera_is_asked_for_the_front_one_let_go_and_only_that_is_mirrored(page):
    start(page)
    page.get_by_role("combobox", name="Camera", exact=True).select_option("environment")
    wait_for_cameras(page, ["ended", "live"])
    assert page.evaluate("asked") == ["user", "environment"]
    expect(page.get_by_label("Mirror")).not_to_be_checked()
    expect(page.locator("#speed")).to_contain_text("frames a second")
    page.get_by_role("combobox", name="Camera", exact=True).select_option("user")
    wait_for_cameras(page, ["ended", "ended", "live"])
    expect(page.get_by_label("Mirror")).to_be_checked()
    stop(page)


def test_a_camera_stopped_before_it_was_permitted_is_let_go_once_it_is(page):
    page.evaluate("() => { permission = new Promise((resolve) => { window.permit = resolve; }); }")
    page.get_by_role("button", name="Start camera").click()
    expect(page.get_by_role("status")).to_have_text("Starting the camera…")
    stop(page)
    page.evaluate("permit()")
    wait_for_cameras(page, ["ended"])
    assert page.evaluate("document.getElementById('video').srcObject") is None
    expect(page.locator("#error")).to_be_empty()


def test_a_double_click_starts_and_stops(page):
    page.locator("#camera").dblclick()
    wait_for_cameras(page, ["ended"])
    expect(page.locator("#error")).to_be_empty()


def test_a_camera_that_goes_away(page):
    start(page)
    wait_for_cameras(page, ["live"])
    page.evaluate(
        "() => { const [track] = streams[0].getTracks(); track.stop(); track.dispatchEvent(new Event('ended')); }"
    )
    expect(page.get_by_role("alert")).to_have_text("The camera has gone away.")


def test_a_photo_dropped_while_the_camera_runs(page):
    start(page)
    drop(page, upload("grey.png", png(scene())))
    expect(page.get_by_role("status")).to_have_text("No face was found in this photo.")
    wait_for_cameras(page, ["ended"])
    page.wait_for_timeout(100)
    expect(page.get_by_role("status")).to_have_text("No face was found in this photo.")


def test_a_window_that_was_away_for_a_while_goes_on(page):
    start(page)
    client = page.context.new_cdp_session(page)
    client.send("Page.setWebLifecycleState", {"state": "frozen"})
    client.send("Page.setWebLifecycleState", {"state": "active"})
    before = page.locator("#speed").text_content()
    expect(page.locator("#speed")).not_to_have_text(before)
    stop(page)
