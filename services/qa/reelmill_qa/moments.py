"""Writes questions about single frames: where somebody is, what they do, how they look, what they say."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from reelmill.v1 import qa_pb2, script_pb2

from .english import English, Event, Said, events, face, sentence
from .scopes import Scope

Question = qa_pb2.Question
_PLOT, _CHARACTER, _DETAIL = Question.KIND_PLOT, Question.KIND_CHARACTER, Question.KIND_DETAIL


class Moments:
    """Asks about frames in words that fit no other frame of the movie."""

    def __init__(self, script: script_pb2.Script, english: English) -> None:
        self._english = english
        self._people = {character.name for character in script.characters}
        self._frames = {frame.index: frame for frame in Scope(script).frames}
        self._clothes = _clothes(script)
        told = events(Scope(script))
        self._faces = sorted({event.expression for event in told} - {""})
        self._targets = {
            verb: sorted({event.target for event in told if event.verb == verb} - {""})
            for verb in ("hold", "hug", "talk", "look")
        }
        self._doings: dict[str, list[Event]] = {}
        for event in told:
            self._doings.setdefault(event.who, []).append(event)
        self._spoken: dict[str, list[str]] = {}
        for frame in self._frames.values():
            for line in frame.dialogue:
                self._spoken.setdefault(line.speaker, []).append(line.text)
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
        forms = [self._where, self._how, self._target, self._doing, self._says, self._answers, self._wears]
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
        places = sorted({e.place for e in self._doings[event.who] if e.place})
        wrong = [
            f"{event.who} is {self._english.gerund(Said(replace(event, place=place), True, said.time))}"
            for place in places
        ]
        text = f"Where is {event.who} {asked}?"
        return _question(event, text, f"{event.who} is {told}", _PLOT, "where", wrong)

    def _how(self, event: Event) -> Question | None:
        if not event.expression or event.verb == "look" or not (said := self._told(event)):
            return None
        asked = f"How does {event.who} look while {self._english.gerund(said)}?"
        wrong = [face(event.who, one) for one in self._faces]
        return _question(event, asked, face(event.who, event.expression), _DETAIL, "face", wrong)

    def _target(self, event: Event) -> Question | None:
        if not event.target or not event.place or self._deeds[_deeds(event)[0]] != 1:
            return None
        told = self._english.gerund(Said(event))
        doing = told.removesuffix(f" {self._english.thing(event.target)}")
        rest = self._english.gerund(Said(event, True, bool(event.time))).removeprefix(told)
        word = "Who" if event.target in self._people else "What"
        others = [*self._people - {event.who}] if word == "Who" else self._targets[event.verb]
        wrong = [
            f"{event.who} is {self._english.gerund(Said(replace(event, target=other)))}"
            for other in sorted(others)
        ]
        text, answer = f"{word} is {event.who} {doing}{rest}?", f"{event.who} is {told}"
        kind, form = (_CHARACTER, "who") if word == "Who" else (_DETAIL, event.verb)
        return _question(event, text, answer, kind, form, wrong)

    def _doing(self, event: Event) -> Question | None:
        if not event.place or not event.time:
            return None
        if self._meetings[(event.who, event.place, event.time)] != 1:
            return None
        where_and_when = f"{self._english.place(event.place)} {self._english.time(event.time)}"
        told = self._english.gerund(Said(event))
        wrong = [f"{event.who} is {self._english.gerund(Said(e))}" for e in self._doings[event.who]]
        text = f"What is {event.who} doing {where_and_when}?"
        return _question(event, text, f"{event.who} is {told}", _PLOT, "what", wrong)

    def _wears(self, event: Event) -> Question | None:
        worn = self._clothes.get((event.frame, event.who), "")
        if not worn or worn not in self._frames[event.frame].prompt or not (said := self._told(event)):
            return None
        asked = f"What does {event.who} wear while {self._english.gerund(said)}?"
        others = sorted(set(self._clothes.values()) - {worn})
        wrong = [f"{event.who} wears {other}" for other in others]
        return _question(event, asked, f"{event.who} wears {worn}", _DETAIL, "clothes", wrong)

    def _says(self, event: Event) -> Question | None:
        dialogue = self._frames[event.frame].dialogue
        lines = [number for number, line in enumerate(dialogue) if line.speaker == event.who]
        if len(lines) != 1 or not (said := self._told(event)):
            return None
        asked = f"What does {event.who} say while {self._english.gerund(said)}?"
        answer = f"{event.who} says: “{dialogue[lines[0]].text}”"
        wrong = [f"{event.who} says: “{text}”" for text in self._spoken[event.who]]
        return _question(event, asked, answer, _DETAIL, "line", wrong, lines)

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
        wrong = [f"{reply.speaker} answers: “{text}”" for text in self._spoken[reply.speaker]]
        return _question(event, asked, answer, _DETAIL, "line", wrong, [pairs[0], pairs[0] + 1])

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


def _clothes(script: script_pb2.Script) -> dict[tuple[int, str], str]:
    """What everybody wears in each frame, "a blue coat": as the scene says, or else their appearance."""
    usual = {}
    for character in script.characters:
        if match := re.search(r" (?:in|wearing) (an? .+)$", character.appearance):
            usual[character.name] = match[1]
    worn = {}
    for scene in Scope(script).scenes:
        now = usual | {state.character: state.wearing for state in scene.states if state.wearing}
        worn.update({(frame.index, who): text for frame in scene.frames for who, text in now.items()})
    return worn


def _question(
    event: Event,
    text: str,
    answer: str,
    kind: Question.Kind.ValueType,
    form: str,
    wrong: list[str],
    lines: list[int] | None = None,
) -> Question:
    answer = sentence(answer)
    return Question(
        question=text,
        answer=answer,
        level=Question.LEVEL_FRAME,
        kind=kind,
        form=form,
        evidence=[qa_pb2.Evidence(frame=event.frame, lines=lines or [])],
        choices=[one for one in dict.fromkeys(map(sentence, wrong)) if one != answer],
    )
