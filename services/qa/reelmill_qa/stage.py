"""The QA stage: one core behind both doors. Writes, proves and stores a movie's questions, once."""

import hashlib

from google.protobuf import json_format

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_kit import validation
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger, tracer
from reelmill_llm import Budget, BudgetedLlm, Llm, RememberedLlm

from .captions import captions
from .forecast import forecast
from .options import Options
from .prompts import prompt_versions
from .writer import write_questions

# Part of the input digest: raised when the same script would get other questions.
_WRITING = 2


class QaStage:
    def __init__(self, store: ObjectStore, llm: Llm | None) -> None:
        self._store = store
        self._llm = llm

    async def run(self, request: qa_pb2.WriteQuestionsRequest, report: Report) -> qa_pb2.QuestionSet:
        """The movie's questions, proved and stored; the stored ones where the inputs are the same.

        Raises ReelmillError: INVALID_FIELD, WRONG_STATE where no script is given or stored, one of the LLM's
        reasons, or STORE_UNAVAILABLE.
        """
        movie = MovieName.parse(request.movie, "movie")
        options = Options.parse(request.options)
        budget = Budget.of(validation.budget(request.budget, "budget"))
        with tracer().start_as_current_span(
            "write questions", attributes={"reelmill.movie": str(movie)}
        ) as span:
            script = request.script if request.HasField("script") else await self._stored_script(movie)
            check_script(script)
            digest = self._digest(script, request.seed, options)
            questions = await self._stored(movie, digest)
            span.set_attribute("reelmill.reused", questions is not None)
            if questions is None:
                questions = await self._written(movie, script, request.seed, options, budget, report)
                questions.movie, questions.input_digest = str(movie), digest
                told = json_format.MessageToJson(captions(str(movie), script), indent=1, ensure_ascii=False)
                await self._store.put(movie.captions_key, told.encode(), "application/json")
                data = json_format.MessageToJson(questions, indent=1, ensure_ascii=False).encode()
                await self._store.put(movie.questions_key, data, "application/json")
                logger().info(
                    "questions written",
                    movie=str(movie),
                    questions=len(questions.questions),
                    dropped=questions.dropped,
                )
            count = len(questions.questions)
            report("questions written", count, count)
            return questions

    async def _written(
        self,
        movie: MovieName,
        script: script_pb2.Script,
        seed: int,
        options: Options,
        budget: Budget,
        report: Report,
    ) -> qa_pb2.QuestionSet:
        if self._llm is None:
            questions, _ = await write_questions(script, seed, options, None, report)
            return questions
        budgeted = BudgetedLlm(self._llm, budget)
        llm = RememberedLlm(budgeted, self._store, f"{movie}/qa/", budgeted.count)
        try:
            questions, _ = await write_questions(script, seed, options, llm, report)
        except ReelmillError as error:
            error.usage = budgeted.usage.message
            raise
        questions.usage.CopyFrom(budgeted.usage.message)
        return questions

    def forecast(self, request: qa_pb2.ForecastQuestionsRequest) -> qa_pb2.ForecastQuestionsResponse:
        """What questions about such a movie will ask of the model at most. Raises INVALID_FIELD."""
        options = Options.parse(request.options)
        for field in ("chapters", "scenes", "frames"):
            if not 1 <= getattr(request.shape, field) <= 16:
                raise invalid(f"shape.{field}", "has to be 1 to 16")
        told = forecast(request.shape, options, self._llm.model if self._llm else "offline")
        if self._llm:
            told.usage.cost_micros = self._llm.cost(told.usage.input_tokens, told.usage.output_tokens)
        return told

    def _digest(self, script: script_pb2.Script, seed: int, options: Options) -> str:
        writer = self._llm.model if self._llm else "offline"
        content = hashlib.sha256(script.SerializeToString(deterministic=True)).hexdigest()
        prompts = [prompt.digest for prompt in prompt_versions()] if self._llm else []
        return hashlib.sha256(
            f"{_WRITING}\n{writer}\n{seed}\n{content}\n{options}\n{prompts}".encode()
        ).hexdigest()

    async def _stored_script(self, movie: MovieName) -> script_pb2.Script:
        try:
            return json_format.Parse(
                await self._store.get(movie.script_key), script_pb2.Script(), ignore_unknown_fields=True
            )
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            raise ReelmillError(
                Reason.WRONG_STATE,
                f"{movie} has no stored script; write one with ScriptService.WriteScript, or send it along",
                missing="script",
            ) from error
        except json_format.ParseError as error:
            raise ReelmillError(
                Reason.WRONG_STATE, f"the stored script of {movie} cannot be read: {str(error)[:200]}"
            ) from error

    async def _stored(self, movie: MovieName, digest: str) -> qa_pb2.QuestionSet | None:
        try:
            stored = json_format.Parse(await self._store.get(movie.questions_key), qa_pb2.QuestionSet())
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return None
        except json_format.ParseError:
            logger().warning("stored questions cannot be read and are written anew", movie=str(movie))
            return None
        return stored if stored.input_digest == digest else None


def check_script(script: script_pb2.Script) -> None:
    """Raises INVALID_FIELD unless every scene has frames and no frame's number is there twice."""
    if not script.chapters:
        raise invalid("script.chapters", "is empty; questions need a script with frames")
    seen: set[int] = set()
    for c, chapter in enumerate(script.chapters):
        if not chapter.scenes:
            raise invalid(f"script.chapters[{c}].scenes", "is empty")
        for s, scene in enumerate(chapter.scenes):
            where = f"script.chapters[{c}].scenes[{s}].frames"
            if not scene.frames:
                raise invalid(where, "is empty")
            for frame in scene.frames:
                if frame.index in seen or frame.index < 0:
                    raise invalid(where, f"frame number {frame.index} is negative or there twice")
                seen.add(frame.index)
