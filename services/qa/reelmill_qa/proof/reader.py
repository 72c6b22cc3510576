"""Reads the English of questions and answers back into patterns over the timeline."""

import re
from dataclasses import dataclass

from reelmill.v1 import qa_pb2, script_pb2

from .unproved import Unproved

Question = qa_pb2.Question

_FORMS = {
    "stand": ("stand", "stands", "standing"),
    "sit": ("sit", "sits", "sitting"),
    "squat": ("squat", "squats", "squatting"),
    "walk": ("walk", "walks", "walking"),
    "look": ("look", "looks", "looking"),
    "talk": ("talk", "talks", "talking"),
    "hold": ("hold", "holds", "holding"),
    "hug": ("hug", "hugs", "hugging"),
}
_VERB_OF = {form: verb for verb, forms in _FORMS.items() for form in forms}
# Who is hugged hugs, who is talked to talks: either way round it is the same to see.
_MUTUAL = {"hug", "talk"}
_TIMES = {
    "in the morning": "morning",
    "during the day": "day",
    "in the afternoon": "afternoon",
    "in the evening": "evening",
    "at night": "night",
    "at dawn": "dawn",
    "at dusk": "dusk",
    "at noon": "noon",
    "at midnight": "midnight",
}
_LABEL = re.compile(
    r"the movie\b|(?:scene (?P<scene>\d+) of )?chapter (?P<chapter>\d+)(?:, “(?P<title>[^”]*)”)?",
    re.IGNORECASE,
)
PART = "PART"
"""Stands in a question where the stretch of the movie was named."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the movie: its frames in order."""

    level: Question.Level.ValueType
    frames: tuple[script_pb2.Frame, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Somebody does something; what is empty was not said."""

    who: str
    verb: str = ""
    target: str = ""
    place: str = ""
    time: str = ""
    around: bool = False


class Reader:
    def __init__(self, script: script_pb2.Script) -> None:
        self.script = script
        self._frames = {
            frame.index: frame
            for chapter in script.chapters
            for scene in chapter.scenes
            for frame in scene.frames
        }
        self._movie = Part(Question.LEVEL_MOVIE, tuple(self._frames[index] for index in sorted(self._frames)))
        frames = self._movie.frames
        acting = {action.character for frame in frames for action in frame.actions}
        self.names = {character.name for character in script.characters} | acting - {""}
        self.locations = {frame.location for frame in frames} - {""}
        self._by_length = sorted(self.names, key=lambda name: (-len(name), name))

    def frame(self, index: int) -> script_pb2.Frame:
        if index not in self._frames:
            raise Unproved(f"there is no frame {index}")
        return self._frames[index]

    def part(self, text: str) -> tuple[Part, str]:
        """The stretch a question names, the whole movie if none, and the question with PART in its place."""
        if not (match := _LABEL.search(text)):
            return self.movie(), text
        rest = f"{text[: match.start()]}{PART}{text[match.end() :]}"
        if match["chapter"] is None:
            return self.movie(), rest
        try:
            chapter = self.script.chapters[_position(match["chapter"])]
            scene = chapter.scenes[_position(match["scene"])] if match["scene"] else None
        except IndexError as error:
            raise Unproved("there is no such chapter or scene") from error
        title = scene.title if scene is not None else chapter.title
        if match["title"] is not None and match["title"] != title:
            raise Unproved(f"the title is {title!r}")
        if scene is not None:
            return Part(Question.LEVEL_SCENE, tuple(scene.frames)), rest
        return Part(Question.LEVEL_CHAPTER, tuple(f for s in chapter.scenes for f in s.frames)), rest

    def movie(self) -> Part:
        return self._movie

    def pattern(self, text: str) -> Pattern:
        """Somebody does something: "Mara hugs Tom at the harbour", "Mara is hugging Tom"."""
        who = next((name for name in self._by_length if text.startswith(f"{name} ")), None)
        if who is None:
            raise Unproved(f"nobody the script knows is named at the beginning of {text!r}")
        words = re.sub(r"^is (seen )?", "", text[len(who) + 1 :]).split(" ", 1)
        verb = _VERB_OF.get(words[0])
        if verb is None:
            raise Unproved(f"{words[0]!r} is no verb of the timeline")
        rest = words[1] if len(words) > 1 else ""
        rest, time = self.split_time(rest)
        rest, place = self.split_place(rest)
        if verb == "look" and rest == "around":
            return Pattern(who, verb, "", place, time, around=True)
        if verb == "squat" and rest == "down":
            rest = ""
        if verb in ("look", "talk") and rest:
            link = "at " if verb == "look" else "to "
            if not rest.startswith(link):
                raise Unproved(f"{rest!r} does not go with {verb}")
            rest = rest.removeprefix(link)
        return Pattern(who, verb, _bare(rest), place, time)

    def split_time(self, text: str) -> tuple[str, str]:
        for phrase, time in _TIMES.items():
            if text == phrase or text.endswith(f" {phrase}"):
                return text[: -len(phrase)].rstrip(), time
        return text, ""

    def split_place(self, text: str) -> tuple[str, str]:
        """Cuts "at the harbour" off the end."""
        for location in sorted(self.locations, key=lambda name: (-len(name), name)):
            pattern = rf"(^|.* )(in|at|on|inside|aboard) (the )?{re.escape(location)}"
            if match := re.fullmatch(pattern, text, re.IGNORECASE):
                return match[1].rstrip(), location
        return text, ""

    def place(self, text: str) -> str:
        """The location that "the harbour" or "at the harbour" names."""
        rest, location = self.split_place(
            text if re.match(r"(in|at|on|inside|aboard) ", text) else f"at {text}"
        )
        if rest or not location:
            raise Unproved(f"{text!r} is no location of the script")
        return location

    def matches(self, pattern: Pattern, part: Part) -> list[script_pb2.Frame]:
        """The frames that show what the pattern says, and those that could be taken for it."""
        return [frame for frame in part.frames if _shows(frame, pattern)]

    def only(self, pattern: Pattern, part: Part) -> script_pb2.Frame:
        """The one frame that the pattern can mean."""
        found = self.matches(pattern, part)
        if len(found) != 1:
            raise Unproved(f"{len(found)} frames show {pattern}")
        return found[0]

    def told(self, words: str, part: Part) -> script_pb2.Frame:
        """The one frame of this description.

        Refused where another shows the same deeds at the same place and time: then it happens twice, whatever
        the words.
        """
        found = [frame for frame in part.frames if frame.description.removesuffix(".") == words]
        if len(found) != 1:
            raise Unproved(f"{len(found)} frames are described by {words!r}")
        alike = [frame for frame in part.frames if _deeds(frame) == _deeds(found[0])]
        if len(alike) != 1 or not found[0].actions:
            raise Unproved(f"{len(alike)} frames show what {words!r} tells of")
        return found[0]

    def deeds(self, who: str, frame: script_pb2.Frame) -> int:
        """How many things somebody is seen doing in a frame; to be hugged is to hug."""
        own = sum(action.character == who for action in frame.actions)
        return own + sum(
            action.verb in _MUTUAL
            and action.target == who
            and not any((a.character, a.verb) == (who, action.verb) for a in frame.actions)
            for action in frame.actions
        )

    def appears(self, who: str, frame: script_pb2.Frame) -> bool:
        """Whether somebody is seen in a frame, or could be: acting, acted upon, or told of."""
        acting = any(who in (action.character, action.target) for action in frame.actions)
        return acting or re.search(rf"\b{re.escape(who)}\b", frame.description) is not None


def verb_of(form: str) -> str:
    return _VERB_OF.get(form, "")


def forms_of(verb: str) -> tuple[str, ...]:
    return _FORMS.get(verb, (verb,))


def _shows(frame: script_pb2.Frame, pattern: Pattern) -> bool:
    if pattern.place and frame.location != pattern.place:
        return False
    if pattern.time and frame.time_of_day != pattern.time:
        return False
    return any(_does(action, pattern) for action in frame.actions)


def _does(action: script_pb2.Action, pattern: Pattern) -> bool:
    if pattern.verb and action.verb != pattern.verb:
        return False
    target = _bare(action.target)
    if action.character == pattern.who:
        if pattern.around:
            return not target
        if not pattern.target or target == pattern.target:
            return True
    if action.verb in _MUTUAL and action.target == pattern.who:
        return not pattern.target or _bare(action.character) == pattern.target
    return False


def _deeds(frame: script_pb2.Frame) -> tuple[str, str, frozenset[tuple[str, str, str]]]:
    acts = frozenset((a.character, a.verb, _bare(a.target)) for a in frame.actions)
    return frame.location, frame.time_of_day, acts


def _bare(thing: str) -> str:
    """A thing's name without its article, for comparing."""
    return re.sub(r"^(a|an|the)\s+", "", thing.strip().lower())


def _position(number: str) -> int:
    if int(number) < 1:
        raise Unproved("chapters and scenes count from 1")
    return int(number) - 1
