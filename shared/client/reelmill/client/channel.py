"""A channel to a Reelmill service: by TLS or in plain text, with the caller's token in every call."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import grpc

from .errors import CallError


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who one is to a server, and how one knows the server. Nothing of it: a stranger, in plain text."""

    token: str = field(default="", repr=False)
    token_file: Path | None = None
    """Before `token`; read at every call, so that it may be renewed."""
    tls_ca: Path | None = None
    """Certificates (PEM) of those who vouch for the server; without: those the system trusts."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    """One's own certificate, for servers that want one."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, str] = os.environ) -> Self:
        """From REELMILL_TOKEN, REELMILL_TOKEN_FILE, and REELMILL_TLS_CA, _CERT and _KEY."""

        def file(name: str) -> Path | None:
            return Path(found) if (found := settings.get(name)) else None

        return cls(
            token=settings.get("REELMILL_TOKEN", ""),
            token_file=file("REELMILL_TOKEN_FILE"),
            tls_ca=file("REELMILL_TLS_CA"),
            tls_cert=file("REELMILL_TLS_CERT"),
            tls_key=file("REELMILL_TLS_KEY"),
        )

    def bearer(self) -> str:
        """The token, or "". Raises CallError where its file cannot be read."""
        return _read(self.token_file, "token").decode().strip() if self.token_file else self.token


def open_channel(
    address: str, credentials: Credentials | None, options: Sequence[tuple[str, Any]]
) -> grpc.aio.Channel:
    """`address`: host:port, or https://host:port for TLS; a CA asks for TLS, too. `credentials`: those of the
    environment where None. Raises CallError."""
    known = Credentials.from_settings() if credentials is None else credentials
    known.bearer()  # a file that is not there is said now, not in the middle of a call
    target = address.removeprefix("https://").removeprefix("http://").removesuffix("/")
    interceptors: Any = [_UnaryToken(known), _StreamToken(known)]
    if not address.startswith("https://") and known.tls_ca is None:
        return grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)
    roots = _read(known.tls_ca, "CA") if known.tls_ca else None
    cert = _read(known.tls_cert, "certificate") if known.tls_cert else None
    key = _read(known.tls_key, "key") if known.tls_key else None
    return grpc.aio.secure_channel(
        target,
        grpc.ssl_channel_credentials(roots, key, cert),
        options=options,
        interceptors=interceptors,
    )


def _read(file: Path, what: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CallError(f"BAD_{what.upper()}_FILE", f"{file} cannot be read: {error.strerror}") from error


def _with_token(details: Any, credentials: Credentials) -> Any:
    token = credentials.bearer()
    if not token:
        return details
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    metadata.add("authorization", f"Bearer {token}")
    return details._replace(metadata=metadata)


class _UnaryToken(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Awaitable[Any]], client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(_with_token(client_call_details, self._credentials), request)


class _StreamToken(grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def intercept_unary_stream(
        self, continuation: Callable[[Any, Any], Any], client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(_with_token(client_call_details, self._credentials), request)
