"""Sends a token with every call of another service."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc

from ..errors import Reason, ReelmillError


class TokenSender(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    """The token is read from its file at every call, so that another one counts at once."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Any], Awaitable[Any]],
        client_call_details: Any,
        request: Any,
    ) -> Any:
        metadata = grpc.aio.Metadata(*(client_call_details.metadata or ()))
        metadata.add("authorization", f"Bearer {self._token()}")
        return await continuation(client_call_details._replace(metadata=metadata), request)

    def _token(self) -> str:
        try:
            return self._file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ReelmillError(
                Reason.NOT_READY,
                f"the token of this service cannot be read from {self._file} ({type(error).__name__}); "
                "REELMILL_SERVICE_TOKEN_FILE names it",
            ) from error
