"""Scripts from the story JSON of MovieLLM's authors."""

from .importer import StoryImporter

__all__ = ["StoryImporter"]
