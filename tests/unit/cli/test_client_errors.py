"""The client's classes of errors against the server's catalogue."""

import pickle
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from reelmill.client import MovieClient, errors, failure_error
from reelmill.v1 import common_pb2, movies_pb2
from reelmill_kit.errors import Reason, ReelmillError
from tests.support.servers import free_port
from tests.unit.cli.server import Movies, serving


class Refusing(Movies):
    """Answers with the reason that a movie is named after."""

    async def GetMovie(self, request: movies_pb2.GetMovieRequest, context: Any) -> Any:
        raise ReelmillError(Reason(request.name), "what happened", hint="x")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(Refusing()) as found:
        yield found


def classes() -> set[type[errors.CallError]]:
    return {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.CallError)
    }


@pytest.mark.parametrize("reason", list(Reason))
async def test_every_reason_of_the_catalogue_arrives_as_its_own_class(address: str, reason: Reason) -> None:
    async with MovieClient(address, timeout=5) as client:
        with pytest.raises(errors.class_of(reason)) as caught:
            await client.get(reason)
    told, error = ReelmillError(reason, ""), caught.value
    assert type(error) is not errors.CallError
    assert (error.reason, error.message, error.metadata) == (reason, "what happened", {"hint": "x"})
    assert (error.code, error.transient) == (told.status, told.transient)
    assert type(error).code is told.status
    assert error.from_server


async def test_where_the_installation_explains_its_errors_an_error_has_the_link() -> None:
    page = "https://docs.example/errors.md"
    with serving(Refusing(), help_url=page) as address:
        async with MovieClient(address, timeout=5) as client:
            with pytest.raises(errors.NotFoundError) as caught:
                await client.get(Reason.NOT_FOUND)
    assert caught.value.link == f"{page}#not_found"


def test_no_class_stands_for_two_reasons_and_none_for_no_reason() -> None:
    used = [errors.class_of(reason) for reason in Reason]
    assert len(set(used)) == len(used)
    assert classes() == {*used, errors.CallError, errors.NoAnswerError}
    assert len({kind.help for kind in classes()}) == len(classes())


async def test_a_server_that_is_not_there_is_an_error_of_its_own() -> None:
    async with MovieClient(f"127.0.0.1:{free_port()}") as client:
        with pytest.raises(errors.NoAnswerError) as caught:
            await client.get("projects/films/movies/m-1")
    assert (caught.value.reason, caught.value.transient) == ("UNAVAILABLE", True)


def test_a_reason_of_a_newer_server_is_an_error_with_that_reason() -> None:
    error = failure_error(common_pb2.Failure(reason="TOO_QUIET", message="speak up"))
    assert (type(error), error.reason, error.code) == (errors.CallError, "TOO_QUIET", grpc.StatusCode.UNKNOWN)


def test_why_a_movie_failed_is_the_error_that_a_call_would_have_raised() -> None:
    failure = ReelmillError(Reason.QUOTA_EXCEEDED, "too many", quota="movies").to_failure()
    error = failure_error(failure)
    assert isinstance(error, errors.QuotaExceededError)
    assert (error.reason, str(error)) == ("QUOTA_EXCEEDED", "QUOTA_EXCEEDED: too many")
    assert (error.metadata, error.code) == ({"quota": "movies"}, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert str(failure_error(common_pb2.Failure())) == "CANCELLED: it was cancelled"


def test_an_error_comes_whole_out_of_another_process() -> None:
    error = errors.NotFoundError("NOT_FOUND", "no such movie", metadata={"movie": "m"}, from_server=True)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
