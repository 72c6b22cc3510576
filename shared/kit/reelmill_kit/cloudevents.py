"""CloudEvents 1.0 over NATS: binary mode out, binary and structured mode in.

Source: CloudEvents NATS protocol binding; attribute names become headers `ce-<name>`.
"""

import json
import re
import unicodedata
import uuid
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from .errors import Reason, ReelmillError

M = TypeVar("M", bound=Message)
JSON = "application/json"
PROTOBUF = "application/protobuf"
_STRUCTURED = "application/cloudevents+json"
_NAME = re.compile(r"[a-z0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class Event:
    type: str
    source: str
    data: bytes
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    subject: str = ""
    content_type: str = JSON
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def headers(self) -> dict[str, str]:
        """The attributes as binary mode carries them."""
        headers = {
            "ce-specversion": "1.0",
            "ce-id": self.id,
            "ce-source": self.source,
            "ce-type": self.type,
            "ce-time": self.time,
            "ce-datacontenttype": self.content_type,
            "content-type": self.content_type,
        }
        if self.subject:
            headers["ce-subject"] = self.subject
        return headers


def event_of(message: Message, *, type: str, source: str, subject: str = "", id: str = "") -> Event:
    """An event whose data is the message in proto JSON."""
    data = json_format.MessageToJson(message, indent=None).encode()
    event = Event(type=type, source=source, data=data, subject=subject)
    return event if not id else Event(type=type, source=source, data=data, subject=subject, id=id)


def structured(event: Event) -> dict[str, str | object]:
    """The event as structured mode has it, for a JSON body. Its data must be JSON."""
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time,
        "datacontenttype": event.content_type,
    }
    return {**{name: value for name, value in attributes.items() if value}, "data": json.loads(event.data)}


def decode(headers: Mapping[str, str] | None, data: bytes) -> Event:
    """Reads either mode. Raises MALFORMED_REQUEST naming the attribute that is missing or wrong."""
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    if lower.get("content-type", "").startswith(_STRUCTURED) or not any(n.startswith("ce-") for n in lower):
        return _decode_structured(data)
    attributes = {name[3:]: value for name, value in lower.items() if name.startswith("ce-")}
    attributes.setdefault("datacontenttype", lower.get("content-type", JSON))
    return _event(attributes, data)


def decode_message(event: Event, message: type[M]) -> M:
    """The event's data as a protobuf message, from JSON or protobuf by its content type."""
    try:
        if event.content_type.split(";")[0].strip() in (PROTOBUF, "application/x-protobuf"):
            return message.FromString(event.data)
        return json_format.Parse(event.data, message())
    except (json_format.ParseError, DecodeError, UnicodeDecodeError) as error:
        raise _malformed("data", f"is not a {message.DESCRIPTOR.name}: {str(error)[:300]}") from error


def _decode_structured(data: bytes) -> Event:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _malformed(
            "specversion",
            "there are no ce- headers, and the body is not a structured CloudEvent in JSON",
        ) from error
    if not isinstance(body, dict):
        raise _malformed("specversion", "the body is JSON but no CloudEvent: not an object")
    attributes = {k: v for k, v in body.items() if isinstance(v, str) and _NAME.fullmatch(k) and k != "data"}
    if "data_base64" in body:
        try:
            content = b64decode(str(body["data_base64"]), validate=True)
        except ValueError as error:
            raise _malformed("data_base64", "is not base64") from error
    else:
        content = json.dumps(body.get("data")).encode()
    return _event(attributes, content)


def _event(attributes: Mapping[str, str], data: bytes) -> Event:
    for name in ("specversion", "id", "source", "type"):
        if not attributes.get(name):
            raise _malformed(name, "the required CloudEvents attribute is missing or empty")
    for name, value in attributes.items():
        # CloudEvents allows none; in the headers of a message they would begin another one.
        if any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
            raise _malformed(name, "has control characters")
    if attributes["specversion"] != "1.0":
        raise _malformed("specversion", f"{attributes['specversion'][:20]!r} is not supported, only '1.0' is")
    return Event(
        type=attributes["type"],
        source=attributes["source"],
        data=data,
        id=attributes["id"],
        subject=attributes.get("subject", ""),
        content_type=attributes.get("datacontenttype", JSON),
        time=attributes.get("time", ""),
    )


def _malformed(field: str, message: str) -> ReelmillError:
    return ReelmillError(Reason.MALFORMED_REQUEST, f"{field}: {message}", field=field)
