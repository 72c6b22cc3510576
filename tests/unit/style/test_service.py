from __future__ import annotations  # AsyncStub is for type checkers only

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from PIL import Image

from reelmill.v1 import common_pb2, events_pb2, script_pb2, style_pb2, style_pb2_grpc
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.grpc_server import GrpcServer
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_style.diffusion import DiffusionLearner
from reelmill_style.domain import Defaults
from reelmill_style.service import StyleJobs, StyleServicer
from reelmill_style.stage import StyleStage
from tests.support.pictures import encoded, gradient, png_bomb
from tests.support.tiny import _one_torch_thread, tiny_sd, tiny_xl  # noqa: F401

pytestmark = pytest.mark.torch
MOVIE = "projects/acme/movies/m-1"


@pytest.fixture
def stage(tiny_sd: Path) -> StyleStage:  # noqa: F811
    learner = DiffusionLearner(tiny_sd, device="cpu", dtype="auto", threads=1)
    return StyleStage(MemoryStore(), learner, Defaults(steps=4, vectors=1, references=2))


@pytest.fixture
async def stub(stage: StyleStage) -> AsyncIterator[style_pb2_grpc.StyleServiceAsyncStub]:
    add = style_pb2_grpc.add_StyleServiceServicer_to_server
    server = GrpcServer([(add, StyleServicer(stage), "reelmill.v1.StyleService")])
    port = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield style_pb2_grpc.StyleServiceStub(channel)
    await server.stop(0)


def request(keyword: str = "noir") -> style_pb2.LearnStyleRequest:
    text = script_pb2.StyleText(keyword=keyword)
    return style_pb2.LearnStyleRequest(parent="projects/acme", movie=MOVIE, style=text, seed=1)


async def test_a_call_streams_progress_and_ends_with_the_style(
    stub: style_pb2_grpc.StyleServiceAsyncStub,
) -> None:
    updates = [update async for update in stub.LearnStyle(request())]
    assert [u.WhichOneof("update") for u in updates[:-1]] == ["progress"] * (len(updates) - 1)
    assert len(updates) > 2
    assert updates[-1].learned.style.text.keyword == "noir"
    assert updates[-1].learned.embedding


def of(image: bytes, caption: str = "") -> style_pb2.LearnStyleRequest:
    reference = style_pb2.ReferenceImage(content=image, caption=caption)
    return style_pb2.LearnStyleRequest(parent="projects/acme", references=[reference], seed=1)


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("style.keyword", request(keyword="")),
        ("style.keyword", request(keyword="long " * 2_000)),
        ("references[0].content", of(b"no image")),
        ("references[0].content", of(png_bomb(30_000))),
        ("references[0].content", of(encoded(Image.new("RGB", (64, 64), "teal")))),
        ("references[0].content", of(encoded(gradient((8, 8))))),
        ("references[0].caption", of(encoded(gradient()), "a very long " * 50)),
    ],
)
async def test_a_bad_request_is_an_invalid_argument_and_names_its_field(
    stub: style_pb2_grpc.StyleServiceAsyncStub, field: str, asked: style_pb2.LearnStyleRequest
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        [update async for update in stub.LearnStyle(asked)]
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert field in (refused.value.details() or "")
    metadata: Any = refused.value.trailing_metadata()
    details = status_pb2.Status.FromString(dict(metadata)["grpc-status-details-bin"]).details
    blamed = error_details_pb2.BadRequest()
    assert any(detail.Unpack(blamed) for detail in details)
    assert [violation.field for violation in blamed.field_violations] == [field]


async def test_a_job_learns_what_a_call_learns(
    stage: StyleStage, stub: style_pb2_grpc.StyleServiceAsyncStub
) -> None:
    job = events_pb2.StageJob(movie=MOVIE, run=1, style=request())
    event = await StyleJobs(stage)(job, silent)
    called = [update async for update in stub.LearnStyle(request())][-1]
    assert event.stage == common_pb2.STAGE_STYLE
    assert event.style == called.learned.style


@pytest.mark.parametrize(
    ("reason", "job"),
    [
        (Reason.MALFORMED_REQUEST, events_pb2.StageJob(movie=MOVIE)),
        (Reason.INVALID_FIELD, events_pb2.StageJob(movie="projects/acme/movies/other", style=request())),
    ],
)
async def test_a_job_that_is_none_of_ours_is_refused(
    stage: StyleStage, reason: Reason, job: events_pb2.StageJob
) -> None:
    with pytest.raises(ReelmillError) as refused:
        await StyleJobs(stage)(job, silent)
    assert refused.value.reason is reason
