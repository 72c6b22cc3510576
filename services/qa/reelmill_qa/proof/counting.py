"""Counts again what a question counts. Refuses where a frame's words tell of more than its timeline does."""

import re

from .reader import Part, Pattern, Reader, forms_of
from .unproved import Unproved

Decisive = list[int | tuple[int, tuple[int, ...]]]


def deeds(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    """In how many frames somebody does something."""
    pattern = reader.pattern(match["deed"])
    found: Decisive = [frame.index for frame in reader.matches(pattern, part)]
    refuse_untold(pattern, {frame.index for frame in reader.matches(pattern, part)}, reader, part)
    _is(answer, r"In (\d+) frames?", len(found))
    return found


def lines(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    spoken = [
        (frame.index, tuple(n for n, line in enumerate(frame.dialogue) if line.speaker == match["who"]))
        for frame in part.frames
    ]
    _is(answer, rf"{re.escape(match['who'])} speaks (\d+) lines?", sum(len(numbers) for _, numbers in spoken))
    return [one for one in spoken if one[1]]


def people(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    cast = [character.name for character in reader.script.characters]
    first = [next((f.index for f in part.frames if reader.appears(who, f)), None) for who in cast]
    seen: Decisive = [index for index in first if index is not None]
    _is(answer, r"(\d+) named characters? (?:is|are) seen", len(seen))
    return seen


def parts(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    """In how many chapters or scenes somebody is seen."""
    inside = {frame.index for frame in part.frames}
    groups = []
    for chapter in reader.script.chapters:
        scenes = [[f for f in scene.frames if f.index in inside] for scene in chapter.scenes]
        groups += scenes if match["unit"] == "scenes" else [[f for scene in scenes for f in scene]]
    first = [next((f.index for f in group if reader.appears(match["who"], f)), None) for group in groups]
    seen: Decisive = [index for index in first if index is not None]
    _is(answer, rf"In (\d+) {match['unit']}?", len(seen))
    return seen


def places_of(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    first: dict[str, int] = {}
    for frame in part.frames:
        if reader.appears(match["who"], frame) and frame.location:
            first.setdefault(frame.location, frame.index)
    _is(answer, r"In (\d+) places?", len(first))
    return list(first.values())


def places(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    first: dict[str, int] = {}
    for frame in part.frames:
        if not frame.location:
            raise Unproved(f"nobody says where frame {frame.index} plays")
        first.setdefault(frame.location, frame.index)
    _is(answer, r"(\d+) places? (?:is|are) shown", len(first))
    return list(first.values())


def refuse_untold(pattern: Pattern, shown: set[int], reader: Reader, part: Part) -> None:
    """Raises Unproved if a frame that is not `shown` is described with the verb, the thing, and who it is."""
    verb = re.compile(rf"\b({'|'.join(forms_of(pattern.verb))})\b")
    thing = pattern.target.split(" ")[-1]
    for frame in part.frames:
        if frame.index in shown or (pattern.who and not reader.appears(pattern.who, frame)):
            continue
        if pattern.place not in ("", frame.location) or pattern.time not in ("", frame.time_of_day):
            continue
        text = frame.description
        if verb.search(text) and (not thing or thing in text.lower()):
            raise Unproved(f"frame {frame.index} could be taken for it, too: {text!r}")


def _is(answer: str, form: str, count: int) -> None:
    told = re.fullmatch(form, answer)
    if told is None or int(told[1]) != count or not count:
        raise Unproved(f"the count is {count}")
