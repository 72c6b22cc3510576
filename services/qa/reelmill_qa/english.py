"""English for what happens in frames: clauses, places, times, faces. For writers, never for proofs."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from reelmill.v1 import script_pb2

from .scopes import Scope


class _Verb(NamedTuple):
    third: str
    gerund: str
    # The word between verb and target; None: the timeline does not know it, so the target is not told.
    link: str | None = None
    # Makes no sentence without a target.
    needs_target: bool = False
    alone: str = ""


_VERBS = {
    "stand": _Verb("stands", "standing"),
    "sit": _Verb("sits", "sitting"),
    "squat": _Verb("squats", "squatting", alone="down"),
    "walk": _Verb("walks", "walking"),
    "look": _Verb("looks", "looking", link="at", alone="around"),
    "talk": _Verb("talks", "talking", link="to"),
    "hold": _Verb("holds", "holding", link="", needs_target=True),
    "hug": _Verb("hugs", "hugging", link="", needs_target=True),
}
_TIMES = {
    "morning": "in the morning",
    "day": "during the day",
    "afternoon": "in the afternoon",
    "evening": "in the evening",
    "night": "at night",
    "dawn": "at dawn",
    "dusk": "at dusk",
    "noon": "at noon",
    "midnight": "at midnight",
}
_AROUND = re.compile(r"\blook(s|ing)? a?round\b")
_DETERMINED = re.compile(r"(a|an|the|his|her|their|its|some|two|three)\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Event:
    """One character doing one thing in one frame."""

    frame: int
    who: str
    verb: str
    target: str
    place: str
    time: str
    expression: str


def events(scope: Scope) -> list[Event]:
    """What can be said of the scope's frames, in their order."""
    characters = {character.name for character in scope.script.characters}
    found = []
    for frame in scope.frames:
        told = frame.description
        for action in frame.actions:
            verb = _VERBS.get(action.verb)
            if verb is None or not action.character:
                continue
            target = action.target.strip()
            if verb.link is None or (action.verb == "talk" and target not in characters):
                target = ""
            if not target and (verb.needs_target or (verb.alone == "around" and not _AROUND.search(told))):
                continue
            time = frame.time_of_day if frame.time_of_day in _TIMES else ""
            found.append(
                Event(
                    frame.index,
                    action.character,
                    action.verb,
                    target,
                    frame.location,
                    time,
                    action.expression.strip(),
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """An event and how much of where and when it happens is told."""

    event: Event
    place: bool = False
    time: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """Two events with the same key cannot be told apart in these words."""
        return self._key(self.event.who, self.event.target)

    @property
    def keys(self) -> list[tuple[str, ...]]:
        """The keys that fit the event: who hugs is hugged, who talks to somebody is talked to."""
        mutual = self.event.verb in ("hug", "talk") and self.event.target
        return [self.key, self._key(self.event.target, self.event.who)] if mutual else [self.key]

    def _key(self, who: str, target: str) -> tuple[str, ...]:
        event = self.event
        return (who, event.verb, target, event.place if self.place else "", event.time if self.time else "")


class English:
    """The words of one script; knows how its own descriptions speak of its places."""

    def __init__(self, script: script_pb2.Script) -> None:
        self._characters = {character.name for character in script.characters}
        frames = [frame for chapter in script.chapters for scene in chapter.scenes for frame in scene.frames]
        names = {frame.location for frame in frames if frame.location}
        self._places = {name: _place_phrase(name, frames) for name in sorted(names)}

    def place(self, name: str) -> str:
        """With its preposition: "at the harbour"."""
        return " ".join(self._places[name])

    def place_name(self, name: str) -> str:
        """Without: "the harbour"."""
        return self._places[name][1]

    def time(self, name: str) -> str:
        return _TIMES[name]

    def clause(self, said: Said) -> str:
        """Mara hugs Tom at the harbour in the evening"""
        event = said.event
        return f"{event.who} {_VERBS[event.verb].third}{self._rest(said)}"

    def gerund(self, said: Said) -> str:
        """hugging Tom at the harbour in the evening"""
        return f"{_VERBS[said.event.verb].gerund}{self._rest(said)}"

    def base(self, said: Said) -> str:
        """hug Tom at the harbour in the evening"""
        return f"{said.event.verb}{self._rest(said)}"

    def _rest(self, said: Said) -> str:
        event, verb = said.event, _VERBS[said.event.verb]
        words = [""]
        if event.target:
            words += [verb.link or "", self.thing(event.target)]
        else:
            words.append(verb.alone)
        if said.place and event.place:
            words.append(self.place(event.place))
        if said.time and event.time:
            words.append(_TIMES[event.time])
        return " ".join(["", *(word for word in words if word)])

    def thing(self, name: str) -> str:
        """A character's name as it is, an object with its article."""
        if name in self._characters or _DETERMINED.match(name) or name[:1].isupper():
            return name
        if name.endswith("s") and not name.endswith("ss"):
            return name
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def face(who: str, expression: str) -> str:
    """Mara looks sad"""
    if expression.endswith("ing") and " " not in expression:
        return f"{who} is {expression}"
    if _DETERMINED.match(expression):
        return f"{who} has {expression}"
    return f"{who} looks {expression}"


def distinct(scope: Scope) -> list[Said]:
    """Events in the fewest words that tell each from all others of the scope; or not at all."""
    told = events(scope)
    chosen: dict[Event, Said] = {}
    for place, time in ((False, False), (True, False), (False, True), (True, True)):
        said = [Said(event, place, time) for event in told]
        counts = Counter(key for one in said for key in one.keys)
        for one in said:
            if counts[one.key] == 1 and (not place or one.event.place) and (not time or one.event.time):
                chosen.setdefault(one.event, one)
    return [chosen[event] for event in told if event in chosen]


def listing(items: list[str]) -> str:
    """a, b and c"""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def set_off(label: str) -> str:
    """With the comma that closes a title in the middle of a sentence."""
    return f"{label}," if label.endswith("”") else label


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if re.search(r"[.!?]”?$", text) else f"{text}."


def _place_phrase(name: str, frames: list[script_pb2.Frame]) -> tuple[str, str]:
    """The commonest way in which the frames' own descriptions speak of a place: ("at", "the harbour")."""
    pattern = re.compile(rf"\b(in|at|on|inside|aboard) ((?:the |an? )?{re.escape(name)})\b", re.IGNORECASE)
    ways: Counter[tuple[str, str]] = Counter()
    for frame in frames:
        if frame.location == name and (match := pattern.search(frame.description)):
            phrase = re.sub(r"^an? ", "the ", match[2], flags=re.IGNORECASE)
            phrase = "the" + phrase[3:] if phrase.lower().startswith("the ") else phrase
            ways[(match[1].lower(), phrase)] += 1
    if ways:
        return min(ways, key=lambda way: (-ways[way], way))
    lower = name.lower()
    return "at", lower if lower.startswith(
        ("the ", "a ", "an ")
    ) else f"the {name if name.istitle() and ' ' in name else lower}"
