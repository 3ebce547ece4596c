"""The page and a video file; faces are followed and smoothed as the package does it."""

import json

import numpy as np
import pytest
from acting import rows_of, wait_until
from browsing import parts_of
from drawn import RATE

import fer_keras
from fer_keras.faces.detector import FoundFace
from fer_keras.faces.finder import FaceFinder
from fer_keras.faces.following import FaceFollower
from fer_keras.faces.smoothing import Smoother
from fer_keras.faces.tracking import Tracker

expect = pytest.importorskip("playwright.sync_api").expect

FOLLOW = """async ([following, frames]) => {
    const { Tracker } = await import(part("js/tracker.js"));
    const { Smoother } = await import(part("js/smoother.js"));
    const [tracker, smoother] = [new Tracker(following), new Smoother(following)];
    return frames.map(([seconds, boxes]) => {
        const tracked = tracker.update(boxes.map((box) => ({ found: { box } })), seconds);
        return tracked.map(({ number, face }) =>
            [number, smoother.add(String(number), seconds, face.found.box.map((value) => value / 640))]);
    });
}"""


def crossing_faces():
    """Seconds and boxes: two faces cross, one is hidden for a while, one leaves and comes back as another."""
    frames = []
    for number in range(60):
        boxes = [[20.0 + 8 * number, 100.0, 90.0, 96.0], [500.0 - 8 * number, 110.0, 92.0, 90.0]]
        if 26 <= number <= 31:
            boxes.pop()
        if number < 10 or number > 35:
            boxes.append([300.0, 300.0 + number, 80.0, 80.0])
        frames.append([number / 15, boxes])
    return frames


def test_the_same_ids_and_the_same_smoothed_numbers_as_the_package(page, dist):
    following = json.loads((parts_of(dist) / "constants.json").read_text())["faces"]["following"]
    frames, tracker, smoother = crossing_faces(), Tracker(), Smoother(0.5)
    answers = page.evaluate(FOLLOW, [following, frames])
    seen = set()
    for (seconds, boxes), answer in zip(frames, answers, strict=True):
        found = [FoundFace(np.array(box), np.zeros((6, 2)), 1.0) for box in boxes]
        tracked = tracker.update(found, seconds)
        assert [number for number, _ in answer] == [track.number for track in tracked]
        seen.update(track.number for track in tracked)
        for (number, values), track in zip(answer, tracked, strict=True):
            np.testing.assert_allclose(values, smoother.add(number, seconds, track.face.box / 640), rtol=1e-9)
    assert seen == {1, 2, 3, 4}


def test_a_video_file_from_its_start_to_its_end(page, video, moving):
    page.set_input_files("#file", video)
    expect(page.get_by_role("status")).to_have_text("The video has ended.")
    rows = rows_of(page)
    follower = FaceFollower(fer_keras.load(), FaceFinder(("full", "short"), tiles=False), smoothing=0.5)
    answers = [follower.follow(picture, number / RATE) for number, picture in enumerate(moving)]
    assert rows and {row["face"] for row in rows} == {"1"}
    for row in rows:  # a busy machine skips frames, those that it reads are these
        number = round(float(row["seconds"]) * RATE)
        (face,) = answers[number]
        box = [int(row[name]) for name in ("x", "y", "width", "height")]
        np.testing.assert_allclose(box, face.prediction.box, atol=6)
        assert row["label"] == face.prediction.label == "surprise"
        shares = [float(row[name]) for name in face.prediction.classes]
        np.testing.assert_allclose(shares, face.prediction.probabilities, atol=0.1)


def test_a_video_can_be_paused_wound_back_read_by_another_model_and_played_on(page, video):
    player = page.locator("#video")
    player.evaluate("(player) => { player.defaultPlaybackRate = 0.0625; }")  # it is on when it is paused
    page.set_input_files("#file", video)
    page.get_by_role("button", name="Pause").click()
    page.locator("#position").fill("0.75")
    wait_until(page, lambda: float(rows_of(page)[-1]["seconds"]) > 1.4, "a face of the second second")
    expect(page.locator(".face h3")).to_contain_text("surprise")
    page.get_by_label("Compare with another").check()
    expect(page.locator(".face caption")).to_have_count(2)
    rows = rows_of(page)
    last = [row["model"] for row in rows if row["frame"] == rows[-1]["frame"]]
    assert len(last) == 2 == len({*last})  # that frame was read again, not another one
    page.get_by_label("Compare with another").uncheck()
    expect(page.locator(".face caption")).to_have_count(1)
    assert [row["frame"] for row in rows_of(page)] == [row["frame"] for row in rows[:-1]]
    player.evaluate("(player) => { player.playbackRate = player.defaultPlaybackRate = 1; }")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("status")).to_have_text("The video has ended.")


def test_that_it_has_ended_is_still_said_when_the_last_frame_was_read(page, video):
    page.locator("#video").evaluate("(player) => { player.defaultPlaybackRate = 16; }")  # it ends while frames are read
    page.set_input_files("#file", video)
    expect(page.get_by_role("status")).to_have_text("The video has ended.")
    page.wait_for_timeout(300)
    expect(page.get_by_role("status")).to_have_text("The video has ended.")
    page.locator("#video").evaluate("(player) => { player.defaultPlaybackRate = 1; }")
