"""One try to hand an event to an address that somebody chose: signed, by POST, no redirect followed."""

import asyncio
import json
import ssl
import time
from urllib.parse import urlsplit

import httpcore2

from reelmill_kit.cloudevents import Event, structured
from reelmill_kit.destinations import Destinations
from reelmill_kit.errors import ReelmillError
from reelmill_kit.telemetry import trace_headers

from .network import CheckedNetwork, RefusedAddress
from .signatures import signed

AT_A_TIME = 64
_GONE = 410


class Undelivered(Exception):
    """Says why, without the address beyond its host; `final`: another try would be of no use."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class Delivery:
    def __init__(
        self, destinations: Destinations, patience: float, tls: ssl.SSLContext | None = None
    ) -> None:
        """`patience`: seconds for a try."""
        self._destinations = destinations
        self._patience = patience
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=AT_A_TIME,
            max_keepalive_connections=0,  # every try is looked up and checked anew
            network_backend=CheckedNetwork(destinations),
        )

    async def send(self, address: str, event: Event, secret: bytes) -> None:
        """Returns where the answer is 2xx; what it says beyond that is not read. Raises Undelivered."""
        try:
            self._destinations.check(address, "callback_uri")
        except ReelmillError as error:
            raise Undelivered(error.message, final=True) from error
        body = json.dumps(structured(event)).encode()
        headers = {
            "content-type": "application/cloudevents+json",
            "user-agent": "reelmill",
            # The convention keeps the dot for itself.
            **signed(secret, event.id.replace(".", ":"), int(time.time()), body),
            **trace_headers(),
        }
        host = urlsplit(address).hostname
        try:
            async with (
                asyncio.timeout(self._patience),
                self._pool.stream("POST", address, headers=list(headers.items()), content=body) as answer,
            ):
                status = answer.status
        except RefusedAddress as error:
            raise Undelivered(f"{host} was not called: {error}", final=True) from error
        except (httpcore2.TimeoutException, TimeoutError) as error:
            raise Undelivered(f"{host} did not answer within {self._patience:.0f} s") from error
        except (
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
            httpcore2.UnsupportedProtocol,
            OSError,
        ) as error:
            raise Undelivered(f"{host} could not be reached: {type(error).__name__}: {error}") from error
        if not 200 <= status < 300:
            raise Undelivered(f"{host} answered {status}", final=status == _GONE)

    async def close(self) -> None:
        await self._pool.aclose()
