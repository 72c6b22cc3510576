"""Requests for scripts."""

from reelmill.v1 import script_pb2

MOVIE = "projects/acme/movies/m-1"


def request(
    chapters: int = 2, scenes: int = 2, frames: int = 3, theme: str = "A keeper finds a letter", seed: int = 7
) -> script_pb2.WriteScriptRequest:
    return script_pb2.WriteScriptRequest(
        movie=MOVIE,
        theme=theme,
        shape=script_pb2.ScriptShape(chapters=chapters, scenes=scenes, frames=frames),
        seed=seed,
    )


def frames_of(script: script_pb2.Script) -> list[script_pb2.Frame]:
    return [f for chapter in script.chapters for scene in chapter.scenes for f in scene.frames]
