"""What a script will ask of the language model, before it is asked. No I/O.

Instructions and schemas are measured: they are the very files and classes that will be sent. How long answers
become, and so what later questions repeat of them, was measured with a simulated server that writes as much
as the instructions ask for (tests/contract/llm/test_forecast.py), four bytes a token.
"""

import json
from functools import cache
from math import ceil

from pydantic import BaseModel

from reelmill.v1 import common_pb2, script_pb2
from reelmill_llm import Llm, LlmSettings
from reelmill_llm.reading import strict_schema

from .domain import ScriptRequest
from .llm.answers import FramesAnswer, OutlineAnswer, ScenesAnswer
from .llm.checks import LOCATIONS
from .prompts import prompt_text

_BYTES = 4  # of English text and JSON for a token
_CHARACTERS = 3
# Tokens of answers: an outline without its lists, and one item of each.
_OUTLINE, _LOCATION, _CHARACTER, _CHAPTER, _SCENE, _FRAME = 190, 45, 65, 120, 140, 110
# Tokens of what a question repeats: the movie with its characters, a character's state and what it knows, a
# summary of a chapter and of a scene, and the part that is asked about.
_MOVIE, _STATE, _KNOWN, _TOLD_CHAPTER, _TOLD_SCENE, _PART = 420, 50, 20, 75, 60, 200
_SPEED, _LATENCY = 60.0, 1.0  # tokens a second that one answer comes with, and seconds before it comes
_ANYWHERE = "projects/p/movies/m"


class ScriptForecaster:
    """`llm`: none where the offline writer writes."""

    def __init__(self, llm: Llm | None, settings: LlmSettings) -> None:
        self._llm = llm
        self._settings = settings

    def forecast(self, message: script_pb2.ForecastScriptRequest) -> script_pb2.ForecastScriptResponse:
        """Every question asked once and answered well. Raises INVALID_FIELD, as writing it would."""
        wanted = script_pb2.WriteScriptRequest()
        wanted.CopyFrom(message.script)
        wanted.movie = wanted.movie or _ANYWHERE
        request = ScriptRequest.parse(wanted)
        if request.story_key:
            return script_pb2.ForecastScriptResponse(writer="imported")
        if self._llm is None:
            return script_pb2.ForecastScriptResponse(writer="offline")
        calls, read, written = _tokens(request)
        usage = common_pb2.Usage(
            calls=calls, input_tokens=read, output_tokens=written, cost_micros=self._llm.cost(read, written)
        )
        return script_pb2.ForecastScriptResponse(
            usage=usage, seconds=round(self._seconds(request, calls), 1), writer=self._llm.model
        )

    def _seconds(self, request: ScriptRequest, calls: int) -> float:
        """Outline, scenes and frames wait for each other; some answers come at a time, some a minute."""
        at_a_time, scenes = self._settings.concurrency, request.chapters * request.scenes
        steps = (
            (1, _outline(request)),
            (request.chapters, request.scenes * _SCENE),
            (scenes, request.frames * _FRAME),
        )
        waves = sum(ceil(count / at_a_time) * (_LATENCY + tokens / _SPEED) for count, tokens in steps)
        rate = self._settings.max_rate
        return max(waves, 60 * (calls - 1) / rate if rate else 0.0)


def _tokens(request: ScriptRequest) -> tuple[int, int, int]:
    """Calls, tokens read and tokens written."""
    chapters, scenes, frames = request.chapters, request.scenes, request.frames
    # What is told so far: half of it on average; all that was learned is repeated, too.
    told = (chapters - 1) / 2 * (_TOLD_CHAPTER + _KNOWN * _CHARACTERS / 2)
    in_chapter = (scenes - 1) / 2 * (_TOLD_SCENE + _KNOWN)
    context = _MOVIE + told + _CHARACTERS * _STATE + _PART
    outline = _asked(
        "outline", OutlineAnswer, chapters=chapters, locations=LOCATIONS, changes=prompt_text("changes")
    )
    read = (
        outline
        + len(request.theme.encode()) / _BYTES
        + chapters * (context + _scenes_asked())
        + chapters * scenes * (context + in_chapter + _frames_asked())
    )
    written = _outline(request) + chapters * scenes * _SCENE + chapters * scenes * frames * _FRAME
    return 1 + chapters + chapters * scenes, round(read), written


def _outline(request: ScriptRequest) -> int:
    return _OUTLINE + LOCATIONS * _LOCATION + _CHARACTERS * _CHARACTER + request.chapters * _CHAPTER


@cache
def _scenes_asked() -> float:
    slots = {"missing": 11, "locations": "", "characters": "", "changes": prompt_text("changes")}
    return _asked("scenes", ScenesAnswer, **slots)


@cache
def _frames_asked() -> float:
    return _asked("frames", FramesAnswer, missing=11, characters="", verbs="")


def _asked(name: str, answer: type[BaseModel], **slots: object) -> float:
    """Tokens of the instructions and of the schema, which servers count as well."""
    sent = prompt_text(name, **slots) + json.dumps(strict_schema(answer))
    return len(sent.encode()) / _BYTES
