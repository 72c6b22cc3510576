"""How requests are read: what is unknown or none of the message is refused with the catalogue's reason."""

from typing import Any

from connectrpc.codec import Codec
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from reelmill_kit.errors import Reason, ReelmillError

from .call_errors import connect_error


class _Refusing(Codec[Any, Any]):
    def __init__(self, codec: Codec[Any, Any]) -> None:
        self._codec = codec

    def name(self) -> str:
        return self._codec.name()

    def encode(self, message: Any) -> bytes:
        return self._codec.encode(message)

    def decode(self, data: bytes | bytearray, message_class: type[Any]) -> Any:
        try:
            return self._codec.decode(data, message_class)
        except (json_format.Error, DecodeError, ValueError, RecursionError) as error:
            raise connect_error(
                ReelmillError(
                    Reason.MALFORMED_REQUEST,
                    f"request: is not a {message_class.DESCRIPTOR.name}: {str(error)[:300]}",
                    field="request",
                )
            ) from error


CODECS = [
    _Refusing(google_protobuf_binary_codec()),
    _Refusing(google_protobuf_json_codec(ignore_unknown_fields=False)),
]
