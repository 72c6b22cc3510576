"""What is served by HTTP."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from .bodies import BodyDeadline
from .calls import Calls
from .intake import EventIntake

# What the protocols' clients in browsers send and want to see.
_SENT = ("authorization", "content-type", "connect-protocol-version", "connect-timeout-ms", "grpc-timeout")
_WEB = ("x-grpc-web", "x-user-agent", "traceparent")
_SEEN = ("grpc-status", "grpc-message", "grpc-status-details-bin")


def application(
    intake: EventIntake, calls: Calls, origins: Sequence[str] = (), body_within: float = 30.0
) -> ASGIApp:
    """`origins`: web pages that may call. `body_within`: seconds in which a request's body has to come."""
    # A path for a project is taken as a name, too, and refused as one.
    events = Route("/v1/projects/{project:path}/events", intake.take, methods=["POST"])
    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["POST"],
        allow_headers=[*_SENT, *_WEB],
        expose_headers=_SEEN,
    )
    app = Starlette(routes=[events, Mount("/", calls)], middleware=[cors] if origins else [])
    return BodyDeadline(app, body_within)
