"""When which line of dialogue is to be read. Pure: times only follow from the script."""

import html
from collections.abc import Iterator
from dataclasses import dataclass

from reelmill.v1 import script_pb2

_ALWAYS_READ = 8  # a line's share of its shot: that of its characters and so many


@dataclass(frozen=True, slots=True)
class Cue:
    """A line of dialogue and when it is shown, in milliseconds from the film's beginning."""

    start: int
    end: int
    speaker: str
    text: str


def frames_of(script: script_pb2.Script) -> Iterator[script_pb2.Frame]:
    for chapter in script.chapters:
        for scene in chapter.scenes:
            yield from scene.frames


def cues(script: script_pb2.Script, seconds_per_frame: float) -> Iterator[Cue]:
    """Each frame's lines one after the other while its shot is seen; longer lines stay longer."""
    shot = round(seconds_per_frame * 1000)
    for number, frame in enumerate(frames_of(script)):
        weights = [len(line.text) + _ALWAYS_READ for line in frame.dialogue]
        read = 0
        for line, weight in zip(frame.dialogue, weights, strict=True):
            start, read = read, read + weight
            yield Cue(
                number * shot + shot * start // sum(weights),
                number * shot + shot * read // sum(weights),
                line.speaker,
                " ".join(line.text.split()),
            )


def subtitles(script: script_pb2.Script, seconds_per_frame: float) -> str:
    """The dialogue as WebVTT (W3C), speakers as voices."""
    parts = ["WEBVTT\n"]
    for number, cue in enumerate(cues(script, seconds_per_frame), 1):
        speaker = html.escape(cue.speaker, quote=False)
        text = html.escape(cue.text, quote=False)
        parts.append(f"{number}\n{_time(cue.start)} --> {_time(cue.end)}\n<v {speaker}>{text}\n")
    return "\n".join(parts)


def _time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
