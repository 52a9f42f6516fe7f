"""Every kind of video file a shop uploads: it becomes a few telling frames, or a reason."""

import numpy as np
import pytest
from av import VideoFrame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mmsearch_dagster.core.media import video
from mmsearch_dagster.core.media.video import UnreadableVideoError, choose_frames, open_video
from tests.media import flat, sound_file, tone, video_file

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)
KINDS = ["mp4", "webm", "gif", "avi"]


def shown(content: bytes, frames: int = 6) -> list[Image.Image]:
    return open_video(content, frames=frames, shown_side=32)


def colours(pictures: list[Image.Image]) -> list[tuple[int, ...]]:
    """The middle pixel of each, to the nearest of eight colours."""
    middles = [picture.getpixel((picture.width // 2, picture.height // 2)) for picture in pictures]
    return [tuple(round(value / 255) * 255 for value in pixel) for pixel in middles]  # type: ignore[union-attr]


def reason(content: bytes) -> str:
    with pytest.raises(UnreadableVideoError) as caught:
        shown(content)
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_common_formats_are_read_and_a_short_scene_is_not_missed(kind: str) -> None:
    found = shown(video_file([flat(RED)] * 20 + [flat(GREEN)] * 2 + [flat(BLUE)] * 20, kind))
    assert {picture.mode for picture in found} == {"RGB"}
    assert colours(found) == [RED, RED, GREEN, BLUE, BLUE, BLUE]


@pytest.mark.parametrize("kind", KINDS)
def test_a_video_of_one_frame_is_one_picture(kind: str) -> None:
    assert colours(shown(video_file([flat(BLUE)], kind))) == [BLUE]


def test_frames_of_a_still_scene_are_spread_evenly() -> None:
    fading = [flat((step, step, step)) for step in range(100, 140)]
    brightness = [picture.getpixel((9, 9))[0] for picture in shown(video_file(fading), 4)]  # type: ignore[index]
    gaps = np.diff(brightness)
    assert (gaps.min() >= 8, gaps.max() <= 12) == (True, True)


def test_the_same_bytes_give_the_same_frames() -> None:
    content = video_file([flat((i * 6, 90, 200 - i)) for i in range(40)])
    first, again = shown(content), shown(content)
    assert [picture.tobytes() for picture in first] == [picture.tobytes() for picture in again]


def test_a_large_video_is_scaled_down_while_it_is_read() -> None:
    found = shown(video_file([flat(RED, (640, 360))] * 3))
    assert {picture.size for picture in found} == {(114, 64)}


def test_what_is_transparent_lies_on_white() -> None:
    from io import BytesIO

    frames = [Image.new("RGBA", (40, 30), (255, 0, 0, 0)) for _ in range(3)]
    for place, frame in enumerate(frames):
        frame.paste((0, 0, 255, 255), (0, 0, 10 + place, 30))
    buffer = BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100, disposal=2)
    found = shown(buffer.getvalue())
    assert found[0].getpixel((35, 5)) == (255, 255, 255)
    assert found[0].getpixel((2, 5)) == BLUE


def test_of_a_long_video_only_key_frames_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_READ_THROUGH", 64 * 48 * 100)
    scenes = [flat(RED)] * 200 + [flat(GREEN)] * 200 + [flat(BLUE)] * 200
    found = shown(video_file(scenes, gop=20))
    assert len(found) == 6
    assert list(dict.fromkeys(colours(found))) == [RED, GREEN, BLUE]


def test_one_long_scene_without_key_frames_is_read_as_far_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_READ_THROUGH", 64 * 48 * 50)
    options = {"movflags": "frag_keyframe"}
    assert len(shown(video_file([flat(GREY)] * 300, gop=10_000, options=options))) == 6


@pytest.mark.slow
def test_of_ten_minutes_few_frames_become_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[float] = []

    def candidate(frame: VideoFrame, side: int) -> video._Candidate:
        made.append(frame.time)
        return as_it_is(frame, side)

    as_it_is = video._candidate
    monkeypatch.setattr(video, "_candidate", candidate)
    content = video_file((flat((i % 256, i // 256, 0)) for i in range(3_000)), fps=5, gop=50)
    assert len(shown(content)) == 6
    assert len(made) < 3_000 / 10


@pytest.mark.parametrize("kind", ["webm", "gif"])
def test_a_truncated_file_gives_the_frames_that_can_be_read(kind: str) -> None:
    content = video_file([flat(RED)] * 20 + [flat(BLUE)] * 20, kind)
    assert colours(shown(content[: len(content) * 2 // 3]))[0] == RED


def test_an_mp4_without_its_table_is_told_so() -> None:
    assert "truncated" in reason(video_file([flat(RED)] * 20)[:900])


def test_a_fragmented_mp4_is_read_as_far_as_it_goes() -> None:
    content = video_file([flat(RED)] * 30, options={"movflags": "frag_keyframe+empty_moov"})
    assert colours(shown(content[: len(content) * 2 // 3]))[0] == RED


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"just some words, saved as film.mp4\n", "a text file"),
        ("视频".encode(), "a text file"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "a text file"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a picture, not a video"),
        (bytes(range(128, 256)) * 8, "not a video in a known format"),
        (sound_file(tone(440, 1.0), "m4a"), "no video stream in this file, it holds sound only"),
        (sound_file(tone(440, 1.0), "opus"), "no video stream"),
        (sound_file(tone(440, 0.1), "wav"), "a sound, not a video"),
        (sound_file(tone(440, 0.1), "mp3"), "a sound, not a video"),
        (video_file([flat(RED)] * 5, "gif")[:40], "not one frame"),
    ],
)
def test_what_is_no_video_has_a_reason(content: bytes, words: str) -> None:
    assert words in reason(content)


def test_frames_too_large_are_refused_before_they_are_decoded() -> None:
    gif = bytearray(video_file([flat(RED)] * 2, "gif"))
    gif[6:10] = (12_000).to_bytes(2, "little") * 2
    assert "frames too large: 12,000 x 12,000" in reason(bytes(gif))


class TestChoice:
    def test_a_change_takes_the_first_frame_of_the_new_scene(self) -> None:
        a, b = np.array([1.0, 0.0]), np.array([0.0, 1.0])
        assert 5 in choose_frames([a] * 5 + [b] * 19, 4)

    def test_flicker_takes_at_most_half_of_the_places(self) -> None:
        a, b = np.array([1.0, 0.0]), np.array([0.0, 1.0])
        chosen = choose_frames([a, b] * 4 + [b] * 16, 6)
        assert sum(place > 8 for place in chosen) >= 2

    @given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 8))
    def test_as_many_as_there_are_and_in_order(self, scenes: list[int], count: int) -> None:
        chosen = choose_frames([np.eye(4)[scene] for scene in scenes], count)
        assert len(chosen) == min(count, len(scenes))
        assert chosen == sorted(set(chosen))
        assert all(0 <= place < len(scenes) for place in chosen)


SEEDS = [video_file([flat(RED)] * 4 + [flat(BLUE)] * 4, kind, gop=2) for kind in KINDS]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_happens_to_the_bytes_there_are_frames_or_a_reason(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, max(len(content) - 1, 0)))
        content[start : start + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=12))
    del content[data.draw(st.integers(0, len(content))) :]
    try:
        found = shown(bytes(content))
    except UnreadableVideoError:
        return
    assert 1 <= len(found) <= 6
    assert {picture.mode for picture in found} == {"RGB"}
