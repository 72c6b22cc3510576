"""Comparisons of a resource's fields with what a filter says."""

import fnmatch
import operator
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

Test = Callable[[Any], bool]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EQUALITY = ("=", "!=")
_INTEGERS = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
)
_FLOATS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


class UnfitError(ValueError):
    """What a filter asks for, the resource has not."""


def field_at(resource: type[Message], path: list[str]) -> Any:
    """The descriptor of a field, or of a field of a field. Raises UnfitError."""
    descriptor: Any = resource.DESCRIPTOR
    field: Any = None
    for name in path:
        inside = descriptor is not None and not (field and field.is_repeated)
        field = descriptor.fields_by_name.get(name) if inside else None
        if field is None:
            raise UnfitError(
                f"{'.'.join(path)[:100]!r} is no field of {resource.DESCRIPTOR.name} that can be filtered by"
            )
        descriptor = field.message_type
    return field


def comparison(field: Any, sign: str, text: str) -> Test:
    """Whether a value of the field is as `text` by `sign`. Raises UnfitError."""
    if sign == ":":
        return _has(field, text)
    if field.is_repeated:
        raise UnfitError(f"{field.name} has many values; ask with ':'")
    return _compared(field, sign, text)


def _has(field: Any, text: str) -> Test:
    """Whether a repeated field has the value, or another one is it; `*` is any value."""
    if field.is_repeated:
        if text == "*":
            return lambda values: len(values) > 0
        test = _compared(field, "=", text)
        return lambda values: any(test(value) for value in values)
    if text == "*":
        return lambda value: bool(value.ByteSize() if isinstance(value, Message) else value)
    return _compared(field, "=", text)


def _compared(field: Any, sign: str, text: str) -> Test:
    compare = _COMPARE[sign]
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if "*" in text and sign in _EQUALITY:
            # Of fnmatch's wildcards only this one.
            pattern = re.compile(fnmatch.translate(re.sub(r"([?\[])", r"[\1]", text)), re.IGNORECASE)
            return lambda value: (pattern.match(value) is not None) == (sign == "=")
        return lambda value: compare(value, text)
    wanted = _value(field, sign, text)
    if not _is_time(field):
        return lambda value: compare(value, wanted)

    def compare_time(value: Timestamp) -> bool:
        at = value.ToNanoseconds()
        # A time that has not come yet is neither before nor after another one.
        return compare(at, wanted) and (at != 0 or sign in _EQUALITY)

    return compare_time


def _value(field: Any, sign: str, text: str) -> Any:
    """The literal as the field has it. Raises UnfitError."""
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        if text in ("true", "false") and sign in _EQUALITY:
            return text == "true"
        raise _unfit(field, sign, text, "only by = and != with true and false")
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        names = {_short(value.name, field): value.number for value in field.enum_type.values}
        if (name := _short(text, field)) in names and sign in _EQUALITY:
            return names[name]
        known = ", ".join(name for name in names if name != "UNSPECIFIED")
        raise _unfit(field, sign, text, f"only by = and != with {known}")
    try:
        if kind in _INTEGERS:
            return int(text)
        if kind in _FLOATS:
            return float(text)
        if _is_time(field) and (moment := datetime.fromisoformat(text)).tzinfo is not None:
            stamp = Timestamp()
            stamp.FromDatetime(moment)
            return stamp.ToNanoseconds()
    except ValueError:
        pass
    if _is_time(field):
        raise _unfit(field, sign, text, 'only with a time such as "2026-01-31T12:00:00Z"')
    raise _unfit(field, sign, text, "name one of its fields" if field.message_type else "only with a number")


def _short(name: str, field: Any) -> str:
    """An enum's value without the prefix that all of them have."""
    return name.removeprefix(field.enum_type.values[0].name.removesuffix("UNSPECIFIED"))


def _is_time(field: Any) -> bool:
    return field.message_type is not None and field.message_type.full_name == "google.protobuf.Timestamp"


def _unfit(field: Any, sign: str, text: str, instead: str) -> UnfitError:
    return UnfitError(f"{field.name} cannot be compared with {text[:40]!r} by {sign}: {instead}")
