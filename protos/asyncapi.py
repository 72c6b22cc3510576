"""Writes docs/asyncapi.yaml: what Reelmill hears and tells on NATS, from the protos, or checks it (--check).

AsyncAPI 3.0 (asyncapi.com/docs/reference/specification/v3.0.0). Payloads are messages of the protos in proto
JSON (protobuf.dev/programming-guides/json); their comments are the descriptions.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto
from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parent
TARGET = PROTOS.parent / "docs" / "asyncapi.yaml"
_PACKAGE = "reelmill.v1"
_PROJECT = {"description": "1 to 63 of a-z, 0-9 and '-', beginning with a letter."}
_STAGES = ["script", "style", "qa", "dataset"]
# Channel: the subject, what it is of, the message, its verbs.
_EVENTS = {
    "movieEvents": (
        "reelmill.events.{project}.movie.{verb}",
        "Movies, as they are then.",
        "Movie",
        ["created", "retried", "succeeded", "failed", "cancelled", "deleted"],
    ),
    "stageEvents": (
        "reelmill.events.{project}.{stage}.{verb}",
        "Stages of movies; rendering is told of by its frames, on reelmill.frames.",
        "StageEvent",
        ["progressed", "completed", "failed"],
    ),
    "batchEvents": (
        "reelmill.events.{project}.batch.{verb}",
        "Batches, without their themes and items.",
        "Batch",
        ["created", "running", "paused", "succeeded", "failed", "cancelled"],
    ),
}
_WELL_KNOWN: dict[str, dict[str, Any]] = {
    ".google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    ".google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$"},
    ".google.protobuf.FieldMask": {"type": "string"},
}
_T = FieldDescriptorProto
_SCALARS: dict[int, dict[str, Any]] = {
    _T.TYPE_BOOL: {"type": "boolean"},
    _T.TYPE_STRING: {"type": "string"},
    _T.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    _T.TYPE_INT32: {"type": "integer", "format": "int32"},
    _T.TYPE_UINT32: {"type": "integer", "minimum": 0},
    # 64 bits are more than a JSON number holds: proto JSON writes them as strings.
    _T.TYPE_INT64: {"type": "string", "pattern": r"^-?\d+$"},
    _T.TYPE_UINT64: {"type": "string", "pattern": r"^\d+$"},
    _T.TYPE_FLOAT: {"type": "number"},
    _T.TYPE_DOUBLE: {"type": "number"},
}


class Protos:
    """The messages and enums of the package by full name, with their comments."""

    def __init__(self) -> None:
        self.messages: dict[str, DescriptorProto] = {}
        self.enums: dict[str, EnumDescriptorProto] = {}
        self.comments: dict[tuple[str, str], str] = {}
        for file in _described():
            comments = {
                tuple(location.path): " ".join((location.leading_comments or "").split())
                for location in file.source_code_info.location
            }
            for number, message in enumerate(file.message_type):
                self._add(f".{file.package}.{message.name}", message, (4, number), comments)
            for enum in file.enum_type:
                self.enums[f".{file.package}.{enum.name}"] = enum

    def _add(
        self, name: str, message: DescriptorProto, path: tuple[int, ...], comments: dict[tuple[int, ...], str]
    ) -> None:
        self.messages[name] = message
        self.comments[name, ""] = comments.get(path, "")
        for number, field in enumerate(message.field):
            self.comments[name, field.name] = comments.get((*path, 2, number), "")
        for number, nested in enumerate(message.nested_type):
            self._add(f"{name}.{nested.name}", nested, (*path, 3, number), comments)
        for enum in message.enum_type:
            self.enums[f"{name}.{enum.name}"] = enum

    def schemas(self, *roots: str) -> dict[str, Any]:
        """JSON schemas of these messages and of all that they contain, by their names without the package."""
        found: dict[str, Any] = {}
        waiting = [f".{_PACKAGE}.{root}" for root in roots]
        while waiting:
            name = waiting.pop()
            if _short(name) in found:
                continue
            message = self.messages[name]
            found[_short(name)] = self._schema(name, message)
            waiting += [
                field.type_name
                for field in self._fields(message)
                if field.type == _T.TYPE_MESSAGE and field.type_name not in _WELL_KNOWN
            ]
        return dict(sorted(found.items()))

    def _schema(self, name: str, message: DescriptorProto) -> dict[str, Any]:
        properties = {}
        for field in message.field:
            described = self._field(field)
            if text := self.comments[name, field.name]:
                # Beside a reference nothing else counts.
                described = {"allOf": [described], "description": text} if "$ref" in described else described
                described["description"] = text
            properties[field.json_name] = described
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        return {"description": self.comments[name, ""], **schema} if self.comments[name, ""] else schema

    def _field(self, field: FieldDescriptorProto) -> dict[str, Any]:
        entry = self.messages.get(field.type_name)
        if entry is not None and entry.options.map_entry:
            return {"type": "object", "additionalProperties": self._value(entry.field[1])}
        value = self._value(field)
        return {"type": "array", "items": value} if field.label == _T.LABEL_REPEATED else value

    def _value(self, field: FieldDescriptorProto) -> dict[str, Any]:
        if field.type == _T.TYPE_ENUM:
            return {"type": "string", "enum": [value.name for value in self.enums[field.type_name].value]}
        if field.type == _T.TYPE_MESSAGE:
            known = _WELL_KNOWN.get(field.type_name)
            return dict(known) if known else {"$ref": f"#/components/schemas/{_short(field.type_name)}"}
        return dict(_SCALARS[field.type])

    def _fields(self, message: DescriptorProto) -> Iterator[FieldDescriptorProto]:
        for field in message.field:
            entry = self.messages.get(field.type_name)
            yield entry.field[1] if entry is not None and entry.options.map_entry else field


def _described() -> list[descriptor_pb2.FileDescriptorProto]:
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    with tempfile.NamedTemporaryFile() as out:
        arguments = [f"-I{PROTOS}", f"-I{files('grpc_tools') / '_proto'}", "--include_source_info"]
        if protoc.main(["protoc", *arguments, f"--descriptor_set_out={out.name}", *sources]) != 0:
            raise SystemExit("protoc failed; its message is above")
        return list(descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes()).file)


def _short(name: str) -> str:
    return name.removeprefix(f".{_PACKAGE}.").replace(".", "_")


def _message(payload: str, kind: str, summary: str) -> dict[str, Any]:
    """`kind`: what the CloudEvent's type looks like, as a pattern."""
    return {
        "name": payload,
        "summary": summary,
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "description": "A CloudEvent in binary mode: its attributes are headers.",
            "required": ["ce-specversion", "ce-id", "ce-source", "ce-type"],
            "properties": {
                "ce-specversion": {"type": "string", "const": "1.0"},
                "ce-id": {
                    "type": "string",
                    "description": "The same id is the same event, however often it comes.",
                },
                "ce-source": {"type": "string"},
                "ce-type": {"type": "string", "pattern": kind},
                "ce-time": {"type": "string", "format": "date-time"},
                "ce-subject": {"type": "string", "description": "The resource's name."},
                "ce-datacontenttype": {"type": "string"},
                "traceparent": {"type": "string", "description": "W3C trace context."},
            },
        },
        "payload": {"$ref": f"#/components/schemas/{payload}"},
    }


