"""Writes overview and plot questions from a script without a language model: what, who, where, why."""

import random
import re
from collections.abc import Iterator

from reelmill.v1 import qa_pb2, script_pb2

from .english import English, listing, sentence, set_off
from .reasons import reasons
from .scopes import Scope, shows

Question = qa_pb2.Question

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_PRONOUN = re.compile(r"(he|she|it|they|his|her|its|their|this|that|there|then|but|so)\b", re.IGNORECASE)
_ALL_FRAMES = 12


def overview_questions(scope: Scope) -> Iterator[Question]:
    """The one question that every movie, chapter and scene gets, what happens in it, answered in full.

    Then with fewer sentences in a row, as what is told does not have to be seen in these frames.
    """
    sentences, evidence = _shown_prose(scope)
    if scope.level == Question.LEVEL_MOVIE:
        text, kind = "What is the movie about?", Question.KIND_OVERVIEW
    elif scope.level == Question.LEVEL_CHAPTER:
        text, kind = f"What happens in {scope.label}?", Question.KIND_OVERVIEW
    else:
        text, kind = f"What happens in {scope.label}?", Question.KIND_PLOT
    for length in range(len(sentences), 0, -1):
        for start in range(len(sentences) - length + 1):
            if not start or not _PRONOUN.match(sentences[start]):
                yield _question(
                    scope, text, " ".join(sentences[start : start + length]), kind, evidence, "what"
                )


def plot_questions(scope: Scope, english: English, rng: random.Random) -> Iterator[Question]:
    """Candidates for a movie, a chapter or a scene, the best first."""
    told = list(reasons(scope.prose, [character.name for character in scope.script.characters]))
    rng.shuffle(told)
    for asked, answer in told:
        if (evidence := _evidence(scope, f"{asked} {answer}")) is not None:
            yield _question(
                scope,
                f"In {scope.label}, {asked}",
                sentence(answer),
                Question.KIND_PLOT,
                evidence,
                "why" if asked.startswith("why") else "what",
            )
    if scope.level == Question.LEVEL_SCENE:
        yield from _how_it_comes_about(scope)
    if scope.level == Question.LEVEL_MOVIE:
        yield from _main_characters(scope)
    if scope.level != Question.LEVEL_SCENE:
        yield from _where_it_takes_place(scope, english)


def _main_characters(scope: Scope) -> Iterator[Question]:
    names = [c.name for c in scope.script.characters if c.role == script_pb2.Character.ROLE_MAIN]
    first = [next((frame.index for frame in scope.frames if shows(frame, name)), None) for name in names]
    if names and None not in first:
        many = len(names) > 1
        text = "Who are the main characters" if many else "Who is the main character"
        answer = f"The main {'characters are' if many else 'character is'} {listing(names)}"
        frames = [qa_pb2.Evidence(frame=frame) for frame in sorted({f for f in first if f is not None})]
        yield _question(
            scope, f"{text} of {scope.label}?", sentence(answer), Question.KIND_PLOT, frames, "what"
        )


def _where_it_takes_place(scope: Scope, english: English) -> Iterator[Question]:
    first: dict[str, int] = {}
    for frame in scope.frames:
        if not frame.location:
            return
        first.setdefault(frame.location, frame.index)
    if first:
        answer = f"It takes place {listing([english.place(place) for place in first])}"
        frames = [qa_pb2.Evidence(frame=frame) for frame in first.values()]
        yield _question(
            scope,
            f"Where does {set_off(scope.label)} take place?",
            sentence(answer),
            Question.KIND_PLOT,
            frames,
            "where",
        )


def _how_it_comes_about(scope: Scope) -> Iterator[Question]:
    """The one cause that the script names; the causes of other scenes are the wrong choices."""
    (scene,) = scope.scenes
    if len(scene.causes) != 1:
        return
    cause = scene.causes[0]
    chapters = scope.script.chapters
    if not 0 <= cause.chapter < len(chapters) or not 0 <= cause.scene < len(chapters[cause.chapter].scenes):
        return
    earlier = chapters[cause.chapter].scenes[cause.scene].frames[0].index
    frames = [qa_pb2.Evidence(frame=frame) for frame in (earlier, scene.frames[0].index)]
    text = f"How does {set_off(scope.label)} come about?"
    yield _question(scope, text, sentence(cause.reason), Question.KIND_PLOT, frames, "how")


def _shown_prose(scope: Scope) -> tuple[list[str], list[qa_pb2.Evidence]]:
    """The sentences of the scope's prose whose names are all shown, and the frames that show them."""
    kept = []
    whole = True
    for text in filter(None, map(str.strip, _SENTENCE.split(scope.prose))):
        # Without the sentence before, nobody knows whom a pronoun means.
        if whole or not _PRONOUN.match(text):
            whole = _evidence(scope, text) is not None
            if whole:
                kept.append(text)
    return kept, _evidence(scope, " ".join(kept)) or []


def _evidence(scope: Scope, text: str) -> list[qa_pb2.Evidence] | None:
    """Frames that show what a text names: the first of each part, of each character and of each location.

    None if it names a character that the movie never shows.
    """
    frames, movie = scope.frames, Scope(scope.script).frames
    wanted = {scene.frames[0].index for scene in scope.scenes if scene.frames}
    if scope.level == Question.LEVEL_MOVIE:
        wanted = {
            c.scenes[0].frames[0].index for c in scope.script.chapters if c.scenes and c.scenes[0].frames
        }
    elif scope.level == Question.LEVEL_SCENE and len(frames) <= _ALL_FRAMES:
        wanted = {frame.index for frame in frames}
    for name in (character.name for character in scope.script.characters):
        if _mentions(text, name):
            if not any(_acts(name, frame) for frame in movie):
                return None
            wanted.update([frame.index for frame in frames if _acts(name, frame)][:1])
    for place in sorted({frame.location for frame in frames} - {""}):
        if _mentions(text.lower(), place.lower()):
            wanted.update([frame.index for frame in frames if frame.location == place][:1])
    return [qa_pb2.Evidence(frame=frame) for frame in sorted(wanted)]


def _acts(name: str, frame: script_pb2.Frame) -> bool:
    return any(action.character == name for action in frame.actions)


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _question(
    scope: Scope,
    text: str,
    answer: str,
    kind: Question.Kind.ValueType,
    evidence: list[qa_pb2.Evidence],
    form: str,
) -> Question:
    return Question(question=text, answer=answer, level=scope.level, kind=kind, evidence=evidence, form=form)
