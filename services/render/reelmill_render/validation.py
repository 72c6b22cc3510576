"""What may be asked of the render stage. Pure; raises INVALID_FIELD with the field as its writer knows it."""

import re
import unicodedata

from reelmill.v1 import render_pb2
from reelmill_kit import validation
from reelmill_kit.errors import invalid
from reelmill_kit.names import MovieName

MAX_FRAMES = 4096
MAX_INDEX = 99_999
MAX_REFERENCES = 64
MAX_PROMPT = 2000
# 16 vectors for each of two text encoders at float32 are about 260 KB.
MAX_EMBEDDING_BYTES = 4 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_request(request: render_pb2.RenderFramesRequest) -> MovieName:
    """Returns the movie's name if all of the request is in order."""
    movie = MovieName.parse(request.movie, "movie")
    if not 1 <= len(request.frames) <= MAX_FRAMES:
        raise invalid("frames", f"{len(request.frames)} frames asked for; 1 to {MAX_FRAMES} is possible")
    seen: dict[int, int] = {}
    for position, frame in enumerate(request.frames):
        path = f"frames[{position}]"
        _check_frame(frame, path)
        if (earlier := seen.setdefault(frame.index, position)) != position:
            raise invalid(f"{path}.index", f"{frame.index} is the index of frames[{earlier}] already")
    _check_style(request.style, movie)
    validation.drawing(request.drawing, "drawing")
    validation.gate(request.gate, "gate")
    return movie


def _check_frame(frame: render_pb2.FrameRequest, path: str) -> None:
    if not 0 <= frame.index <= MAX_INDEX:
        raise invalid(f"{path}.index", f"{frame.index} is not from 0 to {MAX_INDEX}")
    if not frame.prompt.strip():
        raise invalid(f"{path}.prompt", "is empty; say what the frame shows")
    _check_text(frame.prompt, f"{path}.prompt")
    _check_text(frame.negative_prompt, f"{path}.negative_prompt")
    _check_text(frame.judged_prompt, f"{path}.judged_prompt")


def _check_text(text: str, field: str) -> None:
    if len(text) > MAX_PROMPT:
        raise invalid(field, f"has {len(text)} characters; {MAX_PROMPT} is the most")
    for position, character in enumerate(text):
        if unicodedata.category(character) == "Cc":
            raise invalid(field, f"has the control character U+{ord(character):04X} at {position}")


def _check_style(style: render_pb2.StyleEmbedding, movie: MovieName) -> None:
    source = style.WhichOneof("source")
    if style.digest and not _SHA256.fullmatch(style.digest):
        raise invalid("style.digest", "is not a sha256 in hex")
    if style.digest and source is None:
        raise invalid("style", "has a digest, but neither key nor content")
    if source == "content" and not 1 <= len(style.content) <= MAX_EMBEDDING_BYTES:
        raise invalid(
            "style.content", f"has {len(style.content)} bytes; 1 to {MAX_EMBEDDING_BYTES} is possible"
        )
    if source == "key" and not _is_below(style.key, f"projects/{movie.project}/"):
        raise invalid("style.key", f"is not below 'projects/{movie.project}/', the movie's project")
    if len(style.reference_keys) > MAX_REFERENCES:
        raise invalid(
            "style.reference_keys", f"has {len(style.reference_keys)} keys; {MAX_REFERENCES} is the most"
        )
    styles = f"projects/{movie.project}/styles/"
    for position, key in enumerate(style.reference_keys):
        if not _is_below(key, styles):
            raise invalid(
                f"style.reference_keys[{position}]", f"is not below '{styles}', where learned styles are"
            )


def _is_below(key: str, prefix: str) -> bool:
    """S3 clients follow ".." as a browser would."""
    return key.startswith(prefix) and ".." not in key.split("/")
