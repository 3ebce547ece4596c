"""Files that are dropped or pasted, of every kind; what none of it is gets a sentence."""

import pytest
from acting import drop, held, paste
from browsing import open_page
from drawn import drawn_face, png, scene, upload
from drawn_video import write_video
from PIL import Image
from portrait import PORTRAIT
from reading import shown

expect = pytest.importorskip("playwright.sync_api").expect

ONE = upload("one.png", png(scene((drawn_face("happy", 1), (200, 120)))))
NONE = upload("none.png", png(scene()))
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)


@pytest.mark.parametrize("bring", [drop, paste])
def test_a_photo_brought_in(page, bring):
    bring(page, NONE)
    expect(page.get_by_role("status")).to_have_text("No face was found in this photo.")
    bring(page, ONE)
    expect(page.get_by_role("status")).to_have_text("1 face in this photo.")
    (face,) = shown(page)
    assert face["title"].startswith("Face 1: happy")


def test_of_several_files_the_first(page):
    drop(page, ONE, NONE)
    expect(page.get_by_role("status")).to_have_text("1 face in this photo.")
    expect(page.get_by_role("alert")).to_have_text("Only one of the 2 files is shown: “one.png”.")


@pytest.mark.parametrize(("bring", "verb"), [(drop, "dropped"), (paste, "pasted")])
def test_nothing_that_can_be_shown(page, bring, verb):
    bring(page)
    expect(page.get_by_role("alert")).to_have_text(f"What was {verb} holds no picture and no video.")


@pytest.mark.parametrize(
    ("name", "data"), [("empty.jpg", b""), ("note.jpg", b"Dear diary,"), ("IMG_0001.HEIC", HEIC), ("empty.mp4", b"")]
)
def test_what_the_browser_cannot_read(page, name, data):
    drop(page, upload(name, data, "video/mp4" if name.endswith("mp4") else "image/jpeg"))
    expect(page.get_by_role("alert")).to_have_text(f"“{name}” is no picture or video that this browser can read.")


def test_a_photo_of_one_pixel(page):
    drop(page, upload("dot.png", png(Image.new("RGB", (1, 1), "white"))))
    expect(page.get_by_role("status")).to_have_text("No face was found in this photo.")
    expect(page.locator("#error")).to_be_empty()


def test_the_later_of_two_files_is_shown_whichever_is_ready_first(page, tmp_path):
    video = write_video(tmp_path / "v.mp4", [scene()] * 20)
    drop(page, upload("v.mp4", video.read_bytes(), "video/mp4"))
    drop(page, ONE)
    expect(page.get_by_role("status")).to_have_text("1 face in this photo.")
    page.wait_for_timeout(100)
    expect(page.locator("#player")).to_be_hidden()
    expect(page.locator("#error")).to_be_empty()


def test_a_file_dropped_while_the_page_loads(context, address):
    page = context.new_page()
    with held(page, "**/*.wasm.zst") as let_go:
        page.goto(address)
        expect(page.get_by_role("status")).to_have_text("Loading…")
        drop(page, ONE)
        let_go()
    expect(page.get_by_role("status")).to_have_text("1 face in this photo.")


def test_a_phone_s_video_held_upright(page, tmp_path):
    portrait = Image.open(PORTRAIT).convert("RGB").resize((240, 320))
    video = write_video(tmp_path / "v.mp4", [portrait.rotate(-90, expand=True)] * 12, turned=90)
    drop(page, upload("phone.mp4", video.read_bytes(), "video/mp4"))
    expect(page.get_by_role("status")).to_have_text("The video has ended.")
    size = page.evaluate("(({ width, height }) => [width, height])(document.getElementById('picture'))")
    assert size == [240, 320]
    assert len(shown(page)) == 1


def test_a_video_that_breaks_off(page, tmp_path):
    video = write_video(tmp_path / "v.mp4", [scene((drawn_face("happy", 1), (9 * n, 120))) for n in range(40)])
    data = bytearray(video.read_bytes())
    half = len(data) // 2
    data[half : half + len(data) // 3] = bytes(len(data) // 3)
    drop(page, upload("broken.mp4", bytes(data), "video/mp4"))
    expect(page.get_by_role("alert")).to_have_text("“broken.mp4” is damaged: it cannot be read further.")


def test_a_page_that_could_not_start_says_so_again(context, address):
    page = context.new_page()
    page.add_init_script("WebAssembly.validate = () => false")
    open_page(page, address)
    sentence = page.get_by_role("alert").text_content()
    drop(page, ONE)
    expect(page.get_by_role("alert")).to_have_text(sentence)
