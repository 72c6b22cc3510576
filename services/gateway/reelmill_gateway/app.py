"""What is served by HTTP."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from .intake import EventIntake


def application(intake: EventIntake) -> ASGIApp:
    # A path for a project is taken as a name, too, and refused as one.
    return Starlette(routes=[Route("/v1/projects/{project:path}/events", intake.take, methods=["POST"])])
