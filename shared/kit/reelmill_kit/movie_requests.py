"""What an event on `reelmill.requests.<project>` asks for, however it came there."""

from reelmill.v1 import movies_pb2

from . import validation
from .cloudevents import Event, decode_message
from .errors import invalid
from .names import ProjectName


def movie_asked_for(project: ProjectName, event: Event) -> movies_pb2.CreateMovieRequest:
    """With its parent and request id: the event's id makes it idempotent, as request_id does by gRPC.

    Raises MALFORMED_REQUEST, INVALID_FIELD.
    """
    request = decode_message(event, movies_pb2.CreateMovieRequest)
    if request.parent and request.parent != str(project):
        raise invalid("parent", f"{request.parent[:80]!r} is not the event's project, {project.project!r}")
    request.parent = str(project)
    request.request_id = validation.request_id(request.request_id or event.id)
    return request
