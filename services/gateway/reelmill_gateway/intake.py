"""Webhooks in: a signed CloudEvent asks for a movie, as one on NATS would."""

import hashlib
import time
from collections.abc import Callable
from urllib.parse import unquote

from opentelemetry.trace import SpanKind
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from reelmill_kit import cloudevents
from reelmill_kit.bus import Bus
from reelmill_kit.errors import ReelmillError, internal
from reelmill_kit.movie_requests import movie_asked_for
from reelmill_kit.names import MovieName, ProjectName
from reelmill_kit.telemetry import logger, trace_context, tracer

from .answers import TooLarge, refusal
from .secrets import WebhookSecrets
from .signatures import verify

BODY_LIMIT = 1 << 20


class EventIntake:
    """Answers 202 once the event is stored, with the name of the movie that it makes."""

    def __init__(self, bus: Bus, secrets: WebhookSecrets, clock: Callable[[], float] = time.time) -> None:
        self._bus = bus
        self._secrets = secrets
        self._clock = clock

    async def take(self, request: Request) -> Response:
        project = request.path_params["project"]
        with tracer().start_as_current_span(
            "receive webhook", context=trace_context(request.headers), kind=SpanKind.SERVER
        ):
            try:
                return await self._take(request, ProjectName.parse(f"projects/{project}", "project"))
            except ReelmillError as error:
                refused = error
            except ClientDisconnect:
                return Response(status_code=499)
            except Exception as error:
                logger().exception("webhook failed unexpectedly", exc_info=error)
                refused = internal(error)
            logger().info("webhook refused", project=project[:80], reason=refused.reason, why=refused.message)
            return refusal(refused)

    async def _take(self, request: Request, project: ProjectName) -> Response:
        body = await _body(request)
        verify(self._secrets.of(project), request.headers, body, self._clock())
        event = cloudevents.decode(_attributes(request), body)
        asked = movie_asked_for(project, event)
        name = MovieName.for_request(project.project, asked.request_id)
        # NATS knows ids for ten minutes, and a delivery is believed for ten: a replay is stored once. As the
        # data is part of it, an event that has another's id is not dropped but refused by the front door.
        again = hashlib.sha256(b"\n".join([str(project).encode(), event.id.encode(), event.data]))
        await self._bus.publish(f"reelmill.requests.{project.project}", event, f"webhook.{again.hexdigest()}")
        return JSONResponse({"movie": str(name), "requestId": asked.request_id}, 202)


async def _body(request: Request) -> bytes:
    """Raises TooLarge, without reading on."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > BODY_LIMIT:
        raise TooLarge(BODY_LIMIT)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise TooLarge(BODY_LIMIT)
    return bytes(body)


def _attributes(request: Request) -> dict[str, str]:
    """By HTTP, attributes are percent-encoded in headers."""
    return {k: unquote(v) if k.startswith("ce-") else v for k, v in request.headers.items()}
