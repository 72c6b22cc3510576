import base64
import json

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from reelmill.v1 import common_pb2, events_pb2
from reelmill_kit.cloudevents import decode, decode_message, event_of
from reelmill_kit.errors import Reason, ReelmillError

JOB = events_pb2.StageJob(movie="projects/acme/movies/m-1", run=2)
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "test", "ce-type": "t"}
STRUCTURED = {"specversion": "1.0", "id": "1", "source": "test", "type": "t"}
AS_DICT = json_format.MessageToDict(JOB)


def test_what_is_sent_in_binary_mode_is_read_again() -> None:
    sent = event_of(JOB, type="reelmill.qa.requested", source="reelmill", subject=JOB.movie, id="a")
    read = decode(sent.headers(), sent.data)
    assert read == sent
    assert decode_message(read, events_pb2.StageJob) == JOB


@pytest.mark.parametrize(
    ("headers", "data"),
    [
        (BINARY, json_format.MessageToJson(JOB).encode()),
        ({**BINARY, "ce-datacontenttype": "application/protobuf"}, JOB.SerializeToString()),
        ({**BINARY, "content-type": "application/x-protobuf"}, JOB.SerializeToString()),
        ({k.upper(): v for k, v in BINARY.items()}, json_format.MessageToJson(JOB).encode()),
        (
            {**BINARY, "Content-Type": "application/json; charset=utf-8"},
            json_format.MessageToJson(JOB).encode(),
        ),
        (None, json.dumps({**STRUCTURED, "data": AS_DICT}).encode()),
        (
            {"content-type": "application/cloudevents+json"},
            json.dumps({**STRUCTURED, "data": AS_DICT}).encode(),
        ),
        (
            {"Nats-Msg-Id": "7"},
            json.dumps(
                {
                    **STRUCTURED,
                    "datacontenttype": "application/protobuf",
                    "data_base64": base64.b64encode(JOB.SerializeToString()).decode(),
                }
            ).encode(),
        ),
        ({}, json.dumps({**STRUCTURED, "data": AS_DICT, "myextension": 5, "traceparent": "x"}).encode()),
    ],
    ids=[
        "binary json",
        "binary protobuf",
        "binary, old protobuf type",
        "headers in capitals",
        "with a charset",
        "structured",
        "structured with its type",
        "structured base64 protobuf",
        "structured with extensions",
    ],
)
def test_events_are_read_in_every_form(headers: dict[str, str] | None, data: bytes) -> None:
    event = decode(headers, data)
    assert (event.id, event.source, event.type) == ("1", "test", "t")
    assert decode_message(event, events_pb2.StageJob) == JOB


@pytest.mark.parametrize(
    ("headers", "data", "field"),
    [
        *(
            ({k: v for k, v in BINARY.items() if k != f"ce-{name}"}, b"{}", name)
            for name in ("specversion", "id", "source", "type")
        ),
        *(
            (None, json.dumps({k: v for k, v in STRUCTURED.items() if k != name}).encode(), name)
            for name in ("specversion", "id", "source", "type")
        ),
        ({**BINARY, "ce-id": ""}, b"{}", "id"),
        ({**BINARY, "ce-specversion": "0.3"}, b"{}", "specversion"),
        (None, b"hello", "specversion"),
        (None, b"", "specversion"),
        (None, b"\xff\xfe", "specversion"),
        (None, b"[1]", "specversion"),
        (None, b"[" * 100_000, "specversion"),
        (None, json.dumps({**STRUCTURED, "data_base64": "?!"}).encode(), "data_base64"),
        (None, json.dumps({**STRUCTURED, "id": 5}).encode(), "id"),
    ],
)
def test_what_is_no_event_is_refused_naming_the_attribute(
    headers: dict[str, str] | None, data: bytes, field: str
) -> None:
    with pytest.raises(ReelmillError) as refused:
        decode(headers, data)
    assert refused.value.reason is Reason.MALFORMED_REQUEST
    assert refused.value.metadata["field"] == field


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("application/json", b""),
        ("application/json", b"{"),
        ("application/json", b"null"),
        ("application/json", b'{"run": "many"}'),
        ("application/json", b'{"nonesuch": 1}'),
        ("application/json", b"\xff"),
        ("application/json", b'{"run": 99999999999999999999}'),
        ("application/json", b"[" * 100_000),
        ("application/protobuf", JOB.SerializeToString()[:-3]),
        ("application/protobuf", b"\x0a\xff"),
    ],
)
def test_data_that_is_no_such_message_is_refused(content_type: str, data: bytes) -> None:
    event = decode({**BINARY, "ce-datacontenttype": content_type}, data)
    with pytest.raises(ReelmillError) as refused:
        decode_message(event, events_pb2.StageJob)
    assert refused.value.reason is Reason.MALFORMED_REQUEST
    assert refused.value.metadata["field"] == "data"
    assert len(refused.value.message) < 500


@given(
    st.dictionaries(
        st.sampled_from([*BINARY, "content-type", "ce-datacontenttype", "x"]), st.text(max_size=9)
    ),
    st.binary(max_size=60),
)
def test_any_message_is_read_or_refused(headers: dict[str, str], data: bytes) -> None:
    try:
        decode_message(decode(headers, data), common_pb2.Progress)
    except ReelmillError as refused:
        error = refused
    else:
        return
    assert error.reason is Reason.MALFORMED_REQUEST
    assert error.metadata["field"]


@pytest.mark.parametrize("attribute", ["id", "source", "subject", "datacontenttype"])
@pytest.mark.parametrize("value", ["a\r\nNats-Rollup: all", "a\x00", "\ud800"])
def test_an_attribute_cannot_bring_another_header(attribute: str, value: str) -> None:
    with pytest.raises(ReelmillError) as caught:
        decode(None, json.dumps({**STRUCTURED, "data": {}, attribute: value}).encode())
    assert caught.value.reason is Reason.MALFORMED_REQUEST
    assert caught.value.metadata["field"] == attribute
