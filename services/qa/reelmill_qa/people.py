"""Writes questions about characters: who does what, who somebody is, what two are to each other."""

import random
import re
from collections import Counter
from collections.abc import Iterator

from reelmill.v1 import qa_pb2

from .english import English, Event, Said, events, sentence
from .scopes import Scope, shows

Question = qa_pb2.Question


def character_questions(scope: Scope, english: English, rng: random.Random) -> Iterator[Question]:
    """Candidates for any part of a movie, each form in turn."""
    forms = [list(_who_does(scope, english)), list(_who_says(scope))]
    if scope.level == Question.LEVEL_MOVIE:
        forms += [list(_who_is(scope)), list(_relations(scope))]
    for form in forms:
        rng.shuffle(form)
    rng.shuffle(forms)
    for turn in range(max(map(len, forms))):
        for form in forms:
            if turn < len(form):
                yield form[turn]


def _who_does(scope: Scope, english: English) -> Iterator[Question]:
    """What only one character is seen doing in this part."""
    doers: dict[tuple[str, str, str], dict[str, Event]] = {}
    for event in events(scope):
        for place in ("", event.place):
            doers.setdefault((event.verb, event.target, place), {}).setdefault(event.who, event)
    others = [character.name for character in scope.script.characters]
    for (verb, target, place), found in doers.items():
        if len(found) != 1 or (not target and verb in ("look", "talk", "stand")):
            continue
        ((who, event),) = found.items()
        said = Said(event, place=bool(place))
        text = f"In {scope.label}, who is seen {english.gerund(said)}?"
        wrong = [name for name in others if name not in (who, target)]
        yield _question(scope, text, who, "who", [qa_pb2.Evidence(frame=event.frame)], wrong)


def _who_says(scope: Scope) -> Iterator[Question]:
    spoken = Counter(line.text for frame in scope.frames for line in frame.dialogue)
    people = [character.name for character in scope.script.characters]
    for frame in scope.frames:
        for number, line in enumerate(frame.dialogue):
            if line.speaker and spoken[line.text] == 1 and len(line.text) > 20 and "”" not in line.text:
                yield _question(
                    scope,
                    f"In {scope.label}, who says “{line.text}”?",
                    line.speaker,
                    "who",
                    [qa_pb2.Evidence(frame=frame.index, lines=[number])],
                    [name for name in people if name != line.speaker],
                )


def _who_is(scope: Scope) -> Iterator[Question]:
    """What the script says of a character: "the toy maker who laughs first and worries later"."""
    told = {}
    for character in scope.script.characters:
        text = character.description.split(";")[0].strip().removesuffix(".")
        text = text.removeprefix(f"{character.name}, ")
        if re.match(r"(a|an|the|her|his) \w", text):
            told[character.name] = text
    for name, text in told.items():
        first = _first(scope, name)
        if first is not None and list(told.values()).count(text) == 1:
            wrong = [sentence(f"{name} is {other}") for other in told.values() if other != text]
            asked = f"Who is {name} in {scope.label}?"
            answer = f"{name} is {text}"
            yield _question(scope, asked, answer, "who", [qa_pb2.Evidence(frame=first)], wrong)


def _relations(scope: Scope) -> Iterator[Question]:
    """A friend of Tessa / Tessa's sister, as the descriptions of the cast have it."""
    names = [character.name for character in scope.script.characters]
    found = []
    for character in scope.script.characters:
        for other in names:
            if other == character.name:
                continue
            name = re.escape(other)
            pattern = rf"\b(?:an? [a-z]+(?: [a-z]+)? of {name}|{name}[’']s [a-z]+(?: [a-z]+)?)(?=[.,;]|$)"
            if match := re.search(pattern, character.description):
                found.append((character.name, other, match[0]))
    for who, other, relation in found:
        frames = [_first(scope, who), _first(scope, other)]
        if None in frames:
            continue
        word = re.sub(rf"(^an? )|( of {re.escape(other)}$)|(^{re.escape(other)}[’']s )", "", relation)
        kinds = (
            "brother",
            "sister",
            "friend",
            "neighbour",
            "teacher",
            "child",
            "rival",
            "cousin",
            "partner",
        )
        wrong = [sentence(f"{who} is {relation.replace(word, kind)}") for kind in kinds if kind not in word]
        evidence = [qa_pb2.Evidence(frame=frame) for frame in sorted({f for f in frames if f is not None})]
        text = f"What is {who} to {other} in {scope.label}?"
        yield _question(scope, text, f"{who} is {relation}", "relation", evidence, wrong)


def _first(scope: Scope, name: str) -> int | None:
    return next((frame.index for frame in scope.frames if shows(frame, name)), None)


def _question(
    scope: Scope, text: str, answer: str, form: str, evidence: list[qa_pb2.Evidence], wrong: list[str]
) -> Question:
    return Question(
        question=text,
        answer=sentence(answer),
        level=scope.level,
        kind=Question.KIND_CHARACTER,
        form=form,
        evidence=evidence,
        choices=[sentence(one) for one in wrong],
    )
