"""Puts a release's questions to a model that sees frames, or, for comparison, to one that does not."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reelmill_llm import Llm, PlainText, Prompt

from .footage import Footage, sampled
from .judging import Bench
from .prompts import prompt_text
from .reading import LETTERS, BenchmarkQuestion, choice_in

_FORMS = {
    True: "Answer with the letter of the right choice and nothing else.",
    False: "Answer in one or two sentences.",
}
_READY = 24


class View(StrEnum):
    """What the model is given beside the question."""

    FRAMES = "frames"
    BLIND = "blind"  # nothing
    SHUFFLED = "shuffled"  # the frames' descriptions, in an order that tells nothing


class Part(StrEnum):
    """Where frames are taken from."""

    QUESTION = "question"  # the part that the question is about
    MOVIE = "movie"


class Sampling(StrEnum):
    """Which of them, where there are more than are shown."""

    UNIFORM = "uniform"  # evenly spaced
    RANDOM = "random"  # by seed, in their order
    EVIDENCE = "evidence"  # those that prove the answer, the others evenly


@dataclass(frozen=True, slots=True)
class Showing:
    """`frames`: at most so many. `subtitles`: what is said in the part, as text. `choices`: asked with them
    where a question has any."""

    view: View = View.FRAMES
    frames: int = 32
    part: Part = Part.QUESTION
    sampling: Sampling = Sampling.UNIFORM
    subtitles: bool = True
    choices: bool = True
    seed: int = 0

    def lettered(self, question: BenchmarkQuestion) -> bool:
        return self.choices and bool(question.choices)


async def answer(
    bench: Bench,
    questions: Sequence[BenchmarkQuestion],
    footage: Footage,
    model: Llm,
    showing: Showing,
    rows: dict[str, dict[str, Any]],
) -> None:
    """Puts into `rows` a row of an answers file for each question, by its id, as answers come.

    A question that gets no usable answer has none. Raises the LLM's other reasons, BUDGET_EXCEEDED, NOT_FOUND
    or INVALID_FIELD; what came before is in `rows` then.
    """
    ready = asyncio.Semaphore(_READY)  # pictures of so many questions are held

    async def one(question: BenchmarkQuestion) -> None:
        def check(said: PlainText) -> None:
            if showing.lettered(question) and choice_in(said.text, question) is None:
                raise ValueError(f"it names none of the {len(question.choices)} choices; give one letter")

        async with ready:
            prompt = await asyncio.to_thread(prompt_for, question, footage, showing)
            given = await bench.ask(model, prompt, PlainText, check)
        if given is not None:
            rows[question.id] = row(question, given.text, showing)

    await bench.all("answering", [one(question) for question in questions])


def said_of(model: str, showing: Showing, side: int) -> str:
    """For people: "qwen3-vl, 32 frames (uniform, of the part, 512 px), subtitles"."""
    if showing.view is View.BLIND:
        return f"{model}, blind: question {'and choices' if showing.choices else 'alone'}"
    where = f"{showing.sampling}, of the {'part' if showing.part is Part.QUESTION else 'movie'}"
    if showing.view is View.SHUFFLED:
        return f"{model}, blind: {showing.frames} frames described ({where}), shuffled"
    lines = "subtitles" if showing.subtitles else "no subtitles"
    return f"{model}, {showing.frames} frames ({where}, {side} px), {lines}"


def prompt_for(question: BenchmarkQuestion, footage: Footage, showing: Showing) -> Prompt:
    """Raises NOT_FOUND or INVALID_FIELD where the release lacks what is to be shown."""
    lettered = showing.lettered(question)
    system = prompt_text("answer", form=_FORMS[lettered])
    told = [*_material(question, footage, showing), f"Question: {question.question}"]
    if lettered:
        told += [f"{letter}. {choice}" for letter, choice in zip(LETTERS, question.choices, strict=False)]
    pictures: tuple[bytes, ...] = ()
    if showing.view is View.FRAMES:
        pictures = footage.pictures(question.movie, _shown(question, footage, showing))
    return Prompt("answer", system, "\n".join(told), seed=showing.seed, images=pictures)


def row(question: BenchmarkQuestion, text: str, showing: Showing) -> dict[str, Any]:
    """A choice where one is named, else the words."""
    if showing.lettered(question) and (choice := choice_in(text, question)) is not None:
        return {"id": question.id, "choice": LETTERS[choice]}
    return {"id": question.id, "answer": text}


def _material(question: BenchmarkQuestion, footage: Footage, showing: Showing) -> list[str]:
    if showing.view is View.BLIND:
        return []
    shown = _shown(question, footage, showing)
    if showing.view is View.SHUFFLED:
        texts = footage.texts(question.movie)
        captions = [texts[frame].caption for frame in shown if frame in texts]
        random.Random(f"{showing.seed}/{question.id}").shuffle(captions)
        return ["Descriptions of frames, in no order:", *(f"- {caption}" for caption in captions), ""]
    told = []
    everything = footage.frames(question.movie)
    if showing.part is Part.MOVIE:
        told.append(f"The movie has frames {everything[0]} to {everything[-1]}.")
        told.append(f"You see frames {', '.join(map(str, shown))}.")
        if question.level != "movie" and question.frames:
            told.append(f"The question is about frames {question.frames[0]} to {question.frames[-1]}.")
    if showing.subtitles:
        texts = footage.texts(question.movie)
        of = everything if showing.part is Part.MOVIE else _part(question, everything)
        said = [line for frame in of if frame in texts for line in texts[frame].lines]
        told += ["Subtitles:", *said, ""] if said else []
    return told


def _shown(question: BenchmarkQuestion, footage: Footage, showing: Showing) -> list[int]:
    everything = footage.frames(question.movie)
    part = everything if showing.part is Part.MOVIE else _part(question, everything)
    if len(part) > showing.frames:
        if showing.sampling is Sampling.RANDOM:
            return sorted(random.Random(f"{showing.seed}/{question.id}").sample(part, showing.frames))
        if showing.sampling is Sampling.EVIDENCE:
            proof = sampled([frame for frame in part if frame in question.evidence], showing.frames)
            others = [frame for frame in part if frame not in question.evidence]
            return sorted([*proof, *sampled(others, showing.frames - len(proof))])
    return sampled(part, showing.frames)


def _part(question: BenchmarkQuestion, everything: Sequence[int]) -> Sequence[int]:
    return question.frames if question.frames and question.level != "movie" else everything
