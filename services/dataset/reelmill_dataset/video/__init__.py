"""A movie as a video file: a shot a key frame, dialogue as subtitles, chapter marks."""

from .cues import Cue, cues, subtitles
from .film import make_film

__all__ = ["Cue", "cues", "make_film", "subtitles"]
