"""The gateway's HTTP server in front of a real bus."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook
from starlette.types import ASGIApp

from reelmill_gateway.web import WebServer
from reelmill_kit import tasks

from .servers import free_port, port_open, wait_until

SECRET = "whsec_" + base64.b64encode(b"the secret of acme, 32 bytes of it").decode()


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application on a port of its own."""
    port = free_port()
    running = asyncio.create_task(WebServer(app, f"127.0.0.1:{port}", grace=1).run())
    await wait_until(lambda: port_open(port), what="the HTTP server")
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            yield client
    finally:
        await tasks.end([running])


def cloud_event(id: str = "order-1", *, binary: bool = False, **movie: Any) -> http.HTTPMessage:
    """As the CloudEvents package of another vendor sends it."""
    attributes = {"id": id, "type": "example.movie.wanted", "source": "https://catalogue.example/orders"}
    asked = {"theme": "A lighthouse", "shape": {"chapters": 1, "scenes": 1, "frames": 2}, **movie}
    event = CloudEvent({**attributes, "datacontenttype": "application/json"}, {"movie": asked})
    return (http.to_binary if binary else http.to_structured)(event, JSONFormat())


def signed(message: http.HTTPMessage, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The message's headers and those of the Standard Webhooks package."""
    when = datetime.fromtimestamp(round(at if at is not None else time.time()), UTC)
    return {
        **message.headers,
        "webhook-id": "delivery-1",
        "webhook-timestamp": str(round(when.timestamp())),
        "webhook-signature": Webhook(secret).sign("delivery-1", when, message.body.decode()),
    }


def reason_of(answer: httpx2.Response) -> str:
    return str(json.loads(answer.content)["details"][0]["debug"]["reason"])
