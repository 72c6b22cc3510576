"""Checks of what users send. Each takes the field's path as its writer knows it, and raises INVALID_FIELD."""

import unicodedata

from reelmill.v1 import common_pb2, render_pb2, script_pb2, style_pb2

from .errors import invalid

REQUEST_ID_LENGTH = 128
THEME_LENGTH = 2000
KEYWORD_LENGTH = 60
DESCRIPTION_LENGTH = 500
SHAPE_LIMIT = 16
KEY_LENGTH = 1000
STEPS_LIMIT = 150
GUIDANCE_LIMIT = 30.0
SIDE_SMALLEST, SIDE_LARGEST, SIDE_MULTIPLE = 64, 2048, 8
REFERENCES_LIMIT = 32
REDRAWS_LIMIT = 10
# diffusers' schedulers that can draw from a text prompt step by step.
SCHEDULERS = (
    "DDIMScheduler",
    "DDPMScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "LCMScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
)


def budget(value: common_pb2.Budget, field: str) -> common_pb2.Budget:
    """Neither limit below zero."""
    for name in ("tokens", "cost_micros"):
        if getattr(value, name) < 0:
            raise invalid(f"{field}.{name}", f"is {getattr(value, name)}; 0 is no limit")
    return value


def text(value: str, field: str, longest: int, *, empty: bool = False) -> str:
    """The text on one line, white space made single; at most `longest` characters, none of control."""
    if len(value) > 4 * longest:  # says no to ten megabytes before it works on them
        raise invalid(field, f"has {len(value)} characters; at most {longest} are allowed")
    value = " ".join(value.split())
    if not value and not empty:
        raise invalid(field, f"is empty; 1 to {longest} characters are needed")
    if len(value) > longest:
        raise invalid(field, f"has {len(value)} characters; at most {longest} are allowed")
    for at, char in enumerate(value):
        if unicodedata.category(char) in ("Cc", "Cs"):
            raise invalid(field, f"has the control character U+{ord(char):04X} at position {at}")
    return value


def request_id(value: str, field: str = "request_id") -> str:
    if not 1 <= len(value) <= REQUEST_ID_LENGTH or not value.isprintable():
        raise invalid(field, f"is not 1 to {REQUEST_ID_LENGTH} printable characters")
    return value


def theme(value: str, field: str = "theme") -> str:
    return text(value, field, THEME_LENGTH)


def object_key(value: str, project: str, field: str) -> str:
    """A key in the project's part of the object store."""
    if (
        not value.startswith(f"projects/{project}/")
        or value.endswith("/")
        or "//" in value
        or ".." in value.split("/")
    ):
        raise invalid(field, f"{value[:80]!r} is not a key below 'projects/{project}/'")
    return text(value, field, KEY_LENGTH)


def genre(value: str, field: str = "genre") -> str:
    """A word for the kind of story, up to 40 characters; empty: as the theme suggests."""
    return text(value, field, 40, empty=True)


def shape(value: script_pb2.ScriptShape, field: str = "shape") -> script_pb2.ScriptShape:
    """1 to 16 chapters, scenes in a chapter and frames in a scene."""
    for name in ("chapters", "scenes", "frames"):
        if not 1 <= (number := getattr(value, name)) <= SHAPE_LIMIT:
            raise invalid(f"{field}.{name}", f"{number} is not 1 to {SHAPE_LIMIT}")
    return value


def style(value: script_pb2.StyleText, field: str = "style") -> script_pb2.StyleText | None:
    """The style as it is used, or None where none is given; a description needs a keyword."""
    keyword = text(value.keyword, f"{field}.keyword", KEYWORD_LENGTH, empty=True)
    description = text(value.description, f"{field}.description", DESCRIPTION_LENGTH, empty=True)
    if not keyword and description:
        raise invalid(
            f"{field}.keyword", "is empty while a description is given; name the style in a word or two"
        )
    return script_pb2.StyleText(keyword=keyword, description=description) if keyword else None


def drawing(value: render_pb2.DrawingOptions, field: str = "drawing") -> render_pb2.DrawingOptions:
    """Ranges as in render.proto; zero values stand for the model's own defaults."""
    if not 0 <= value.steps <= STEPS_LIMIT:
        raise invalid(f"{field}.steps", f"{value.steps} is not 1 to {STEPS_LIMIT}")
    if not 0 <= value.guidance_scale <= GUIDANCE_LIMIT:  # not a number is refused, too
        raise invalid(f"{field}.guidance_scale", f"{value.guidance_scale} is not 0 to {GUIDANCE_LIMIT:.0f}")
    for name in ("width", "height"):
        side = getattr(value, name)
        if side and (not SIDE_SMALLEST <= side <= SIDE_LARGEST or side % SIDE_MULTIPLE):
            raise invalid(
                f"{field}.{name}",
                f"{side} is not a multiple of {SIDE_MULTIPLE} from {SIDE_SMALLEST} to {SIDE_LARGEST}",
            )
    if value.scheduler and value.scheduler not in SCHEDULERS:
        raise invalid(f"{field}.scheduler", f"{value.scheduler[:60]!r} is none of {', '.join(SCHEDULERS)}")
    return value


def style_options(value: style_pb2.StyleOptions, field: str = "options") -> style_pb2.StyleOptions:
    """Ranges as in style.proto; zero stands for the service's default."""
    for name, largest in (("steps", 5000), ("vectors", 16), ("references", 64)):
        if not 0 <= (number := getattr(value, name)) <= largest:
            raise invalid(f"{field}.{name}", f"{number} is not 1 to {largest}")
    return value


def gate(value: render_pb2.GateOptions, field: str = "gate") -> render_pb2.GateOptions:
    """Ranges as in render.proto; what is not set stands for the service's default."""
    if value.mode not in render_pb2.GateOptions.Mode.values():
        raise invalid(f"{field}.mode", f"{value.mode} is no mode of the gate")
    if not 0 <= value.max_redraws <= REDRAWS_LIMIT:
        raise invalid(f"{field}.max_redraws", f"{value.max_redraws} is not 0 to {REDRAWS_LIMIT}")
    return value
