"""The story JSON of MovieLLM's authors: read, and where it is wrong, it is said at which place. Pure: no I/O.

{"character": {name: appearance}, "img_diag": [["frame" | "dialogue", text], ..],
"QA": [{"Question": text, "Answer": text}, ..], "overview": text}; a line belongs to the frame before it.
"""

import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 8_000_000
MAX_FRAMES = 16**3
_SIDE = 16  # chapters, scenes in a chapter, frames in a scene
_MAX_LINES, _MAX_CHARACTERS = 16 * MAX_FRAMES, 24
_NAME, _APPEARANCE, _TEXT, _OVERVIEW = 60, 300, 1000, 20_000
_KEYS = ("character", "img_diag", "QA", "overview")


class StoryError(ValueError):
    """What is wrong, and where: "img_diag[12][0]: 'fram' is neither 'frame' nor 'dialogue'"."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.place = place


@dataclass(frozen=True, slots=True)
class StoryFrame:
    """A frame's sentence and the lines that are spoken in it."""

    text: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    characters: Mapping[str, str]
    """Appearances by name; at least one."""
    frames: tuple[StoryFrame, ...]
    """1 to 4096."""
    overview: str
    """May be empty."""

    @property
    def shape(self) -> tuple[int, int, int]:
        return shape(len(self.frames))


def shape(frames: int) -> tuple[int, int, int]:
    """Chapters, scenes in a chapter, frames in a scene for so many frames; as near to each other as can be.

    Such a story names no chapters. Where the number is no product of three up to 16, some scenes have one
    frame less than the others. Raises ValueError unless it is 1 to 4096.
    """
    if not 1 <= frames <= MAX_FRAMES:
        raise ValueError(f"{frames} frames; 1 to {MAX_FRAMES} are possible")
    sides = range(1, _SIDE + 1)
    best: tuple[int, int, tuple[int, int, int]] | None = None
    for chapters in sides:
        for scenes in range(chapters, _SIDE + 1):
            length = math.ceil(frames / (chapters * scenes))
            missing = chapters * scenes * length - frames
            if length <= _SIDE and chapters * scenes <= frames:
                spread = max(length, scenes) - min(length, chapters)
                best = min(x for x in (best, (missing, spread, (chapters, scenes, length))) if x)
    assert best is not None  # few frames fit into one chapter, many into sixteen
    return best[2]


def parse(data: bytes) -> Story:
    """Raises StoryError."""
    if len(data) > MAX_BYTES:
        raise StoryError("", f"has {len(data)} bytes; at most {MAX_BYTES} are allowed")
    content = _decoded(data)
    if not isinstance(content, dict):
        raise StoryError("", f"is {_kind(content)}, not an object with {', '.join(map(repr, _KEYS))}")
    if "img_diag" not in content:
        raise StoryError("img_diag", "is not there")
    _check_questions(content.get("QA", []))
    overview = content.get("overview", "")
    return Story(
        _characters(content.get("character")),
        _frames(content["img_diag"]),
        _text(overview, "overview", _OVERVIEW) if overview != "" else "",
    )


def _decoded(data: bytes) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StoryError(f"byte {error.start}", "is not UTF-8") from None
    try:
        return json.loads(text, strict=False, object_pairs_hook=_object, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise StoryError(f"line {error.lineno}, column {error.colno}", f"is no JSON ({error.msg})") from None
    except RecursionError:
        raise StoryError("", "is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise StoryError("", f"the key {_shown(twice)} is there twice in one object")
    return found


def _no_number(name: str) -> Any:
    raise StoryError("", f"{name} is no JSON")


def _characters(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise StoryError("character", f"is {_kind(value)}, not an object of appearances by name")
    if not 1 <= len(value) <= _MAX_CHARACTERS:
        raise StoryError("character", f"has {len(value)} names; 1 to {_MAX_CHARACTERS} are needed")
    found: dict[str, str] = {}
    for name, appearance in value.items():
        place = f"character[{_shown(name)}]"
        clean = _text(name, place, _NAME)
        if clean.lower() in map(str.lower, found):
            raise StoryError(place, "is the name of two characters")
        found[clean] = _text(appearance, place, _APPEARANCE)
    return found


def _frames(value: Any) -> tuple[StoryFrame, ...]:
    if not isinstance(value, list):
        raise StoryError("img_diag", f"is {_kind(value)}, not a list")
    texts: list[str] = []
    lines: dict[int, list[str]] = {}
    spoken = 0
    for index, item in enumerate(value):
        place = f"img_diag[{index}]"
        if not isinstance(item, list) or len(item) != 2:
            raise StoryError(place, 'is not a pair of "frame" or "dialogue" and a text')
        kind = item[0].strip().lower() if isinstance(item[0], str) else item[0]
        if kind == "frame":
            texts.append(_text(item[1], f"{place}[1]", _TEXT))
        elif kind == "dialogue":
            spoken += 1
            # What is said before anything is seen belongs to the first frame.
            lines.setdefault(max(0, len(texts) - 1), []).append(_text(item[1], f"{place}[1]", _TEXT))
        else:
            raise StoryError(f"{place}[0]", f"{_shown(item[0])} is neither 'frame' nor 'dialogue'")
        if len(texts) > MAX_FRAMES or spoken > _MAX_LINES:
            raise StoryError(place, f"has more than {MAX_FRAMES} frames or {_MAX_LINES} lines before it")
    if not texts:
        raise StoryError("img_diag", "has no frame")
    return tuple(StoryFrame(text, tuple(lines.get(index, ()))) for index, text in enumerate(texts))


def _check_questions(value: Any) -> None:
    """They are not used, but a file that is broken here is broken."""
    if not isinstance(value, list):
        raise StoryError("QA", f"is {_kind(value)}, not a list")
    for index, pair in enumerate(value):
        if not isinstance(pair, dict):
            raise StoryError(f"QA[{index}]", f"is {_kind(pair)}, not an object")
        for key in ("Question", "Answer"):
            if not isinstance(pair.get(key), str):
                raise StoryError(f"QA[{index}].{key}", "is no text")


def _text(value: Any, place: str, longest: int) -> str:
    """On one line, white space made single."""
    if not isinstance(value, str):
        raise StoryError(place, f"is {_kind(value)}, not a text")
    clean = " ".join(value.split())
    if not clean:
        raise StoryError(place, "is empty")
    if len(clean) > longest:
        raise StoryError(place, f"has {len(clean)} characters; at most {longest} are allowed")
    for at, char in enumerate(clean):
        if unicodedata.category(char) in ("Cc", "Cs"):
            raise StoryError(place, f"has the control character U+{ord(char):04X} at position {at}")
    return clean


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
