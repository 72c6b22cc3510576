"""Checks of what users send. Each takes the field's path as its writer knows it, and raises INVALID_FIELD."""

import unicodedata

from reelmill.v1 import script_pb2

from .errors import invalid

THEME_LENGTH = 2000
KEYWORD_LENGTH = 60
DESCRIPTION_LENGTH = 500
SHAPE_LIMIT = 16


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


def theme(value: str, field: str = "theme") -> str:
    return text(value, field, THEME_LENGTH)


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
