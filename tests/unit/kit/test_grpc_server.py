"""Every service's server: what a caller hears when something is wrong."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from reelmill.v1 import movies_pb2, movies_pb2_grpc, qa_pb2, qa_pb2_grpc
from reelmill_kit.errors import invalid
from reelmill_kit.grpc_server import GrpcServer


class Movies(movies_pb2_grpc.MovieServiceServicer):
    async def GetMovie(
        self, request: movies_pb2.GetMovieRequest, context: Any
    ) -> movies_pb2.GetMovieResponse:
        if request.name == "broken":
            raise RuntimeError("the password is hunter2")
        raise invalid("name", "is not a name")


class Questions(qa_pb2_grpc.QaServiceServicer):
    async def WriteQuestions(
        self, request: qa_pb2.WriteQuestionsRequest, context: Any
    ) -> AsyncIterator[qa_pb2.WriteQuestionsResponse]:
        yield qa_pb2.WriteQuestionsResponse()
        raise invalid("movie", "went wrong on the way")

    async def ForecastQuestions(
        self, request: qa_pb2.ForecastQuestionsRequest, context: Any
    ) -> qa_pb2.ForecastQuestionsResponse:
        return qa_pb2.ForecastQuestionsResponse()


def half() -> Any:
    """A MovieService with one method only: enough to see what its server does."""
    return Movies()  # type: ignore[abstract]


@pytest.fixture
async def server() -> AsyncIterator[GrpcServer]:
    server = GrpcServer(
        [
            (movies_pb2_grpc.add_MovieServiceServicer_to_server, half(), "reelmill.v1.MovieService"),
            (qa_pb2_grpc.add_QaServiceServicer_to_server, Questions(), "reelmill.v1.QaService"),
        ]
    )
    yield server
    await server.stop(0)


@pytest.fixture
async def channel(server: GrpcServer) -> AsyncIterator[grpc.aio.Channel]:
    port = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


def details(error: grpc.aio.AioRpcError) -> tuple[error_details_pb2.ErrorInfo, list[str]]:
    """The ErrorInfo and the fields to blame."""
    metadata: Any = error.trailing_metadata()
    status = status_pb2.Status.FromString(dict(metadata)["grpc-status-details-bin"])
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    return info, [violation.field for violation in bad.field_violations]


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x0a\x7fabc"])
async def test_a_truncated_message_is_an_invalid_argument(channel: grpc.aio.Channel, data: bytes) -> None:
    raw: Any = channel  # without serializers: bytes as they are
    call = raw.unary_unary("/reelmill.v1.MovieService/GetMovie")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(data)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert details(caught.value)[0].reason == "MALFORMED_REQUEST"


async def test_bad_input_names_its_field(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await movies_pb2_grpc.MovieServiceStub(channel).GetMovie(movies_pb2.GetMovieRequest())
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    info, fields = details(caught.value)
    assert (info.reason, info.domain, fields) == ("INVALID_FIELD", "reelmill", ["name"])


async def test_an_error_in_the_middle_of_a_stream_ends_it_with_its_details(channel: grpc.aio.Channel) -> None:
    updates = qa_pb2_grpc.QaServiceStub(channel).WriteQuestions(qa_pb2.WriteQuestionsRequest())
    assert await anext(aiter(updates)) == qa_pb2.WriteQuestionsResponse()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(updates))
    assert details(caught.value)[1] == ["movie"]


async def test_what_nobody_foresaw_is_internal_and_keeps_its_secrets(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await movies_pb2_grpc.MovieServiceStub(channel).GetMovie(movies_pb2.GetMovieRequest(name="broken"))
    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert "hunter2" not in str(caught.value)


async def test_a_server_is_unready_by_health_until_it_is_said_to_be_ready(
    channel: grpc.aio.Channel, server: GrpcServer
) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    for name in ("", "reelmill.v1.MovieService"):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
    await server.set_ready(True)
    answer = await health.Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
