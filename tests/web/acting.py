"""What people do with the page: choose, drop, paste and save files, give it a camera or not; and a slow network."""

import base64
import contextlib
import csv
import io

from browsing import PATIENCE

_FILES = """([name, files]) => {
    const carried = new DataTransfer();
    for (const { name, mimeType, buffer } of files) {
        const bytes = Uint8Array.from(atob(buffer), (letter) => letter.charCodeAt(0));
        carried.items.add(new File([bytes], name, { type: mimeType }));
    }
    const event = name === "paste"
        ? new ClipboardEvent(name, { clipboardData: carried, bubbles: true })
        : new DragEvent(name, { dataTransfer: carried, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
}"""


def choose_by_key(page, file, key="Enter"):
    """Press a key on a button that opens the browser's dialog of files; choose one.

    Playwright asks the browser to hand it the dialog, and does not wait for an answer. Where the page is busy the key
    overtakes that, and a real dialog opens that nobody sees: so the page is asked something in between, for the browser
    answers such questions in order.
    """
    with page.expect_file_chooser() as chooser:
        page.evaluate("0")
        page.keyboard.press(key)
    chooser.value.set_files(file)


def drop(page, *files):
    """Drop files such as `drawn.upload` gives."""
    page.evaluate(_FILES, ["drop", _sent(files)])


def paste(page, *files):
    """Paste files such as `drawn.upload` gives."""
    page.evaluate(_FILES, ["paste", _sent(files)])


def _sent(files):
    return [{**file, "buffer": base64.b64encode(file["buffer"]).decode()} for file in files]


def wait_until(page, is_so, what):
    """Wait for what no selector can say; the page's policy lets Playwright's own `wait_for_function` not run there."""
    for _ in range(PATIENCE // 50):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"waited in vain for {what}")


@contextlib.contextmanager
def held(page, pattern):
    """Let a request that matches a pattern wait; yields what waits for it, lets it go and waits for its answer."""
    routes = []

    def let_go():
        wait_until(page, lambda: routes, f"a request of {pattern}")
        with page.expect_event("requestfinished", lambda request: request == routes[0].request):
            routes[0].continue_()

    page.route(pattern, lambda route: routes.append(route))
    yield let_go
    page.unroute(pattern)


def saved(page, button):
    """What a button downloads."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.path().read_bytes()


def rows_of(page):
    """The rows of the CSV."""
    return [*csv.DictReader(io.StringIO(saved(page, "Download CSV").decode()))]


WATCHED_CAMERA = """
window.asked = [];
window.streams = [];
window.permission = Promise.resolve();
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
    asked.push(wanted.video.facingMode);
    await permission;
    streams.push(await real(wanted));
    return streams.at(-1);
};
window.states = () => streams.map((stream) => stream.getVideoTracks()[0].readyState);
"""
"""Run before the page: notes which cameras it asks for and whether they run; `permission` may let it wait."""
