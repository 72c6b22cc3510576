"""Writes questions that count: frames, scenes, places, people, lines."""

import random
from collections.abc import Callable, Iterator

from reelmill.v1 import qa_pb2, script_pb2

from .english import English, Said, events, set_off
from .scopes import Scope, shows

Question = qa_pb2.Question
_MOST = 12
"""Evidence is a list that somebody can look through."""
_COUNTED = ("hug", "hold", "sit", "squat", "walk", "stand", "talk")


def count_questions(scope: Scope, english: English, rng: random.Random) -> Iterator[Question]:
    """Candidates of every form in turn; the larger counts first, as a one is no feat of counting."""
    forms = [list(form(scope, english)) for form in _forms(scope)]
    for form in forms:
        rng.shuffle(form)
        form.sort(key=lambda question: len(question.evidence) < 3)
    rng.shuffle(forms)
    for turn in range(max(map(len, forms), default=0)):
        for form in forms:
            if turn < len(form):
                yield form[turn]


def _forms(scope: Scope) -> list[Callable[[Scope, English], Iterator[Question]]]:
    if scope.level == Question.LEVEL_SCENE:
        return [_deeds, _lines, _people]
    return [_deeds, _lines, _people, _parts, _places_of, _places]


def _deeds(scope: Scope, english: English) -> Iterator[Question]:
    found: dict[tuple[str, ...], tuple[Said, set[int]]] = {}
    for event in events(scope):
        if event.verb in _COUNTED and (event.verb != "talk" or event.target):
            said = Said(event)
            for key in said.keys:
                found.setdefault(key, (said, set()))[1].add(event.frame)
    for key, (said, frames) in found.items():
        if key == said.key and 2 <= len(frames) <= _MOST:
            text = f"In how many frames of {set_off(scope.label)} does {said.event.who} {english.base(said)}?"
            yield _question(scope, text, len(frames), "In {} frames.", [(n, ()) for n in frames])


def _lines(scope: Scope, english: English) -> Iterator[Question]:
    spoken: dict[str, dict[int, tuple[int, ...]]] = {}
    for frame in scope.frames:
        for number, line in enumerate(frame.dialogue):
            lines = spoken.setdefault(line.speaker, {})
            lines[frame.index] = (*lines.get(frame.index, ()), number)
    for who, frames in spoken.items():
        count = sum(map(len, frames.values()))
        if who and count > 1 and len(frames) <= _MOST:
            text = f"How many lines does {who} speak in {scope.label}?"
            yield _question(scope, text, count, who + " speaks {} lines.", list(frames.items()))


def _people(scope: Scope, english: English) -> Iterator[Question]:
    first = [
        next((frame.index for frame in scope.frames if shows(frame, character.name)), None)
        for character in scope.script.characters
    ]
    seen = [index for index in first if index is not None]
    if len(seen) > 1:
        text = f"How many of the movie's named characters are seen in {scope.label}?"
        yield _question(scope, text, len(seen), "{} named characters are seen.", [(n, ()) for n in seen])


def _parts(scope: Scope, english: English) -> Iterator[Question]:
    """In how many chapters of the movie, or scenes of a chapter, somebody appears."""
    movie = scope.level == Question.LEVEL_MOVIE
    word = "chapters" if movie else "scenes"
    parts: list[list[script_pb2.Frame]] = (
        [[f for scene in chapter.scenes for f in scene.frames] for chapter in scope.script.chapters]
        if movie
        else [list(scene.frames) for scene in scope.scenes]
    )
    for character in scope.script.characters:
        first = [next((f.index for f in part if shows(f, character.name)), None) for part in parts]
        seen = [index for index in first if index is not None]
        if 2 <= len(seen) <= 2 * _MOST:
            text = f"In how many {word} of {set_off(scope.label)} is {character.name} seen?"
            yield _question(scope, text, len(seen), f"In {{}} {word}.", [(n, ()) for n in seen])


def _places_of(scope: Scope, english: English) -> Iterator[Question]:
    for character in scope.script.characters:
        places: dict[str, int] = {}
        for frame in scope.frames:
            if frame.location and shows(frame, character.name):
                places.setdefault(frame.location, frame.index)
        if 2 <= len(places) <= 2 * _MOST:
            text = f"In how many different places is {character.name} seen in {scope.label}?"
            yield _question(scope, text, len(places), "In {} places.", [(n, ()) for n in places.values()])


def _places(scope: Scope, english: English) -> Iterator[Question]:
    places: dict[str, int] = {}
    for frame in scope.frames:
        if not frame.location:
            return
        places.setdefault(frame.location, frame.index)
    if 2 <= len(places) <= 2 * _MOST:
        text = f"How many different places are shown in {scope.label}?"
        yield _question(scope, text, len(places), "{} places are shown.", [(n, ()) for n in places.values()])


def _question(
    scope: Scope, text: str, count: int, answer: str, frames: list[tuple[int, tuple[int, ...]]]
) -> Question:
    near = [n for n in range(max(1, count - 4), count + 5) if n != count]
    return Question(
        question=text,
        answer=answer.format(count),
        level=scope.level,
        kind=Question.KIND_COUNT,
        evidence=[qa_pb2.Evidence(frame=frame, lines=lines) for frame, lines in sorted(dict(frames).items())],
        choices=[_singular(answer.format(n)) if n == 1 else answer.format(n) for n in near],
    )


def _singular(text: str) -> str:
    """In 1 frame. / 1 place is shown."""
    for many, one in (
        ("frames", "frame"),
        ("lines", "line"),
        ("characters are", "character is"),
        ("chapters", "chapter"),
        ("scenes", "scene"),
        ("places are", "place is"),
        ("places", "place"),
    ):
        if many in text:
            return text.replace(many, one)
    return text
