"""Movies as video files, read back with PyAV as a player would."""

import io
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from PIL import Image

from reelmill.v1 import script_pb2
from reelmill_dataset.video import cues, make_film, subtitles
from reelmill_kit.errors import Reason, ReelmillError

LINES = {
    0: [("Mara", "Is it <you> & yours?"), ("Tom", "It is.")],
    3: [("Mara", "灯台の嵐"), ("سارة", "العاصفة")],
}


def script(
    chapters: int = 2, frames: int = 2, title: str = 'The "Storm"\nand its keeper'
) -> script_pb2.Script:
    told = script_pb2.Script(title=title)
    number = 0
    for c in range(chapters):
        scene = told.chapters.add(index=c, title=f"Part {c + 1}").scenes.add()
        for _ in range(frames):
            frame = scene.frames.add(index=number)
            for speaker, text in LINES.get(number, []):
                frame.dialogue.add(speaker=speaker, text=text)
            number += 1
    return told


def pictures(count: int, size: tuple[int, int] = (64, 48)) -> Iterator[bytes]:
    """Of different greys, from dark to light."""
    for number in range(count):
        yield png(number * 200 // max(1, count - 1) + 20, size)


def png(grey: int, size: tuple[int, int] = (64, 48)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, (grey, grey, grey)).save(data, "PNG")
    return data.getvalue()


def test_every_frame_is_one_shot_of_the_length_asked_for(tmp_path: Path) -> None:
    make_film(script(), pictures(4), tmp_path / "a.mp4", 1.5)
    with av.open(str(tmp_path / "a.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.frames == 4
        shots = [(frame.time, frame.to_ndarray(format="gray")[20, 20]) for frame in film.decode(stream)]
        assert film.duration == 6_000_000
    assert [time for time, _ in shots] == [0, 1.5, 3, 4.5]
    for (_, grey), drawn in zip(shots, (20, 86, 153, 220), strict=True):
        assert abs(int(grey) - drawn) < 6


def test_dialogue_is_a_subtitle_track_in_any_script(tmp_path: Path) -> None:
    make_film(script(), pictures(4), tmp_path / "a.mp4", 2)
    with av.open(str(tmp_path / "a.mp4")) as film:
        stream = film.streams.subtitles[0]
        assert stream.codec_context.name == "mov_text"
        read = [
            (float(packet.pts * packet.time_base), bytes(packet)[2:].decode())
            for packet in film.demux(stream)
            if packet.size > 2 and packet.pts is not None and packet.time_base
        ]
    assert [text for _, text in read] == [
        "Mara: Is it <you> & yours?",
        "Tom: It is.",
        "Mara: 灯台の嵐",
        "سارة: العاصفة",
    ]
    assert read[0][0] == 0
    assert read[2][0] == 6
    assert 0 < read[1][0] < 2


def test_chapters_and_the_title_are_marked(tmp_path: Path) -> None:
    make_film(script(), pictures(4), tmp_path / "a.mp4", 2)
    with av.open(str(tmp_path / "a.mp4")) as film:
        marks = [(mark["start"], mark["end"], mark["metadata"]["title"]) for mark in film.chapters()]
        assert marks == [(0, 4000, "Part 1"), (4000, 8000, "Part 2")]
        assert film.metadata["title"] == 'The "Storm" and its keeper'


def test_the_same_movie_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        make_film(script(), pictures(4), tmp_path / name)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_player_can_begin_before_it_has_the_whole_file(tmp_path: Path) -> None:
    make_film(script(), pictures(4), tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_odd_sizes_gain_a_row_and_a_column(tmp_path: Path) -> None:
    make_film(script(), pictures(4, (63, 47)), tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == (64, 48)


def test_a_film_without_dialogue_has_no_subtitle_track(tmp_path: Path) -> None:
    told = script()
    for chapter in told.chapters:
        for frame in chapter.scenes[0].frames:
            del frame.dialogue[:]
    make_film(told, pictures(4), tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert not film.streams.subtitles


@pytest.mark.parametrize(
    ("given", "frame"),
    [
        ([png(1), b"no picture", png(1), png(1)], "1"),
        ([png(1), png(1), png(1, (32, 32)), png(1)], "2"),
        ([png(1)[:60], png(1), png(1), png(1)], "0"),
        ([png(1), png(1), png(1)], "3"),
        ([png(1)] * 5, "4"),
        ([], "0"),
    ],
)
def test_a_picture_that_does_not_fit_is_named_and_no_file_is_left(
    given: list[bytes], frame: str, tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"as it was")
    with pytest.raises(ReelmillError) as caught:
        make_film(script(), given, tmp_path / "a.mp4")
    assert (caught.value.reason, caught.value.metadata["frame"]) == (Reason.WRONG_STATE, frame)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"as it was"


def test_lines_share_their_shot_by_their_length() -> None:
    first, second = list(cues(script(), 4))[:2]
    assert (first.start, second.end) == (0, 4000)
    assert first.end == second.start
    assert first.end - first.start > second.end - second.start


def test_web_subtitles_name_voices_and_keep_signs_as_text() -> None:
    text = subtitles(script(), 3600)
    assert text.startswith("WEBVTT\n\n1\n00:00:00.000 --> ")
    assert "<v Mara>Is it &lt;you&gt; &amp; yours?\n" in text
    assert "\n03:00:00.000 --> " in text
