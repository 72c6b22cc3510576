"""Overview, plot, character and detail questions from a language model, part by part, with their evidence.

Questions of order and number never come from it: those are in the timeline.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_kit.progress import Report
from reelmill_llm import Llm, Prompt, Usage

from .prompts import prompt_text
from .scopes import Scope, chapters, movie, scenes
from .together import together

Question = qa_pb2.Question

SUPPORT = 0.7
"""The share of an answer's words that its evidence must have: a model may put things in words of its own."""

_SYSTEM = prompt_text("questions")
_ORDER = re.compile(r"\b(first|last|before|after|next|order|then|finally|earlier|later)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\bhow (many|often)\b", re.IGNORECASE)
_KINDS = {
    "overview": Question.KIND_OVERVIEW,
    "plot": Question.KIND_PLOT,
    "character": Question.KIND_CHARACTER,
    "detail": Question.KIND_DETAIL,
}


class Proof(BaseModel):
    frame: int
    lines: list[int]


class Draft(BaseModel):
    kind: Literal["overview", "plot", "character", "detail"]
    form: Literal["", "what", "why", "how", "where", "who", "relation"] = ""
    question: Annotated[str, Field(min_length=1, max_length=500)]
    answer: Annotated[str, Field(min_length=1, max_length=2000)]
    evidence: Annotated[list[Proof], Field(min_length=1, max_length=64)]
    wrong: Annotated[list[Annotated[str, Field(max_length=2000)]], Field(max_length=12)] = []
    """Answers to choose from that are not right."""


class ScenePart(BaseModel):
    scene: int
    questions: Annotated[list[Draft], Field(min_length=1, max_length=12)]


class ChapterDrafts(BaseModel):
    chapter: Annotated[list[Draft], Field(min_length=1, max_length=12)]
    scenes: list[ScenePart]


class MovieDrafts(BaseModel):
    questions: Annotated[list[Draft], Field(min_length=1, max_length=12)]


Drafts = dict[tuple[int, int], list[Question]]
"""Candidates by the position of chapter and scene, -1 as in Scope."""


async def draft_questions(
    llm: Llm, script: script_pb2.Script, seed: int, report: Report
) -> tuple[Drafts, Usage]:
    """Asks once for the movie and once a chapter. Raises ReelmillError with one of the LLM's reasons."""
    found: Drafts = {}
    usage = Usage()
    done = 0
    total = 1 + len(script.chapters)

    def count(spent: Usage) -> None:
        nonlocal usage, done
        usage += spent
        done += 1
        report("writing questions", done, total)

    async def whole() -> None:
        scope = movie(script)
        answer = await llm.ask(Prompt("movie-questions", _SYSTEM, _movie_text(script), seed), MovieDrafts)
        found[scope.chapter, scope.scene] = _questions(answer.value.questions, scope.level)
        count(answer.usage)

    async def chapter(scope: Scope) -> None:
        parts = list(scenes(script, scope.chapter))

        def check(drafts: ChapterDrafts) -> None:
            missing = set(range(1, len(parts) + 1)) - {part.scene for part in drafts.scenes}
            if missing:
                raise ValueError(f"scenes {sorted(missing)} have no questions; every scene needs one or two")

        prompt = Prompt(
            f"chapter-{scope.chapter}-questions", _SYSTEM, _chapter_text(script, scope.chapter), seed
        )
        answer = await llm.ask(prompt, ChapterDrafts, check)
        found[scope.chapter, -1] = _questions(answer.value.chapter, scope.level)
        for part in answer.value.scenes:
            if 1 <= part.scene <= len(parts):
                found[scope.chapter, part.scene - 1] = _questions(part.questions, Question.LEVEL_SCENE)
        count(answer.usage)

    await together((whole(), *map(chapter, chapters(script))))
    return found, usage


def _questions(drafts: list[Draft], level: Question.Level.ValueType) -> list[Question]:
    """As candidates."""
    return [
        Question(
            question=" ".join(draft.question.split()),
            answer=" ".join(draft.answer.split()),
            level=level,
            kind=_kind(draft),
            form=draft.form,
            choices=[" ".join(one.split()) for one in draft.wrong if one.strip()],
            evidence=[qa_pb2.Evidence(frame=proof.frame, lines=proof.lines) for proof in draft.evidence],
        )
        for draft in drafts
        if all(-(2**31) <= n < 2**31 for proof in draft.evidence for n in (proof.frame, *proof.lines))
    ]


def _kind(draft: Draft) -> Question.Kind.ValueType:
    """What asks for an order or a number counts as such, so the timeline has to prove it."""
    if _NUMBER.search(draft.question):
        return Question.KIND_COUNT
    return Question.KIND_TEMPORAL if _ORDER.search(draft.question) else _KINDS[draft.kind]


def _movie_text(script: script_pb2.Script) -> str:
    """The movie in outline: every scene with its first frame."""
    lines = [
        "Write 1 overview question, 3 plot questions and 2 character questions about the whole movie.",
        "",
        *_head(script),
    ]
    for number, chapter in enumerate(script.chapters, 1):
        lines.append(f"\nChapter {number}: {chapter.title}. {chapter.summary}")
        for scene in chapter.scenes:
            lines.append(f"Scene: {scene.title}. {scene.summary}")
            lines += [_frame(frame) for frame in scene.frames[:1]]
    return "\n".join(lines)


def _chapter_text(script: script_pb2.Script, position: int) -> str:
    """A chapter with all its frames and lines."""
    chapter = script.chapters[position]
    lines = [
        "Write 1 overview question, 1 plot question and 1 character question about this chapter, "
        f"and 2 questions (plot, character or detail) about each of its {len(chapter.scenes)} scenes.",
        "",
        *_head(script),
        f"\nChapter {position + 1}: {chapter.title}. {chapter.summary}",
    ]
    for number, scene in enumerate(chapter.scenes, 1):
        lines.append(f"\nScene {number}: {scene.title}. {scene.summary}")
        lines += [_frame(frame) for frame in scene.frames]
    return "\n".join(lines)


def _head(script: script_pb2.Script) -> list[str]:
    return [
        f"Movie: {script.title}. {script.overview}",
        *(f"Character: {c.name}, {c.description}" for c in script.characters),
    ]


def _frame(frame: script_pb2.Frame) -> str:
    spoken = "".join(f" [line {n}] {line.speaker}: {line.text}" for n, line in enumerate(frame.dialogue))
    return f"Frame {frame.index} ({frame.location}, {frame.time_of_day}): {frame.description}{spoken}"
