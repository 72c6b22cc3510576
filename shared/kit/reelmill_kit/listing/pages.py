"""Pages of a list, newest first. A page's token says where it ended and which query it belongs to."""

import base64
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from ..errors import invalid

_DEFAULT_PAGE, _LARGEST_PAGE = 50, 1000


class Listed(Protocol):
    name: str

    @property
    def create_time(self) -> Timestamp: ...


T = TypeVar("T", bound=Listed)


class Page:
    def __init__(self, call: str, size: int, token: str, query: list[Any]) -> None:
        """`query`: what has to be the same on every page. Raises INVALID_FIELD, page_size or page_token."""
        if size < 0:
            raise invalid("page_size", "is negative; 0 means the default")
        self._size = min(size or _DEFAULT_PAGE, _LARGEST_PAGE)
        self._query = query
        self._after = self._position(call, token)

    def of(self, items: Iterable[T]) -> tuple[list[T], str]:
        """This page of the items, and the token of the next; "" on the last."""
        found = [item for item in items if self._after is None or _newest_first(item) > self._after]
        found.sort(key=_newest_first)
        page = found[: self._size]
        return page, self._token(page[-1]) if len(found) > self._size else ""

    def _token(self, last: T) -> str:
        position = [last.create_time.ToDatetime(UTC).isoformat(), last.name, self._query]
        return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()

    def _position(self, call: str, token: str) -> tuple[float, str] | None:
        if not token:
            return None
        try:
            created, name, query = json.loads(base64.urlsafe_b64decode(token.encode()))
            position = -datetime.fromisoformat(created).timestamp(), str(name)
        except (ValueError, TypeError) as error:
            raise invalid("page_token", f"is not a token that {call} gave out") from error
        if query != self._query:
            raise invalid("page_token", "belongs to another query than this one")
        return position


def _newest_first(item: Listed) -> tuple[float, str]:
    return -item.create_time.ToDatetime(UTC).timestamp(), item.name