def document() -> dict[str, Any]:
    channels: dict[str, Any] = {
        "requests": {
            "address": "reelmill.requests.{project}",
            "description": "Whoever publishes here asks for a movie. What is refused goes to the stream DLQ.",
            "parameters": {"project": _PROJECT},
            "messages": {"CreateMovieRequest": {"$ref": "#/components/messages/CreateMovieRequest"}},
        }
    }
    operations: dict[str, Any] = {
        "receiveRequest": {
            "action": "receive",
            "channel": {"$ref": "#/channels/requests"},
            "description": "The event's id makes it idempotent: the same id again makes no other movie. "
            "Binary or structured mode, JSON or protobuf.",
        }
    }
    messages = {
        "CreateMovieRequest": _message("CreateMovieRequest", ".+", "A movie is asked for; any type will do.")
    }
    for channel, (address, description, payload, verbs) in _EVENTS.items():
        parameters: dict[str, Any] = {"project": _PROJECT, "verb": {"enum": verbs}}
        entity = channel.removesuffix("Events")
        if entity == "stage":
            parameters["stage"] = {"enum": _STAGES}
            entity = f"({'|'.join(_STAGES)})"
        channels[channel] = {
            "address": address,
            "description": description,
            "parameters": parameters,
            "messages": {payload: {"$ref": f"#/components/messages/{payload}"}},
        }
        operations[f"send{channel[0].upper()}{channel[1:]}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{channel}"},
        }
        messages[payload] = _message(payload, rf"^reelmill\.{entity}\.({'|'.join(verbs)})$", description)
    schemas = Protos().schemas(*messages)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Reelmill on NATS",
            "version": "1.0.0",
            "description": "What upstream systems publish and what followers read. Messages of the package "
            "reelmill.v1 in proto JSON: fields are only added, never changed or removed; readers ignore what "
            "they do not know, and a field that is left out has its default. Another version would be "
            "another package and other subjects. Events are kept for seven days in the stream EVENTS: "
            "followers read them from their consumer, follower_{project}, and hear them again when they "
            "reset it. Publishers and followers connect with an nkey, each of one project.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"nats": {"host": "nats:4222", "protocol": "nats", "description": "NATS with JetStream."}},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    def ignore_aliases(self, data: object) -> bool:
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file differs")
    text = "# Made by protos/asyncapi.py of the protos: `make proto` writes it anew.\n"
    text += yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    if not parser.parse_args().check:
        TARGET.write_text(text, "utf-8")
        print(f"{TARGET} written")
    elif TARGET.read_text("utf-8") != text:
        sys.exit(f"{TARGET.name} differs from the protos, run `make proto`")


if __name__ == "__main__":
    main()
