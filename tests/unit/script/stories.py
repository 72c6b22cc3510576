"""Scripts of the offline writer."""

import asyncio
from functools import cache

from reelmill.v1 import script_pb2
from reelmill_kit.progress import silent
from reelmill_script.domain import ScriptRequest
from reelmill_script.offline.writer import OfflineWriter

THEMES = (
    "A lighthouse keeper finds a letter that was never sent",
    "A detective looks for a stolen painting in the rain",
    "Two brothers rebuild a circus",
    "An old nurse named Edith returns to the desert hospital",
    "zzz qqq",
    "Ein Mädchen sucht ihren Hund – 雨の夜",
)


def asked(
    theme: str = THEMES[0],
    shape: tuple[int, int, int] = (3, 3, 3),
    seed: int = 1,
    style: script_pb2.StyleText | None = None,
    movie: str = "projects/acme/movies/m-1",
    genre: str = "",
) -> ScriptRequest:
    chapters, scenes, frames = shape
    return ScriptRequest.parse(
        script_pb2.WriteScriptRequest(
            movie=movie,
            theme=theme,
            shape=script_pb2.ScriptShape(chapters=chapters, scenes=scenes, frames=frames),
            seed=seed,
            style=style,
            genre=genre,
        )
    )


@cache
def told(request: ScriptRequest) -> script_pb2.Script:
    """The script; do not change it."""
    return asyncio.run(OfflineWriter().write(request, silent))


def scenes_of(script: script_pb2.Script) -> list[script_pb2.Scene]:
    return [scene for chapter in script.chapters for scene in chapter.scenes]


def frames_of(script: script_pb2.Script) -> list[script_pb2.Frame]:
    return [frame for scene in scenes_of(script) for frame in scene.frames]
