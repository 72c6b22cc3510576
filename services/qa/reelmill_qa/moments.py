"""Writes questions about single frames: where somebody is, what they do, how they look, what they say."""

import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from reelmill.v1 import qa_pb2, script_pb2

from .english import English, Event, Said, events, face, sentence
from .scopes import Scope

Question = qa_pb2.Question


class Moments:
    """Asks about frames in words that fit no other frame of the movie."""

    def __init__(self, script: script_pb2.Script, english: English) -> None:
        self._english = english
        self._people = {character.name for character in script.characters}
        self._frames = {frame.index: frame for frame in Scope(script).frames}
        told = events(Scope(script))
        self._lines = Counter(
            (line.speaker, line.text) for frame in self._frames.values() for line in frame.dialogue
        )
        self._meetings = Counter((event.who, event.place, event.time) for event in told)
        self._deeds = Counter(deed for event in told for deed in _deeds(event))
        self._counts = Counter(
            key
            for event in told
            for place in (False, True)
            for time in (False, True)
            if (event.place or not place) and (event.time or not time)
            for key in Said(event, place, time).keys
        )

    def questions(self, scope: Scope, rng: random.Random) -> Iterator[Question]:
        """Candidates about a scene, of different forms."""
        told = events(scope)
        forms = [self._where, self._how, self._target, self._doing, self._says, self._answers]
        rng.shuffle(told)
        rng.shuffle(forms)
        for turn in range(len(forms)):
            for number, event in enumerate(told):
                question = forms[(turn + number) % len(forms)](event)
                if question is not None:
                    yield question

    def _where(self, event: Event) -> Question | None:
        if not event.place or not (said := self._told(event, place=False)):
            return None
        asked, told = self._english.gerund(said), self._english.gerund(Said(event, True, said.time))
        return _question(event, f"Where is {event.who} {asked}?", f"{event.who} is {told}")

    def _how(self, event: Event) -> Question | None:
        if not event.expression or event.verb == "look" or not (said := self._told(event)):
            return None
        asked = f"How does {event.who} look while {self._english.gerund(said)}?"
        return _question(event, asked, face(event.who, event.expression))

    def _target(self, event: Event) -> Question | None:
        if not event.target or not event.place or self._deeds[_deeds(event)[0]] != 1:
            return None
        told = self._english.gerund(Said(event))
        doing = told.removesuffix(f" {self._english.thing(event.target)}")
        rest = self._english.gerund(Said(event, True, bool(event.time))).removeprefix(told)
        word = "Who" if event.target in self._people else "What"
        return _question(event, f"{word} is {event.who} {doing}{rest}?", f"{event.who} is {told}")

    def _doing(self, event: Event) -> Question | None:
        if not event.place or not event.time:
            return None
        if self._meetings[(event.who, event.place, event.time)] != 1:
            return None
        where_and_when = f"{self._english.place(event.place)} {self._english.time(event.time)}"
        told = self._english.gerund(Said(event))
        return _question(event, f"What is {event.who} doing {where_and_when}?", f"{event.who} is {told}")

    def _says(self, event: Event) -> Question | None:
        dialogue = self._frames[event.frame].dialogue
        lines = [number for number, line in enumerate(dialogue) if line.speaker == event.who]
        if len(lines) != 1 or not (said := self._told(event)):
            return None
        asked = f"What does {event.who} say while {self._english.gerund(said)}?"
        return _question(event, asked, f"{event.who} says: “{dialogue[lines[0]].text}”", lines)

    def _answers(self, event: Event) -> Question | None:
        """A question that somebody asks in the movie, and what they are answered."""
        dialogue = self._frames[event.frame].dialogue
        pairs = [
            number
            for number, (line, reply) in enumerate(pairwise(dialogue))
            if line.text.endswith("?") and line.speaker != reply.speaker and "”" not in line.text + reply.text
            if self._lines[line.speaker, line.text] == 1
        ]
        if not pairs:
            return None
        line, reply = dialogue[pairs[0]], dialogue[pairs[0] + 1]
        asked = f"What does {reply.speaker} answer when {line.speaker} asks “{line.text}”?"
        answer = f"{reply.speaker} answers: “{reply.text}”"
        return _question(event, asked, answer, [pairs[0], pairs[0] + 1])

    def _told(self, event: Event, *, place: bool = True) -> Said | None:
        """The fewest words that fit this event alone; without `place`, not telling where it is."""
        for where, when in ((False, False), (place, False), (False, True), (place, True)):
            said = Said(event, where and bool(event.place), when and bool(event.time))
            if self._counts[said.key] == 1:
                return said
        return None


def _deeds(event: Event) -> list[tuple[str, str, str, str]]:
    """Who does what where and when, whomever or whatever it is done to."""
    doers = [event.who, event.target] if event.verb in ("hug", "talk") else [event.who]
    return [(who, event.verb, event.place, event.time) for who in doers]


def _question(event: Event, text: str, answer: str, lines: list[int] | None = None) -> Question:
    return Question(
        question=text,
        answer=sentence(answer),
        level=Question.LEVEL_FRAME,
        kind=Question.KIND_PLOT,
        evidence=[qa_pb2.Evidence(frame=event.frame, lines=lines or [])],
    )
