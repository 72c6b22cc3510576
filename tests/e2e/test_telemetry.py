"""One movie is one trace, from the caller through every service to the language model, Triton and S3."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from reelmill.v1 import movies_pb2, movies_pb2_grpc
from reelmill_local import LocalStack
from tests.contract.llm import screenwriter
from tests.contract.qa.test_language_model import examiner
from tests.support.movies import StackClient, wanted
from tests.support.openai_server import API_KEY, openai_server
from tests.support.otlp import OtlpReceiver, Span, otlp_receiver
from tests.support.stack import channel_to

pytestmark = [pytest.mark.stack, pytest.mark.torch, pytest.mark.slow]

SERVICES = ("movies", "script", "style", "render", "qa", "dataset")
FRAMES = 4


@dataclass(frozen=True)
class Made:
    """A movie, and what the receiver heard of it."""

    trace_id: str
    caller_id: str
    received: OtlpReceiver
    logs: dict[str, str]

    @property
    def spans(self) -> list[Span]:
        return [span for span in self.received.spans if span.trace_id == self.trace_id]

    def named(self, service: str, name: str) -> list[Span]:
        return [s for s in self.spans if s.service == f"reelmill-{service}" and s.name.startswith(name)]

    def ancestors(self, span: Span) -> list[str]:
        """Names from the span's parent up to the caller."""
        by_id = {s.span_id: s for s in self.spans}
        names = []
        while span.parent_id != self.caller_id:
            span = by_id[span.parent_id]
            names.append(span.name)
        return names


def author(system: str, user: str) -> object:
    about_questions = "question and answer pairs" in system or "have not seen" in system
    return examiner(system, user) if about_questions else screenwriter.write(system, user)


async def create(stack: LocalStack, trace_id: str, caller_id: str) -> str:
    """As a caller would who has a trace of its own."""
    request = movies_pb2.CreateMovieRequest(
        parent="projects/acme", movie=wanted(chapters=1, scenes=2, frames=2)
    )
    async with channel_to(stack, "movies") as channel:
        stub = movies_pb2_grpc.MovieServiceStub(channel)
        metadata = (("traceparent", f"00-{trace_id}-{caller_id}-01"),)
        reply = await stub.CreateMovie(request, metadata=metadata, timeout=60)
    return str(reply.movie.name)


@pytest.fixture(scope="module")
def made(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with otlp_receiver() as received, openai_server(author) as llm:
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{received.address}",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "REELMILL_RECONCILE_INTERVAL": "2",
            "REELMILL_DIFFUSION_MODEL": tiny_model,
            "REELMILL_TORCH_THREADS": "1",
            "REELMILL_LLM_MODEL": "test-model",
            "REELMILL_LLM_BASE_URL": llm.url,
            "REELMILL_LLM_API_KEY": API_KEY,
        }
        trace_id, caller_id = secrets.token_hex(16), secrets.token_hex(8)
        with LocalStack(tmp_path_factory.mktemp("traced"), environment=environment) as stack:
            name = asyncio.run(create(stack, trace_id, caller_id))
            asyncio.run(StackClient(stack).ended(name))
        # The stack has ended, so every span has been sent.
        logs = {name: (stack.folder / "logs" / f"{name}.log").read_text() for name in SERVICES}
        yield Made(trace_id, caller_id, received, logs)


def test_every_service_is_part_of_the_callers_trace(made: Made) -> None:
    assert {span.service for span in made.spans} == {f"reelmill-{name}" for name in SERVICES}


def test_the_trace_is_one_tree_below_the_caller(made: Made) -> None:
    known = {span.span_id for span in made.spans} | {made.caller_id}
    orphans = [f"{span.service} {span.name}" for span in made.spans if span.parent_id not in known]
    assert orphans == []
    [root] = [span for span in made.spans if span.parent_id == made.caller_id]
    assert root.name == "/reelmill.v1.MovieService/CreateMovie"


@pytest.mark.parametrize("stage", ["script", "style", "render", "qa", "dataset"])
def test_each_job_goes_on_from_the_message_that_asked_for_it(made: Made, stage: str) -> None:
    jobs = made.named(stage, f"process reelmill.jobs.{stage}")
    assert len(jobs) == (FRAMES if stage == "render" else 1)
    published = {span.span_id for span in made.named("movies", f"publish reelmill.jobs.{stage}")}
    assert {job.parent_id for job in jobs} <= published
    assert {job.attributes["reelmill.job.outcome"] for job in jobs} == {"done"}


def test_no_job_of_the_movie_is_outside_its_trace(made: Made) -> None:
    jobs = [span for span in made.received.spans if span.name.startswith("process reelmill.jobs.")]
    assert {span.trace_id for span in jobs} == {made.trace_id}


def test_the_language_model_is_called_inside_the_script_and_qa_jobs(made: Made) -> None:
    for stage in ("script", "qa"):
        calls = made.named(stage, "chat test-model")
        assert calls
        for call in calls:
            assert f"process reelmill.jobs.{stage}" in made.ancestors(call)
            assert int(call.attributes["gen_ai.usage.output_tokens"]) > 0


def test_each_frame_is_drawn_by_triton_and_stored_inside_its_job(made: Made) -> None:
    drawn = made.named("render", "triton diffusion")
    in_jobs = [span for span in drawn if "process reelmill.jobs.render" in made.ancestors(span)]
    assert len(in_jobs) >= FRAMES
    stored = {
        span.attributes["aws.s3.key"].rsplit("/", 1)[-1]: made.ancestors(span)
        for span in made.named("render", "S3 PutObject")
    }
    assert sorted(stored) == sorted(f"{i:06d}.{kind}" for i in range(FRAMES) for kind in ("png", "json"))
    for ancestors in stored.values():
        assert ancestors[-1] == "/reelmill.v1.MovieService/CreateMovie"
        assert "process reelmill.jobs.render" in ancestors


def test_the_metrics_of_the_work_are_there(made: Made) -> None:
    wanted_metrics = {
        ("reelmill-movies", "reelmill.project.used"),
        ("reelmill-script", "reelmill.jobs"),
        ("reelmill-script", "reelmill.llm.tokens"),
        ("reelmill-render", "reelmill.job.duration"),
        ("reelmill-render", "reelmill.frames"),
        ("reelmill-render", "reelmill.frame.draw.duration"),
        ("reelmill-movies", "reelmill.movies"),
    }
    assert wanted_metrics <= made.received.metrics


def test_logs_are_json_and_carry_the_trace(made: Made) -> None:
    lines = [json.loads(line) for line in made.logs["movies"].splitlines() if line.startswith("{")]
    [ended] = [line for line in lines if line["event"] == "movie ended"]
    assert ended["trace_id"] == made.trace_id
    assert ended["service"] == "movies"
