"""The page, built and served, in Debian's Chromium without a window."""

import contextlib
import functools
import importlib.util
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--mute-audio"]
FAKE_CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]

MISSING = [
    name
    for name, here in {
        "Chromium (Debian: apt-get install chromium)": CHROMIUM,
        "the package playwright (pip install '.[page]')": importlib.util.find_spec("playwright"),
        "web/node_modules (npm ci --prefix web)": (WEB / "node_modules").is_dir(),
    }.items()
    if not here
]


def pytest_collection_modifyitems(items):
    if MISSING:
        skip = pytest.mark.skip(reason=f"the page is tested in a browser; missing: {', '.join(MISSING)}")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("build_page", WEB / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("page") / "dist"
    module.build(folder)
    return folder


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


@pytest.fixture(scope="session")
def address(dist):
    with serving(dist) as url:
        yield url


@pytest.fixture(scope="session")
def playwright():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright):
    with playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as started:
        yield started


@pytest.fixture
def page(browser, address):
    """The page, ready, in a fresh profile; at the end: no console error, no request to another host."""
    with browser.new_context(service_workers="block") as context, watched(context, address) as opened:
        yield opened


@contextlib.contextmanager
def watched(context, address):
    """Open the page and wait until it is ready; assert at the end that it kept quiet and to itself."""
    page, errors, hosts = context.new_page(), [], set()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    context.on("request", lambda request: hosts.add(request.url.split("/")[2] if "://" in request.url else ""))
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    yield page
    assert not errors
    assert hosts <= {address.split("/")[2], ""}  # blob: and data: have no host
