"""Key frames to an MP4 file that browsers play: H.264, one coded picture a shot, subtitles, chapter marks."""

import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.stream import Stream
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream
from PIL import Image, UnidentifiedImageError

from reelmill.v1 import script_pb2
from reelmill_kit.errors import Reason, ReelmillError

from .cues import cues

_MILLISECONDS = Fraction(1, 1000)
# A shot is one coded picture, so players and training kits see as many pictures as there are key frames.
# Every picture can be jumped to; threads would make the bytes depend on the machine.
_ENCODER = {
    "preset": "medium",
    "crf": "18",
    "tune": "stillimage",
    "x264-params": "keyint=1:bframes=0:scenecut=0:threads=1",
}
# The look of subtitles, in the form that the encoder wants it in.
_LOOK = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Bold, Italic, BorderStyle, Outline, Alignment
Style: Default,Arial,16,&H00ffffff,0,0,1,1,2

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def make_film(
    script: script_pb2.Script,
    frames: Iterable[bytes],
    target: Path,
    seconds_per_frame: float = 2.0,
) -> None:
    """Writes the film of a script to `target`, whole or not at all.

    `frames`: pictures in any format that Pillow reads, one for each frame of the script, in order, all of one
    size; only one is held at a time. Odd sizes gain a row or column. `seconds_per_frame`: 0.1 to 60. The same
    input gives the same bytes. Raises WRONG_STATE naming the frame whose picture cannot be read, is of
    another size, or is missing.
    """
    shot = round(seconds_per_frame * 1000)
    part = target.with_name(f".{target.name}.part")
    try:
        # `bitexact`: neither the time nor the library's version is written into the file.
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        with av.open(str(part), "w", format="mp4", options=options) as film:
            _write(film, script, frames, shot)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _write(film: OutputContainer, script: script_pb2.Script, frames: Iterable[bytes], shot: int) -> None:
    count = sum(len(scene.frames) for chapter in script.chapters for scene in chapter.scenes)
    film.metadata["title"] = " ".join(script.title.split())
    film.set_chapters(_chapters(script, shot))  # type: ignore[arg-type]
    video: VideoStream | None = None
    words: SubtitleStream | None = None
    lines = list(cues(script, shot / 1000))
    number = -1
    for number, data in enumerate(frames):
        if number >= count:
            raise _wrong(number, f"is one too many: the script has {count} frames")
        picture = _picture(data, number)
        if video is None:
            video = _video(film, picture, shot)
            words = _subtitles(film) if lines else None
        if picture.size != (video.width, video.height):
            raise _wrong(number, f"is {picture.width} x {picture.height} and not as large as the first")
        frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
        frame.pts, frame.time_base = number * shot, _MILLISECONDS
        for packet in video.encode(frame):
            packet.duration = shot
            film.mux(packet)
        while lines and words is not None and lines[0].start < (number + 1) * shot:
            cue = lines.pop(0)
            film.mux(_spoken(words, f"{cue.speaker}: {cue.text}", cue.start, cue.end))
    if number + 1 != count or video is None:
        raise _wrong(number + 1, f"is missing: the script has {count} frames")
    for packet in video.encode(None):
        packet.duration = shot
        film.mux(packet)


def _picture(data: bytes, number: int) -> Image.Image:
    """In RGB; with an even width and height, as the encoder needs them."""
    try:
        picture = Image.open(io.BytesIO(data)).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise _wrong(number, f"cannot be read ({str(error)[:100]})") from error
    size = (picture.width + picture.width % 2, picture.height + picture.height % 2)
    if picture.size != size:
        even = Image.new("RGB", size)
        even.paste(picture)
        return even
    return picture


def _video(film: OutputContainer, picture: Image.Image, shot: int) -> VideoStream:
    stream = film.add_stream("libx264", rate=Fraction(1000, shot), options=_ENCODER)
    stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
    stream.time_base = stream.codec_context.time_base = _MILLISECONDS
    return stream


def _subtitles(film: OutputContainer) -> SubtitleStream:
    stream = film.add_stream("mov_text")
    assert isinstance(stream, SubtitleStream)
    context = stream.codec_context
    assert isinstance(context, SubtitleCodecContext)
    stream.time_base = context.time_base = _MILLISECONDS
    context.subtitle_header = _LOOK
    context.open()
    stream.metadata["language"] = "und"  # a theme's language is the dialogue's, and nobody has said which
    return stream


def _spoken(stream: SubtitleStream, text: str, start: int, end: int) -> "av.Packet[Stream]":
    """A line as 3GPP timed text has it (3GPP TS 26.245): its length in two bytes, and UTF-8."""
    words = text.encode()[:65_000].decode(errors="ignore").encode()
    packet = av.Packet(len(words).to_bytes(2, "big") + words)
    packet.stream, packet.time_base = stream, _MILLISECONDS
    packet.pts = packet.dts = start
    packet.duration = end - start
    return packet


def _chapters(script: script_pb2.Script, shot: int) -> list[dict[str, object]]:
    marks: list[dict[str, object]] = []
    start = 0
    for number, chapter in enumerate(script.chapters, 1):
        end = start + shot * sum(len(scene.frames) for scene in chapter.scenes)
        title = " ".join(chapter.title.split()) or f"Chapter {number}"
        marks.append(
            {
                "id": number,
                "start": start,
                "end": end,
                "time_base": _MILLISECONDS,
                "metadata": {"title": title},
            }
        )
        start = end
    return marks


def _wrong(number: int, what: str) -> ReelmillError:
    return ReelmillError(
        Reason.WRONG_STATE, f"the picture of frame {number} {what}; draw it again", frame=str(number)
    )
