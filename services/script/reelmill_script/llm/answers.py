"""What a language model has to answer on each level; small slips are mended while reading."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from reelmill_world import VERBS

Verb = Literal["stand", "sit", "look", "talk", "hold", "squat", "walk", "hug"]
Time = Literal["morning", "day", "evening", "night"]

# What models write although they were given a list; each stands for the drawable verb most like it.
_VERBS_ALIKE = {
    "stand": "wait pause lean stop freeze rise smile frown nod cry laugh think hesitate breathe",
    "sit": "rest sleep lie eat drink drive ride write",
    "look": "watch see stare gaze observe notice search glance examine study find discover read peer point",
    "talk": "speak say ask tell whisper shout argue explain answer reply call sing discuss plead",
    "hold": "carry take grab give show lift grip clutch offer pick bring open place put",
    "squat": "crouch kneel bend hide duck dig",
    "walk": "run go come enter leave step approach follow climb move march arrive return flee chase dance",
    "hug": "embrace kiss comfort cuddle",
}
_ALIKE = {word: verb for verb, words in _VERBS_ALIKE.items() for word in words.split()}
_TIMES_ALIKE = {
    "dawn": "morning",
    "sunrise": "morning",
    "noon": "day",
    "midday": "day",
    "afternoon": "day",
    "daytime": "day",
    "dusk": "evening",
    "sunset": "evening",
    "twilight": "evening",
    "midnight": "night",
}


def _to_verb(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        return value
    word = re.sub(r"[^a-z]", "", value.lower().split()[0])
    for candidate in _stems(word):
        if candidate in VERBS:
            return candidate
        if candidate in _ALIKE:
            return _ALIKE[candidate]
    return value


def _stems(word: str) -> list[str]:
    """What an English verb form may come from: "carries" from "carry", "hugging" from "hug"."""
    stems = [word]
    for ending in ("s", "es", "ed", "d", "ing"):
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            stems += [stem, f"{stem}e", stem[:-1] if stem[-2:-1] == stem[-1:] else stem]
            stems.append(f"{stem[:-1]}y" if stem.endswith("i") else stem)
    return stems


def _to_time(value: object) -> object:
    if not isinstance(value, str):
        return value
    for word in re.findall(r"[a-z]+", value.lower()):
        if word in ("morning", "day", "evening", "night"):
            return word
        if word in _TIMES_ALIKE:
            return _TIMES_ALIKE[word]
    return value


def _one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _role(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Title = Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=4000)]
Sentence = Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=1000)]
Words = Annotated[str, BeforeValidator(_one_line), StringConstraints(max_length=100)]


class StyleAnswer(BaseModel):
    keyword: Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=60)]
    description: Annotated[str, BeforeValidator(_one_line), StringConstraints(max_length=500)]


class LocationAnswer(BaseModel):
    name: Title
    description: Sentence


class CharacterAnswer(BaseModel):
    name: Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=40)]
    role: Annotated[Literal["main", "supporting"], BeforeValidator(_role)]
    description: Sentence
    appearance: Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=200)]


class ChangeAnswer(BaseModel):
    """How a character differs when a chapter or a scene is over; an empty text: as before."""

    character: Title
    location: Words
    wearing: Words
    learns: Annotated[list[Sentence], Field(max_length=4)]


class ChapterAnswer(BaseModel):
    title: Title
    summary: Text
    locations: Annotated[list[str], Field(min_length=1)]
    changes: Annotated[list[ChangeAnswer], Field(max_length=8)]


class OutlineAnswer(BaseModel):
    title: Title
    overview: Text
    style: StyleAnswer
    locations: Annotated[list[LocationAnswer], Field(min_length=3)]
    characters: Annotated[list[CharacterAnswer], Field(min_length=1, max_length=4)]
    chapters: Annotated[list[ChapterAnswer], Field(min_length=1)]


class ChaptersAnswer(BaseModel):
    chapters: Annotated[list[ChapterAnswer], Field(min_length=1)]


class SceneAnswer(BaseModel):
    title: Title
    summary: Text
    location: Title
    characters: Annotated[list[str], Field(min_length=1, max_length=4)]
    follows_from: Annotated[int, Field(ge=0, le=16)]
    because: Annotated[str, BeforeValidator(_one_line), StringConstraints(max_length=300)]
    changes: Annotated[list[ChangeAnswer], Field(max_length=8)]


class ScenesAnswer(BaseModel):
    scenes: Annotated[list[SceneAnswer], Field(min_length=1)]


class ActionAnswer(BaseModel):
    character: Title
    verb: Annotated[Verb, BeforeValidator(_to_verb)]
    target: Words
    expression: Words


class LineAnswer(BaseModel):
    speaker: Title
    text: Sentence


class FrameAnswer(BaseModel):
    description: Sentence
    time_of_day: Annotated[Time, BeforeValidator(_to_time)]
    actions: Annotated[list[ActionAnswer], Field(max_length=6)]
    dialogue: Annotated[list[LineAnswer], Field(max_length=12)]


class FramesAnswer(BaseModel):
    frames: Annotated[list[FrameAnswer], Field(min_length=1)]


class ShorterAnswer(BaseModel):
    descriptions: Annotated[list[Sentence], Field(min_length=1)]
