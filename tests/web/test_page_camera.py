"""The page and a camera: a drawn video that Chromium plays as one."""

import io

import numpy as np
import pytest
from acting import rows_of, saved
from browsing import CHROMIUM, FAKE_CAMERA, FLAGS, watched
from drawn import drawn_face, scene, write_y4m
from PIL import Image

import fer_keras
from fer_keras import DEFAULT_MODEL, TINY_MODEL
from fer_keras.faces.expressions import expressions
from fer_keras.faces.finder import FaceFinder

expect = pytest.importorskip("playwright.sync_api").expect

FRAMES = 20


def frame(number):
    """Happy on the left, surprise on the right; both move a little."""
    return scene((drawn_face("happy", 1), (30 + number, 120)), (drawn_face("surprise", 0, 200), (400 - number, 60)))


@pytest.fixture(scope="module")
def page(playwright, address, tmp_path_factory):
    there = [frame(number) for number in range(FRAMES)]
    video = write_y4m(tmp_path_factory.mktemp("camera") / "drawn.y4m", [*there, *there[::-1]])
    flags = [*FLAGS, *FAKE_CAMERA, f"--use-file-for-fake-video-capture={video}"]
    with (
        playwright.chromium.launch(executable_path=CHROMIUM, args=flags) as browser,
        browser.new_context(service_workers="block", permissions=["camera"]) as context,
        watched(context, address) as opened,
    ):
        yield opened


@pytest.fixture(autouse=True)
def running(page):
    page.get_by_role("button", name="Start camera").click()
    expect(page.locator(".face h3")).to_have_count(2)
    yield
    page.get_by_role("button", name="Stop camera").click()


def wait_for_frames(page, number):
    wanted = page.evaluate("window.seen = document.getElementById('speed').textContent")
    for _ in range(number):
        expect(page.locator("#speed")).not_to_have_text(wanted)
        wanted = page.locator("#speed").text_content()


def test_faces_are_found_followed_and_labelled_as_the_package_does(page):
    wait_for_frames(page, 3)
    picture = frame(FRAMES // 2)
    finder = FaceFinder(("short",), tiles=False)
    labels = [answer.label for answer in expressions(picture, finder, fer_keras.load(), "frame")]
    assert labels == ["happy", "surprise"]
    for number, label in enumerate(labels, 1):
        expect(page.locator(".face h3").nth(number - 1)).to_contain_text(f"Face {number}: {label}")
    expect(page.locator("#live")).to_contain_text("Face 1: happy")


def test_the_rows_of_the_csv(page):
    wait_for_frames(page, 5)
    rows = rows_of(page)
    classes = fer_keras.load().classes
    box = ["x", "y", "width", "height"]
    assert [*rows[0]] == ["frame", "seconds", "face", *box, "model", "label", "confidence", *classes]
    assert {row["face"] for row in rows} == {"1", "2"}
    frames = sorted({int(row["frame"]) for row in rows})
    assert frames == [*range(len(frames))] and len(frames) >= 5
    for face, label in (("1", "happy"), ("2", "surprise")):
        own = [row for row in rows if row["face"] == face]
        assert (np.diff([float(row["seconds"]) for row in own]) > 0).all()
        shares = np.array([[float(row[name]) for name in classes] for row in own])
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-4)
        assert {row["label"] for row in own} == {label}
        assert {classes[best] for best in shares.argmax(axis=1)} == {label}
        assert all(0 < float(row["confidence"]) <= 1 and int(row["width"]) > 100 for row in own)


def brightness_by_column(page):
    picture = Image.open(io.BytesIO(saved(page, "Save picture as PNG"))).convert("L")
    assert picture.size == (640, 480)
    return np.asarray(picture, float)[100:380].mean(axis=0)


def test_a_still_is_the_picture_with_boxes_mirrored_or_not(page):
    expected = np.asarray(frame(FRAMES // 2).convert("L"), float)[100:380].mean(axis=0)
    mirrored = brightness_by_column(page)
    page.get_by_label("Mirror").uncheck()
    plain = brightness_by_column(page)
    page.get_by_label("Mirror").check()
    for columns, same, other in ((plain, expected, expected[::-1]), (mirrored, expected[::-1], expected)):
        assert np.corrcoef(columns, same)[0, 1] > 0.5 > np.corrcoef(columns, other)[0, 1]  # about 0.9 and 0.2


def test_two_models_at_once_and_other_numbers(page):
    page.locator("#second-model").evaluate("(select) => { select.value = '1'; }")
    page.get_by_label("Compare with another").check()
    first = page.locator(".face").first.locator("caption")
    expect(first).to_have_text([f"{DEFAULT_MODEL} float32", f"{TINY_MODEL} float32"])
    page.locator("#precision").select_option("int8")
    expect(first).to_have_text([f"{DEFAULT_MODEL} int8", f"{TINY_MODEL} float32"])
    expect(page.locator(".face h3").first).to_contain_text("/")
    wait_for_frames(page, 2)
    assert {row["model"] for row in rows_of(page)} >= {f"{DEFAULT_MODEL} int8", f"{TINY_MODEL} float32"}
    page.locator("#precision").select_option("float32")
    page.get_by_label("Compare with another").uncheck()
    expect(first).to_have_text([f"{DEFAULT_MODEL} float32"])


def test_the_timeline_says_what_it_shows(page):
    wait_for_frames(page, 3)
    page.locator("#followed").select_option("2")
    expect(page.get_by_role("img", name="Face 2 in the last minute: surprise")).to_be_visible()
    assert page.locator("#legend li").all_text_contents() == [*fer_keras.load().classes]
    drawn = page.evaluate(
        """() => { const c = document.getElementById("timeline");
        return new Set(new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer)).size; }"""
    )
    assert drawn > 7  # axes and a colour for each class


def test_stopping_lets_the_camera_go_and_keeps_what_was_seen_for_other_models_too(page):
    page.get_by_role("button", name="Stop camera").click()
    assert page.evaluate("document.getElementById('video').srcObject") is None
    expect(page.locator(".face h3")).to_have_count(2)
    assert len(rows_of(page)) >= 2
    page.locator("#precision").select_option("int8")
    expect(page.locator(".face caption")).to_have_text([f"{DEFAULT_MODEL} int8"] * 2)
    page.locator("#precision").select_option("float32")
    expect(page.locator(".face caption")).to_have_text([f"{DEFAULT_MODEL} float32"] * 2)
    page.get_by_role("button", name="Start camera").click()
