"""Fetches a story and makes a script of it."""

import asyncio
from dataclasses import replace

from reelmill.v1 import script_pb2
from reelmill_kit import story as stories
from reelmill_kit.errors import invalid
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.story_store import read_story

from ..domain import ScriptRequest
from ..tokens import PromptTokens
from .adapting import script_of


class StoryImporter:
    def __init__(self, store: ObjectStore, tokens: PromptTokens) -> None:
        """`tokens`: those of the model that will draw."""
        self._store = store
        self._tokens = tokens

    async def with_shape(self, request: ScriptRequest) -> tuple[ScriptRequest, stories.Story]:
        """The story, and the request with its shape. Raises INVALID_FIELD naming `story_key` or `shape`."""
        story = await read_story(self._store, request.story_key, "story_key")
        shape = story.shape
        if request.chapters and (request.chapters, request.scenes, request.frames) != shape:
            said = "x".join(map(str, shape))
            raise invalid("shape", f"the story has {len(story.frames)} frames, {said}; leave the shape out")
        chapters, scenes, frames = shape
        whole = replace(
            request, chapters=chapters, scenes=scenes, frames=frames, story_frames=len(story.frames)
        )
        return whole, story

    async def write(self, request: ScriptRequest, story: stories.Story, report: Report) -> script_pb2.Script:
        report("reading the story", 0, request.frame_count)
        return await asyncio.to_thread(script_of, story, request, self._tokens)
