"""Checks an answer in free words against the text of its evidence."""

import re
from collections.abc import Iterable

from reelmill.v1 import qa_pb2, script_pb2

from .reader import Reader
from .unproved import Unproved

Question = qa_pb2.Question

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+")
_NAMED = re.compile(r"(?<![.!?:“\"'] )(?<!^)(?<![“\"'])\b[A-Z]\w+|\d+")
_COMMON = frozenset(
    """
    a an the and or but nor so yet if then than as of in on at by to for from with without into onto
    over under about after before while when where who whom whose which what why how that this these
    those there here it its he him his she her hers they them their theirs we us our you your i me my is
    are was were be been being am do does did done have has had having will would can could may might
    must shall should not no also just only very too more most because since until during again once
    each both all some any one other another up down out off own same such through between story movie
    film chapter scene frame follows happens happen begin begins end ends
    """.split()  # noqa: SIM905
)
_ENDINGS = ("'s", "’s", "ing", "ies", "ed", "es", "s", "e", "y")


def prove_by_text(question: Question, reader: Reader, support: float) -> None:
    """Raises Unproved unless the evidence lies in one part of the question's level, shows every character and
    location that is named (or the part's prose tells of it, and other frames show it), and its text has every
    name and number, and the share `support` of the words, of the answer."""
    frames = [reader.frame(evidence.frame) for evidence in question.evidence]
    prose = _prose(question, reader)
    shown = " ".join(_frame_text(frame) for frame in frames)
    for name in sorted(reader.names):
        if _says(f"{question.question} {question.answer}", name) and not _heard_or_seen(name, frames, reader):
            elsewhere = _heard_or_seen(name, reader.movie().frames, reader)
            if not (elsewhere and _says(prose, name)):
                raise Unproved(f"no frame of the evidence shows {name}")
    for location in sorted(reader.locations):
        told = f"{prose} {shown}".lower()
        if _says(question.answer.lower(), location.lower()) and not _says(told, location.lower()):
            raise Unproved(f"nothing in the evidence tells of {location}")
    cast = " ".join(f"{c.description} {c.appearance}" for c in reader.script.characters)
    known = set(_stems(f"{prose} {shown} {cast}"))
    for named in _NAMED.findall(question.answer):
        if _stem(named.lower()) not in known and named.lower() not in _COMMON:
            raise Unproved(f"{named!r} is not in the evidence")
    words = set(_stems(question.answer))
    found = words & known
    if len(found) < support * len(words):
        raise Unproved(f"the evidence does not speak of {', '.join(sorted(words - found))}")


def _prose(question: Question, reader: Reader) -> str:
    """What the script tells of the part that holds the evidence."""
    script = reader.script
    part, _ = reader.part(question.question)
    numbers = {evidence.frame for evidence in question.evidence}
    inside = {frame.index for frame in part.frames}
    if not numbers <= inside:
        raise Unproved("the evidence lies outside of what the question is about")
    if question.level == Question.LEVEL_MOVIE:
        summaries = [chapter.summary for chapter in script.chapters]
        return " ".join([script.title, script.overview, *summaries])
    for chapter in script.chapters:
        if question.level == Question.LEVEL_CHAPTER:
            if numbers <= {frame.index for scene in chapter.scenes for frame in scene.frames}:
                summaries = [f"{scene.title} {scene.summary}" for scene in chapter.scenes]
                return " ".join([chapter.title, chapter.summary, *summaries])
            continue
        for scene in chapter.scenes:
            if numbers <= {frame.index for frame in scene.frames}:
                return " ".join([scene.title, scene.summary])
    raise Unproved("the evidence lies in more than one part of this level")


def _frame_text(frame: script_pb2.Frame) -> str:
    actions = [f"{a.character} {a.verb} {a.target} {a.expression}" for a in frame.actions]
    lines = [f"{line.speaker} {line.text}" for line in frame.dialogue]
    return " ".join([frame.description, frame.location, frame.time_of_day, *actions, *lines])


def _heard_or_seen(name: str, frames: Iterable[script_pb2.Frame], reader: Reader) -> bool:
    return any(
        reader.appears(name, frame) or any(line.speaker == name for line in frame.dialogue)
        for frame in frames
    )


def _says(text: str, name: str) -> bool:
    return name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in map(str.lower, _WORD.findall(text)) if word not in _COMMON]


def _stem(word: str) -> str:
    """Cuts endings off, roughly: hugging, hugs, hugged -> hug."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
