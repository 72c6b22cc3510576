"""Read masks (AIP-157): a caller gets only the fields that it asks for."""

from typing import Any, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from ..errors import invalid

M = TypeVar("M", bound=Message)
_LONGEST = 100


class ReadMask:
    def __init__(self, mask: FieldMask, resource: type[Message]) -> None:
        """No paths, or "*": everything. Raises INVALID_FIELD where a path is no field of the resource; a path
        ends at a repeated field."""
        fields: Any = resource.DESCRIPTOR
        self._mask = None if not mask.paths or list(mask.paths) == ["*"] else mask
        for path in self._mask.paths if self._mask else ():
            if not FieldMask(paths=[path]).IsValidForDescriptor(fields):
                raise invalid("read_mask", f"{path[:_LONGEST]!r} is no field of {resource.DESCRIPTOR.name}")

    def of(self, message: M) -> M:
        if self._mask is None:
            return message
        shown = type(message)()
        self._mask.MergeMessage(message, shown)
        return shown
