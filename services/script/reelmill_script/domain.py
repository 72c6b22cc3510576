"""What is asked for, and when a script is whole. No I/O."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Protocol, Self

from reelmill.v1 import script_pb2
from reelmill_kit import validation
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_llm import Budget
from reelmill_world import VERBS

STYLE_TOKEN = "<style>"  # noqa: S105 - stands in prompts where the learned vectors go
TIMES_OF_DAY = ("morning", "day", "evening", "night")


@dataclass(frozen=True, slots=True)
class Style:
    keyword: str
    description: str


@dataclass(frozen=True, slots=True)
class ScriptRequest:
    """A checked request. `style` is None where the writer shall choose one."""

    movie: MovieName
    theme: str
    chapters: int
    scenes: int
    frames: int
    seed: int
    style: Style | None
    genre: str = ""
    # The key of a story JSON that the script is taken from; its shape is all 0 until the story is read.
    story_key: str = ""
    story_frames: int = 0
    # How it is paid for, and not what is asked for: no part of the digest.
    budget: Budget = field(default_factory=Budget)

    @classmethod
    def parse(cls, request: script_pb2.WriteScriptRequest) -> Self:
        """Raises INVALID_FIELD naming the field."""
        movie = MovieName.parse(request.movie, "movie")
        story_key, theme, shape = request.story_key, request.theme, request.shape
        if story_key:
            validation.object_key(story_key, movie.project, "story_key")
        if theme or not story_key:
            theme = validation.theme(theme, "theme")
        if request.HasField("shape") or not story_key:
            validation.shape(shape, "shape")
        style = validation.style(request.style, "style")
        return cls(
            movie,
            theme,
            shape.chapters,
            shape.scenes,
            shape.frames,
            request.seed,
            Style(style.keyword, style.description) if style else None,
            validation.genre(request.genre, "genre"),
            story_key,
            budget=Budget.of(validation.budget(request.budget, "budget")),
        )

    @property
    def frame_count(self) -> int:
        return self.story_frames or self.chapters * self.scenes * self.frames

    def scene_length(self, scene: int) -> int:
        """Frames of a scene, counted over all chapters; those of a story differ by one at most."""
        length, more = divmod(self.frame_count, max(1, self.chapters * self.scenes))
        return length + (scene < more)

    def digest(self) -> str:
        """The same for requests that ask for the same script, whatever the movie: 64 hexadecimal digits."""
        style = [self.style.keyword, self.style.description] if self.style else None
        shape = [] if self.story_key else [self.chapters, self.scenes, self.frames]
        asked: list[object] = [self.theme, *shape, self.seed, style]
        asked += [self.genre] if self.genre else []
        asked += [{"story": self.story_key}] if self.story_key else []
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


class Writer(Protocol):
    """Writes whole scripts, or raises ReelmillError."""

    async def write(self, request: ScriptRequest, report: Report) -> script_pb2.Script: ...


def answers_prefix(movie: MovieName) -> str:
    """Where a movie's answers of the language model lie."""
    return f"{movie}/script/"


def faults(script: script_pb2.Script, request: ScriptRequest) -> list[str]:
    """Why the script is not whole or not what was asked for; an empty list for a good one."""
    found: list[str] = []

    def need(holds: bool, what: str) -> None:
        if not holds:
            found.append(what)

    locations = {location.name for location in script.locations}
    names = {character.name for character in script.characters}
    need(bool(script.title), "no title")
    need(bool(script.overview), "no overview")
    need(bool(script.style.keyword), "no style")
    need(bool(names), "no characters")
    need(len(names) == len(script.characters), "two characters of one name")
    need(len(script.chapters) == request.chapters, f"{len(script.chapters)} chapters")
    number = 0
    for c, chapter in enumerate(script.chapters):
        need(chapter.index == c, f"chapter {c} has index {chapter.index}")
        need(bool(chapter.summary), f"chapter {c} has no summary")
        need(set(chapter.locations) <= locations, f"chapter {c} plays in unknown places")
        need(len(chapter.scenes) == request.scenes, f"chapter {c} has {len(chapter.scenes)} scenes")
        for s, scene in enumerate(chapter.scenes):
            where = f"scene {c}.{s}"
            need(scene.index == s, f"{where} has index {scene.index}")
            need(bool(scene.summary), f"{where} has no summary")
            need(scene.location in locations, f"{where} plays in an unknown place {scene.location!r}")
            length = request.scene_length(c * request.scenes + s)
            need(len(scene.frames) == length, f"{where} has {len(scene.frames)} frames")
            for state in scene.states:
                need(state.character in names, f"{where} has the state of {state.character!r}")
                need(state.location in locations | {""}, f"{where} has {state.character!r} in no known place")
            for cause in scene.causes:
                earlier = (0, 0) <= (cause.chapter, cause.scene) < (c, s)
                need(earlier, f"{where} follows from {cause.chapter}.{cause.scene}")
            for frame in scene.frames:
                found += _frame_faults(frame, number, locations, names)
                number += 1
    need(number == request.frame_count, f"{number} frames instead of {request.frame_count}")
    return found


def _frame_faults(frame: script_pb2.Frame, number: int, locations: set[str], names: set[str]) -> list[str]:
    found = []
    if frame.index != number:
        found.append(f"frame {number} has index {frame.index}")
    if not frame.description:
        found.append(f"frame {number} has no description")
    if STYLE_TOKEN not in frame.prompt:
        found.append(f"frame {number} has a prompt without {STYLE_TOKEN}")
    if frame.location not in locations:
        found.append(f"frame {number} plays in an unknown place {frame.location!r}")
    if frame.time_of_day not in TIMES_OF_DAY:
        found.append(f"frame {number} is at no known time of day")
    for action in frame.actions:
        if action.character not in names or action.verb not in VERBS:
            found.append(f"frame {number} has the action {action.character!r} {action.verb!r}")
    for line in frame.dialogue:
        if line.speaker not in names or not line.text:
            found.append(f"frame {number} has a line of {line.speaker!r}")
    return found
