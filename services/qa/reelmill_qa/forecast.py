"""What questions about a movie will ask of the language model, before it is asked."""

import math

from reelmill.v1 import common_pb2, qa_pb2, script_pb2

from .blind.model import READINGS
from .options import Options

# Tokens, taken high: a frame with its lines, a scene's and a chapter's heads, a draft with its wrong answers,
# instructions and schema, a question in the blind test alone and with its choices.
_FRAME, _SCENE, _CHAPTER, _DRAFT, _SYSTEM, _QUESTION, _CHOICES, _ANSWER = 45, 70, 90, 260, 700, 45, 160, 15
_BATCH = 20
_GIVEN_AWAY = 0.1


def forecast(
    shape: script_pb2.ScriptShape, options: Options, writer: str
) -> qa_pb2.ForecastQuestionsResponse:
    """At most: every question found, none answered before, no answer that has to be asked for twice."""
    questions = options.most(shape)
    result = qa_pb2.ForecastQuestionsResponse(questions=questions, writer=writer)
    if writer == "offline":
        return result
    chapters, scenes = shape.chapters, shape.chapters * shape.scenes
    frames = scenes * shape.frames
    calls = 1 + chapters
    read = (
        calls * (_SYSTEM + 400) + scenes * (2 * _SCENE + _FRAME) + chapters * 2 * _CHAPTER + frames * _FRAME
    )
    written = (6 + 3 * chapters + 2 * scenes) * _DRAFT
    if not options.skip_blind_test:
        chosen = questions * options.choice_percent // 100
        # Those whose choices give them away get others and are read again.
        again = math.ceil(chosen * _GIVEN_AWAY)
        batches = math.ceil(questions / _BATCH) + math.ceil(again / _BATCH)
        parts = 1 + chapters + scenes
        calls += batches * (1 + READINGS) + parts * READINGS
        told = 400 + min(400, frames // chapters) * chapters + frames
        read += batches * (1 + READINGS) * _SYSTEM + (questions + again) * _QUESTION
        read += (chosen + again) * READINGS * _CHOICES
        read += READINGS * (parts * _SYSTEM + told * 25 + questions // 3 * _CHOICES)
        written += (questions + again + (chosen + again + questions // 3) * READINGS) * _ANSWER
    result.usage.CopyFrom(common_pb2.Usage(calls=calls, input_tokens=read, output_tokens=written))
    return result
