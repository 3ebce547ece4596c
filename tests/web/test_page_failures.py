"""What goes wrong gets a sentence on the page."""

import io
import wave

import pytest
from browsing import CHROMIUM, FLAGS, open_page
from drawn import png, scene, upload

from fer_keras import DEFAULT_MODEL, TINY_MODEL

expect = pytest.importorskip("playwright.sync_api").expect

NO_PICTURE = "“{}” is no picture or video that this browser can read."


def test_a_photo_without_a_face(page):
    page.set_input_files("#file", upload("grey.png", png(scene())))
    expect(page.get_by_role("status")).to_have_text("No face was found in this photo.")
    expect(page.locator("#no-faces")).to_be_visible()


@pytest.mark.parametrize(("name", "kind"), [("note.png", "image/png"), ("note.mp4", "video/mp4")])
def test_a_file_that_is_no_picture(page, name, kind):
    page.set_input_files("#file", upload(name, b"not a picture", kind))
    expect(page.get_by_role("alert")).to_have_text(NO_PICTURE.format(name))


def test_a_video_without_pictures(page):
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    page.set_input_files("#file", upload("talk.mp4", sound.getvalue(), "video/mp4"))
    expect(page.get_by_role("alert")).to_have_text("“talk.mp4” has sound but no picture.")


def test_pasted_text(page):
    page.evaluate(
        "document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: new DataTransfer(), bubbles: true }))"
    )
    expect(page.get_by_role("alert")).to_have_text("What was pasted holds no picture and no video.")


def test_no_camera(page):
    page.get_by_role("button", name="Start camera").click()
    expect(page.get_by_role("alert")).to_have_text(
        "No camera was found on this device; a photo or a video can still be opened."
    )
    expect(page.get_by_role("button", name="Start camera")).to_be_visible()


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        ("NotReadableError", "The camera does not answer; another program may be using it."),
        ("OverconstrainedError", "No such camera was found on this device."),
        ("UnheardOfError", "The camera cannot be started (why it failed)."),
    ],
)
def test_a_camera_that_fails(page, failure, sentence):
    page.evaluate(
        """(name) => {
            navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("why it failed", name));
        }""",
        failure,
    )
    page.get_by_role("button", name="Start camera").click()
    expect(page.get_by_role("alert")).to_have_text(sentence)
    expect(page.get_by_role("button", name="Start camera")).to_be_visible()


def test_a_page_to_which_the_browser_gives_no_camera(page):
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.get_by_role("button", name="Start camera").click()
    expect(page.get_by_role("alert")).to_have_text(
        "The browser gives no camera to this page: it must be opened by https:// or from localhost."
    )


def test_a_camera_that_may_not_be_used(playwright, address):
    flags = [*FLAGS, "--use-fake-device-for-media-stream", "--deny-permission-prompts"]
    with playwright.chromium.launch(executable_path=CHROMIUM, args=flags) as browser, browser.new_page() as page:
        open_page(page, address)
        page.get_by_role("button", name="Start camera").click()
        expect(page.get_by_role("alert")).to_have_text(
            "The camera may not be used: allow it for this page in the browser, then start it again."
        )


def test_a_browser_without_simd(context, address):
    page = context.new_page()
    page.add_init_script("WebAssembly.validate = () => false")
    open_page(page, address)
    expect(page.get_by_role("alert")).to_have_text(
        "This browser has no WebAssembly SIMD, which the page needs; a current one has it."
    )
    expect(page.get_by_role("button", name="Start camera")).to_be_disabled()


def test_a_model_that_does_not_load_leaves_the_one_before(context, address):
    page = context.new_page()
    page.route(f"**/{TINY_MODEL}_float32*", lambda route: route.abort())
    open_page(page, address)
    page.locator("#model").select_option("1")
    expect(page.get_by_role("alert")).to_have_text(
        f"The model {TINY_MODEL} (float32) does not load: models/{TINY_MODEL}_float32.tflite.4.zst cannot be reached."
    )
    expect(page.locator("#model")).to_have_value("0")


def test_a_model_that_is_no_model(context, address):
    page = context.new_page()
    page.route(f"**/{DEFAULT_MODEL}_int8*", lambda route: route.fulfill(body="nothing"))
    open_page(page, address)
    page.locator("#precision").select_option("int8")
    expect(page.get_by_role("alert")).to_contain_text(f"The model {DEFAULT_MODEL} (int8) does not load:")
    expect(page.locator("#precision")).to_have_value("float32")
