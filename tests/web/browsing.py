"""The page served and opened in Debian's Chromium without a window."""

import contextlib
import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--mute-audio"]
FAKE_CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
PATIENCE = 60_000
"""Milliseconds: a machine may have other work."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serving(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def open_page(page, address):
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    page.evaluate(PART)


PART = """() => {
    const parts = new URL("..", document.querySelector("script[type=module]").src);
    window.part = (name) => new URL(name, parts).href;
}"""
"""Tells a page that is open where a file of its build lies."""


def parts_of(dist):
    """The folder of a build in which all but index.html lies."""
    return next(dist.glob("*/constants.json")).parent


def _with_patience(route):
    """Let faces keep their ids while a busy machine reads no frame for seconds."""
    constants = route.fetch().json()
    constants["faces"]["following"]["patience"] = PATIENCE / 1000
    route.fulfill(json=constants)


@contextlib.contextmanager
def watched(context, address):
    """Open the page and wait until it is ready; assert at the end that it kept quiet and to itself."""
    context.route("**/constants.json", _with_patience)
    page, errors, hosts = context.new_page(), [], set()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    context.on("request", lambda request: hosts.add(request.url.split("/")[2] if "://" in request.url else ""))
    open_page(page, address)
    yield page
    assert not errors, errors
    assert hosts <= {address.split("/")[2], ""}  # blob: and data: have no host
