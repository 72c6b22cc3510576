"""The part of a movie that a question is about: all of it, a chapter, a scene."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reelmill.v1 import qa_pb2, script_pb2

Question = qa_pb2.Question


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of a movie; `chapter` and `scene` are positions from 0, -1 where the part is larger."""

    script: script_pb2.Script
    chapter: int = -1
    scene: int = -1

    @property
    def level(self) -> Question.Level.ValueType:
        if self.chapter < 0:
            return Question.LEVEL_MOVIE
        return Question.LEVEL_CHAPTER if self.scene < 0 else Question.LEVEL_SCENE

    @property
    def frames(self) -> list[script_pb2.Frame]:
        """In the order of the movie."""
        return [frame for scene in self.scenes for frame in scene.frames]

    @property
    def scenes(self) -> list[script_pb2.Scene]:
        if self.chapter < 0:
            return [scene for chapter in self.script.chapters for scene in chapter.scenes]
        scenes = self.script.chapters[self.chapter].scenes
        return list(scenes) if self.scene < 0 else [scenes[self.scene]]

    @property
    def prose(self) -> str:
        """What the script tells of this part: the overview or the summary."""
        if self.chapter < 0:
            return self.script.overview
        chapter = self.script.chapters[self.chapter]
        return chapter.summary if self.scene < 0 else chapter.scenes[self.scene].summary

    @property
    def label(self) -> str:
        """How questions call it: numbers make it unique, the title makes it readable."""
        if self.chapter < 0:
            return "the movie"
        chapter = self.script.chapters[self.chapter]
        if self.scene < 0:
            return f"chapter {self.chapter + 1}{_titled(chapter.title)}"
        title = chapter.scenes[self.scene].title
        return f"scene {self.scene + 1} of chapter {self.chapter + 1}{_titled(title)}"


def shows(frame: script_pb2.Frame, name: str) -> bool:
    """Whether a character is in a frame: acting, acted upon, or told of."""
    if any(name in (action.character, action.target) for action in frame.actions):
        return True
    return name in frame.description and re.search(rf"\b{re.escape(name)}\b", frame.description) is not None


def movie(script: script_pb2.Script) -> Scope:
    return Scope(script)


def chapters(script: script_pb2.Script) -> Iterator[Scope]:
    for chapter in range(len(script.chapters)):
        yield Scope(script, chapter)


def scenes(script: script_pb2.Script, chapter: int) -> Iterator[Scope]:
    for scene in range(len(script.chapters[chapter].scenes)):
        yield Scope(script, chapter, scene)


def all_scopes(script: script_pb2.Script) -> Iterator[Scope]:
    """In reading order: the movie, then each chapter followed by its scenes."""
    yield movie(script)
    for scope in chapters(script):
        yield scope
        yield from scenes(script, scope.chapter)


def _titled(title: str) -> str:
    return f", “{title}”" if title else ""
