"""Videos are read with their own time stamps and upright; what is no video is one sentence."""

import av
import numpy as np
import pytest
from drawn_video import HAPPY, SURPRISED, read_sound, read_video, scene, write_tone, write_video

from fer_keras.errors import FerKerasError
from fer_keras.faces.video import Frame, open_video
from fer_keras.faces.video_copy import open_copy, require_video_name

PICTURES = [scene((HAPPY, 10 * number, 60)) for number in range(12)]


def frames_of(path, *words):
    with open_video(path) as video:
        return [item for item in video.items(*words) if isinstance(item, Frame)]


def mean_difference(picture, other):
    return np.abs(np.asarray(picture, int) - np.asarray(other.convert("RGB"), int)).mean()


def test_frames_have_the_time_stamps_of_a_variable_rate(tmp_path):
    times = [0, 40, 50, 300, 310, 700, 1500, 1510, 1600, 1601, 2000, 2500]
    frames = frames_of(write_video(tmp_path / "v.mp4", PICTURES, times))
    assert [frame.number for frame in frames] == list(range(12))
    np.testing.assert_allclose([frame.seconds for frame in frames], np.divide(times, 1000), atol=1e-3)
    assert all(mean_difference(frame.picture, picture) < 3 for frame, picture in zip(frames, PICTURES, strict=True))


@pytest.mark.parametrize("turned", [90, -90, 180])
def test_a_phone_s_rotation_is_undone(turned, tmp_path):
    upright = scene((HAPPY, 10, 60), (SURPRISED, 200, 20))
    path = write_video(tmp_path / "v.mp4", [upright.rotate(-turned, expand=True)] * 3, turned=turned)
    (frame, *_) = frames_of(path)
    assert frame.picture.size == upright.size and mean_difference(frame.picture, upright) < 3


def test_start_and_end_are_in_seconds(tmp_path):
    path = write_video(tmp_path / "v.mp4", PICTURES, rate=10)
    assert [frame.number for frame in frames_of(path, 0.35, 0.8)] == [4, 5, 6, 7, 8]
    with open_video(path) as video:
        assert (video.frame_count(0.0, None), video.frame_count(0.2, 0.7), float(video.rate)) == (12, 5, 10.0)


def only_sound(path):
    with av.open(str(path), "w") as container:
        write_tone(container, container.add_stream("aac", rate=44100))


BROKEN = {
    "nothing": (lambda path: None, "there is no such file, expected a video"),
    "empty": (lambda path: path.touch(), "is empty, expected a video"),
    "text": (lambda path: path.write_text("not a video " * 100), "cannot be read as a video"),
    "sound": (only_sound, "holds only sound, expected a video"),
    "truncated": (
        lambda path: path.write_bytes(write_video(path.with_name("whole.mp4"), PICTURES).read_bytes()[:3000]),
        "cannot be read as a video .*it may be truncated",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_video_is_one_sentence(kind, tmp_path):
    make, sentence = BROKEN[kind]
    path = tmp_path / "v.mp4"
    make(path)
    with pytest.raises(FerKerasError, match=f"v.mp4: {sentence}"):
        frames_of(path)


def test_a_file_that_ends_early_gives_its_frames_and_then_says_so(tmp_path):
    whole = write_video(tmp_path / "whole.mkv", PICTURES * 10, rate=10).read_bytes()
    (tmp_path / "v.mkv").write_bytes(whole[: len(whole) // 2])
    seen = []
    with open_video(tmp_path / "v.mkv") as video, pytest.raises(FerKerasError, match=r"ends after .* it is truncated"):
        seen.extend(video.items())
    assert 20 < len(seen) < 100


def copied(source, target, start=0.0, end=None):
    with open_video(source) as video, open_copy(target, video, start) as copy:
        for item in video.items(start, end):
            if isinstance(item, Frame):
                copy.write(item, item.picture)
            else:
                copy.sound(item)


@pytest.mark.parametrize(("tone", "ending"), [("aac", ".mp4"), ("flac", ".mkv"), ("pcm_s16le", ".mov"), (None, ".mp4")])
def test_a_copy_keeps_times_pictures_and_sound(tone, ending, tmp_path):
    times = [0, 40, 50, 300, 310, 700, 710, 750, 800, 850, 900, 1000]
    source = write_video(tmp_path / f"v{ending}", PICTURES, times, tone=tone)
    copied(source, tmp_path / f"c{ending}")
    seconds, pictures = read_video(tmp_path / f"c{ending}")
    np.testing.assert_allclose(seconds, np.divide(times, 1000), atol=2e-3)
    assert all(mean_difference(picture, other) < 4 for picture, other in zip(pictures, PICTURES, strict=True))
    if tone:
        np.testing.assert_array_equal(read_sound(tmp_path / f"c{ending}"), read_sound(source))


def test_sound_that_the_copy_s_format_lacks_is_encoded_anew(tmp_path):
    source = write_video(tmp_path / "v.mov", PICTURES, tone="pcm_mulaw")
    copied(source, tmp_path / "c.mp4")
    tone = read_sound(tmp_path / "c.mp4")
    with av.open(str(tmp_path / "c.mp4")) as container:
        assert container.streams.audio[0].codec.name == "aac"
    assert np.fft.rfft(tone[:44100]).__abs__().argmax() == pytest.approx(440, abs=2)


def test_a_copy_from_the_middle_begins_at_nought(tmp_path):
    source = write_video(tmp_path / "v.mp4", PICTURES, rate=10, tone="aac")
    copied(source, tmp_path / "c.mp4", 0.5, 0.9)
    seconds, pictures = read_video(tmp_path / "c.mp4")
    np.testing.assert_allclose(seconds, [0.0, 0.1, 0.2, 0.3, 0.4], atol=2e-3)
    assert mean_difference(pictures[0], PICTURES[5]) < 4
    assert 0.3 < len(read_sound(tmp_path / "c.mp4")) / 44100 < 0.6


def test_odd_sides_lose_a_pixel(tmp_path):
    source = write_video(tmp_path / "v.mp4", PICTURES)
    with open_video(source) as video, open_copy(tmp_path / "c.mp4", video) as copy:
        for item in video.items():
            copy.write(item, item.picture.crop((0, 0, 301, 201)))
    assert read_video(tmp_path / "c.mp4")[1][0].size == (300, 200)


def test_a_copy_is_whole_or_absent(tmp_path):
    source = write_video(tmp_path / "v.mp4", PICTURES)
    with pytest.raises(ZeroDivisionError), open_video(source) as video, open_copy(tmp_path / "c.mp4", video) as copy:
        copy.write(next(video.items()), PICTURES[0])
        raise ZeroDivisionError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.mp4"]


def test_a_copy_has_the_name_of_a_video(tmp_path):
    with pytest.raises(FerKerasError, match=r"c.gif: expected a name that ends in .mp4, .mov, .mkv"):
        require_video_name(tmp_path / "c.gif")


def test_without_the_package_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(FerKerasError, match=r"av is not installed: pip install 'fer_keras\[video\]'"):
        frames_of("v.mp4")
