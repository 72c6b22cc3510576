"""Who does, says or is what; what somebody wears; how a scene comes about."""

import re

from .counting import Decisive, refuse_untold
from .reader import Part, Pattern, Reader
from .unproved import Unproved


def who_does(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    """Exactly one of all characters is seen doing it in this part."""
    found = {}
    for name in sorted(reader.names):
        pattern = reader.pattern(f"{name} {match['doing']}")
        if pattern.target.lower() != name.lower() and (frames := reader.matches(pattern, part)):
            found[name] = frames
        asked = pattern
    if list(found) != [answer]:
        raise Unproved(f"{sorted(found)} are seen so")
    anybody = Pattern("", asked.verb, asked.target, asked.place, asked.time)
    refuse_untold(anybody, {frame.index for frame in found[answer]}, reader, part)
    return [found[answer][0].index]


def who_says(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    found = [
        (frame.index, (number,), line.speaker)
        for frame in part.frames
        for number, line in enumerate(frame.dialogue)
        if line.text == match["line"]
    ]
    if len(found) != 1 or found[0][2] != answer:
        raise Unproved(f"it is said {len(found)} times, by {sorted({one[2] for one in found})}")
    return [found[0][:2]]


def who_is(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    """The script's own words about a character, and no other's."""
    who = match["who"]
    told = answer.removeprefix(f"{who} is ")
    fits = [c.name for c in reader.script.characters if _in(told, c.description)]
    if fits != [who] or told == answer:
        raise Unproved(f"{told!r} is said of {fits}")
    return [_first(who, reader, part)]


def relation(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    who, other = match["who"], match["other"]
    told = answer.removeprefix(f"{who} is ")
    described = next((c.description for c in reader.script.characters if c.name == who), "")
    if told == answer or not re.search(rf"\b{re.escape(other)}\b", told) or not _in(told, described):
        raise Unproved(f"{told!r} is not said of {who}")
    return list(dict.fromkeys([_first(who, reader, part), _first(other, reader, part)]))


def wears(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    """What the scene says somebody wears, or else their appearance, and what the frame is drawn with."""
    who = match["who"]
    frame = reader.only(reader.pattern(f"{who} {match['doing']}"), part)
    told = answer.removeprefix(f"{who} wears ")
    for chapter in reader.script.chapters:
        for scene in chapter.scenes:
            if frame.index in {one.index for one in scene.frames}:
                worn = {state.wearing for state in scene.states if state.character == who} - {""}
    looks = [c.appearance for c in reader.script.characters if c.name == who]
    if not worn and looks and (found := re.search(r" (?:in|wearing) (an? .+)$", looks[0])):
        worn = {found[1]}
    if worn != {told} or told not in frame.prompt:
        raise Unproved(f"{who} wears {sorted(worn)}")
    return [frame.index]


def comes_about(match: re.Match[str], answer: str, reader: Reader, part: Part) -> Decisive:
    """The one cause that the script names, in a scene that is over."""
    chapters = reader.script.chapters
    first = part.frames[0].index
    scene = next(s for c in chapters for s in c.scenes if s.frames and s.frames[0].index == first)
    if len(scene.causes) != 1 or scene.causes[0].reason.rstrip(".") != answer:
        raise Unproved(f"it has {len(scene.causes)} causes, or another")
    cause = scene.causes[0]
    try:
        earlier = chapters[cause.chapter].scenes[cause.scene].frames[0].index
    except IndexError as error:
        raise Unproved("the cause is no scene of the movie") from error
    if earlier >= first:
        raise Unproved("the cause comes later")
    return [earlier, first]


def _in(told: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(told)}(?!\w)", text) is not None


def _first(who: str, reader: Reader, part: Part) -> int:
    for frame in part.frames:
        if reader.appears(who, frame):
            return frame.index
    raise Unproved(f"{who} is not seen")
