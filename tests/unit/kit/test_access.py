"""Who may call what: on a real gRPC server whose methods only say that they were reached."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from reelmill.v1 import (
    movies_pb2,
    style_pb2,
)
from reelmill_kit.auth import Guard, Role
from reelmill_kit.auth.access import RULES
from reelmill_kit.grpc_server import GrpcServer
from tests.support.calls import FILES, IDS, METHODS, call, reason_of, request_of

from .auth_callers import ANOTHER_KEY, token, verifier


class Reached:
    """Any service: every method answers at once, and is remembered."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def of(self, service: Any) -> Any:
        return type(service.name, (), {method.name: self._method(method) for method in service.methods})()

    def _method(self, method: MethodDescriptor) -> Any:
        path = f"/{method.containing_service.full_name}/{method.name}"
        answer = message_factory.GetMessageClass(method.output_type)()
        if method.server_streaming:

            async def stream(_: Any, request: Any, context: Any) -> AsyncIterator[Message]:
                self.paths.append(path)
                yield answer

            return stream

        async def unary(_: Any, request: Any, context: Any) -> Message:
            self.paths.append(path)
            return answer

        return unary


@asynccontextmanager
async def guarded() -> AsyncIterator[tuple[grpc.aio.Channel, Reached]]:
    reached = Reached()
    servicers = [
        (getattr(stubs, f"add_{service.name}Servicer_to_server"), reached.of(service), service.full_name)
        for messages, stubs in FILES
        for service in messages.DESCRIPTOR.services_by_name.values()
    ]
    server = GrpcServer(servicers, Guard(verifier()))
    port = await server.start("127.0.0.1:0")
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel, reached
    finally:
        await server.stop(0)


async def refused(channel: Any, path: str, request: Message, *values: str) -> tuple[str, str]:
    """Reason and words."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, path, request, *values)
    secrets = [value.removeprefix("Bearer ") for value in values if len(value) > 20]
    assert not any(secret in str(caught.value) for secret in secrets)
    return reason_of(caught.value), str(caught.value.details())


def test_every_method_of_every_service_has_a_rule_and_no_other() -> None:
    assert set(RULES) == set(METHODS)


def test_every_rule_names_fields_that_its_request_has() -> None:
    for path in RULES:
        assert request_of(path, "acme").ListFields() or not RULES[path].places, path


@pytest.mark.parametrize("path", sorted(METHODS))
async def test_each_method_is_open_to_the_right_token_alone(path: str) -> None:
    rule = RULES[path]
    async with guarded() as (channel, reached):
        ours, theirs = request_of(path, "acme"), request_of(path, "films")
        assert (await refused(channel, path, ours))[0] == "UNAUTHENTICATED"
        for wrong in (
            "Bearer nonsense",
            "Basic YTpi",
            "Bearer",
            f"Bearer {token(key=ANOTHER_KEY)}",
            f"Bearer {token(seconds=-60)}",
            f"Bearer {token(audience='another')}",
        ):
            assert (await refused(channel, path, ours, wrong))[0] == "UNAUTHENTICATED"
        right = f"Bearer {token(role=rule.role)}"
        assert (await refused(channel, path, ours, right, right))[0] == "UNAUTHENTICATED"
        for place in rule.places[:1]:
            reason, words = await refused(channel, path, theirs, f"Bearer {token(role=Role.ADMIN)}")
            assert reason == "NOT_FOUND"
            assert words == f"there is no {place.what} projects/films{IDS[place.what]}"
        if rule.role > Role.READER:
            less = f"Bearer {token(role=Role(rule.role - 1))}"
            assert (await refused(channel, path, ours, less))[0] == "PERMISSION_DENIED"
        assert not reached.paths
        await call(channel, path, ours, right)
        assert reached.paths == [path]


async def test_in_a_request_with_two_names_both_must_be_the_callers() -> None:
    path = "/reelmill.v1.StyleService/LearnStyle"
    request = style_pb2.LearnStyleRequest(parent="projects/acme", movie="projects/films/movies/m")
    async with guarded() as (channel, reached):
        reason, words = await refused(channel, path, request, f"Bearer {token()}")
        assert (reason, words) == ("NOT_FOUND", "there is no movie projects/films/movies/m")
        assert not reached.paths


@pytest.mark.parametrize("parent", ["", "acme", "projects/acme/../films", "projects/*", "projects/"])
async def test_a_project_that_is_a_path_is_a_bad_name(parent: str) -> None:
    request = movies_pb2.ListMoviesRequest(parent=parent)
    async with guarded() as (channel, reached):
        every = f"Bearer {token(('*',))}"
        assert (await refused(channel, "/reelmill.v1.MovieService/ListMovies", request, every))[0] == (
            "INVALID_FIELD"
        )
        assert not reached.paths


async def test_a_megabyte_of_claims_reaches_nothing_and_leaves_the_server_well() -> None:
    path = "/reelmill.v1.MovieService/GetMovie"
    request = request_of(path, "acme")
    async with guarded() as (channel, reached):
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel, path, request, "Bearer " + "x" * 1_000_000)
        assert "characters" in (await refused(channel, path, request, "Bearer " + "x" * 8193))[1]
        assert not reached.paths
        await call(channel, path, request, f"Bearer {token()}")


async def test_health_is_for_everybody() -> None:
    async with guarded() as (channel, _):
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)


async def test_many_callers_at_once_are_not_taken_for_each_other() -> None:
    path = "/reelmill.v1.MovieService/GetMovie"

    async def reasons(channel: Any, names: Iterable[str]) -> list[str]:
        return [
            (await refused(channel, path, request_of(path, "acme"), f"Bearer {token((name,))}"))[0]
            for name in names
        ]

    async with guarded() as (channel, reached):
        own = [call(channel, path, request_of(path, "acme"), f"Bearer {token()}") for _ in range(20)]
        found, *_ = await asyncio.gather(reasons(channel, ["films"] * 20), *own)
        assert found == ["NOT_FOUND"] * 20
        assert len(reached.paths) == 20
