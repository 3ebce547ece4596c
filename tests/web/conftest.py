"""The page, built once; skipped in one line where what it needs is missing."""

import importlib.util
from pathlib import Path

import pytest
from browsing import CHROMIUM, FAKE_CAMERA, FLAGS, PATIENCE, serving, watched
from drawn import FRAMES, RATE, drawn_face, scene
from filelock import FileLock

WEB = Path(__file__).parents[2] / "web"
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
def builder():
    """web/build.py."""
    spec = importlib.util.spec_from_file_location("build_page", WEB / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def dist(builder):
    folder = WEB / "dist"
    with FileLock(WEB / "node_modules" / ".page.lock"):  # of two test processes one builds
        if not builder.is_current(folder):
            builder.build(folder)
    return folder


@pytest.fixture(scope="session")
def moving():
    """The pictures of `video`: a surprised face that moves to the right; any two of them show it as the same."""
    return [scene((drawn_face("surprise", 0), (40 + 2 * number, 120))) for number in range(FRAMES)]


@pytest.fixture(scope="session")
def video(moving, tmp_path_factory):
    """A WebM file of `RATE` frames a second."""
    import av

    path = tmp_path_factory.mktemp("video") / "moving.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 640, 480, "yuv420p", 4_000_000
        for picture in moving:
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def address(dist):
    with serving(dist) as url:
        yield url


@pytest.fixture(scope="session")
def playwright():
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright):
    with playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as started:
        yield started


@pytest.fixture(scope="session")
def camera_browser(playwright):
    """With a camera that shows Chromium's own moving test picture."""
    with playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *FAKE_CAMERA]) as started:
        yield started


@pytest.fixture(scope="module")
def page(browser, address):
    """The page, ready, in a fresh profile; at the end: no console error, no request to another host."""
    with browser.new_context(service_workers="block") as context, watched(context, address) as opened:
        yield opened


@pytest.fixture
def context(browser):
    """A fresh profile, for pages that are to fail."""
    with browser.new_context(service_workers="block") as opened:
        yield opened
