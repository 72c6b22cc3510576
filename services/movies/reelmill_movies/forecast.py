"""What a movie will ask of language models: asked of the stages that ask them."""

import asyncio
from math import prod

from reelmill.v1 import movies_pb2, qa_pb2, qa_pb2_grpc, script_pb2, script_pb2_grpc
from reelmill_kit.deadlines import left

from .domain import total_usage
from .neighbours import Neighbour

_TIMEOUT = 10.0


class MovieForecaster:
    def __init__(self, script: Neighbour, qa: Neighbour) -> None:
        self._script = script
        self._qa = qa

    async def forecast(self, asked: movies_pb2.Movie) -> movies_pb2.ForecastMovieResponse:
        """`asked` is checked. Raises WRONG_STATE without addresses, NOT_READY where a service is away."""
        wanted = script_pb2.WriteScriptRequest(
            theme=asked.theme,
            genre=asked.genre,
            shape=asked.shape,
            style=asked.style if asked.HasField("style") else None,
            seed=asked.seed,
        )
        if asked.story_key:
            project = asked.story_key.split("/")[1]
            wanted.movie, wanted.story_key = f"projects/{project}/movies/m", asked.story_key
        script_stub = script_pb2_grpc.ScriptServiceStub(self._script.channel)
        qa_stub = qa_pb2_grpc.QaServiceStub(self._qa.channel)
        to_write = script_pb2.ForecastScriptRequest(script=wanted)
        to_ask = qa_pb2.ForecastQuestionsRequest(shape=asked.shape)
        seconds = left(_TIMEOUT)
        script, qa = await asyncio.gather(
            self._script.call(script_stub.ForecastScript(to_write, timeout=seconds)),
            self._qa.call(qa_stub.ForecastQuestions(to_ask, timeout=seconds)),
        )
        shape = asked.shape
        return movies_pb2.ForecastMovieResponse(
            usage=total_usage((script.usage, qa.usage)),
            script=script.usage,
            qa=qa.usage,
            frames=prod((shape.chapters, shape.scenes, shape.frames)),
            questions=qa.questions,
            script_writer=script.writer,
            qa_writer=qa.writer,
        )
