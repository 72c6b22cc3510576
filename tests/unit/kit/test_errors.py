import re
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from reelmill.v1 import common_pb2
from reelmill_kit.errors import Reason, ReelmillError, internal, invalid
from reelmill_kit.grpc_server import status_details


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_status_and_says_whether_to_try_again(reason: Reason) -> None:
    error = ReelmillError(reason, "what happened")
    assert error.status is not grpc.StatusCode.OK
    if error.status is grpc.StatusCode.UNAVAILABLE:
        assert error.transient
    if error.status in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND):
        assert not error.transient


@pytest.mark.parametrize("reason", list(Reason))
def test_a_caller_finds_the_reason_in_the_details(reason: Reason) -> None:
    status = status_pb2.Status.FromString(status_details(ReelmillError(reason, "what happened", hint="x")))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain, dict(info.metadata)) == (reason.value, "reelmill", {"hint": "x"})
    assert status.message == "what happened"
    assert status.code == ReelmillError(reason, "").status.value[0]


def test_bad_input_names_its_field_for_people_and_programs() -> None:
    error = invalid("movie.theme", "is empty")
    assert error.message.startswith("movie.theme: ")
    status = status_pb2.Status.FromString(status_details(error))
    violations = error_details_pb2.BadRequest()
    assert status.details[1].Unpack(violations)
    assert violations.field_violations[0].field == "movie.theme"


def test_where_the_reasons_are_explained_an_error_links_to_its_own() -> None:
    error = invalid("movie.theme", "is empty")
    status = status_pb2.Status.FromString(status_details(error, "https://docs.example/errors.md"))
    found = error_details_pb2.Help()
    assert status.details[2].Unpack(found)
    assert [link.url for link in found.links] == ["https://docs.example/errors.md#invalid_field"]


def test_the_page_of_errors_explains_every_reason_with_its_status() -> None:
    page = (Path(__file__).parents[3] / "docs" / "errors.md").read_text()
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == [reason.value for reason in Reason]
    rows = re.findall(r"^\| \[(\w+)\]\(#(\w+)\) \| `(\w+)` \|", page, re.MULTILINE)
    assert rows == [
        (reason.value, reason.value.lower(), ReelmillError(reason, "").status.name) for reason in Reason
    ]


def test_a_failure_is_the_same_by_event_as_by_grpc() -> None:
    failure = ReelmillError(Reason.LLM_REFUSED, "it refused", field="theme").to_failure(
        common_pb2.STAGE_SCRIPT
    )
    assert (failure.reason, failure.message, failure.stage) == (
        "LLM_REFUSED",
        "it refused",
        common_pb2.STAGE_SCRIPT,
    )
    assert dict(failure.metadata) == {"field": "theme"}


def test_an_unforeseen_error_does_not_tell_its_secrets() -> None:
    error = internal(KeyError("password hunter2"))
    assert "hunter2" not in error.message
    assert "KeyError" in error.message
