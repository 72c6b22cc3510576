"""One HTML page with a movie's frames, dialogue and questions; it opens without a server."""

import base64
import mimetypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from reelmill.v1 import qa_pb2, script_pb2

EMBED_AT_MOST = 300
"""Up to so many pictures stand in the page itself; with more, it refers to the files beside it."""

KINDS = {
    qa_pb2.Question.KIND_OVERVIEW: "Overview",
    qa_pb2.Question.KIND_PLOT: "Plot",
    qa_pb2.Question.KIND_TEMPORAL: "Order of events",
    qa_pb2.Question.KIND_COUNT: "Numbers",
    qa_pb2.Question.KIND_CHARACTER: "Characters",
    qa_pb2.Question.KIND_DETAIL: "Details",
}
LEVELS = {
    qa_pb2.Question.LEVEL_MOVIE: "movie",
    qa_pb2.Question.LEVEL_CHAPTER: "chapter",
    qa_pb2.Question.LEVEL_SCENE: "scene",
    qa_pb2.Question.LEVEL_FRAME: "frame",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A small labelled value at the head of the page."""

    label: str
    value: str


def storyboard(
    script: script_pb2.Script,
    questions: qa_pb2.QuestionSet,
    frames: Mapping[int, Path],
    *,
    references: Sequence[Path] = (),
    facts: Sequence[Fact] = (),
    page_folder: Path,
) -> str:
    """Renders the page.

    Args:
        script: The movie's script.
        questions: Its questions; may be empty.
        frames: The picture of each frame by its index.
        references: Pictures the style was learned from.
        facts: Shown below the title.
        page_folder: Where the page will be, for references to files beside it.
    """
    embed = len(frames) + len(references) <= EMBED_AT_MOST

    def source(file: Path) -> str:
        return data_uri(file) if embed else Path(os.path.relpath(file, page_folder)).as_posix()

    environment = Environment(
        loader=PackageLoader("reelmill_local.demo"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    grouped = [(name, [q for q in questions.questions if q.kind == kind]) for kind, name in KINDS.items()]
    others = [q for q in questions.questions if q.kind not in KINDS]
    return environment.get_template("storyboard.html.j2").render(
        script=script,
        images={index: source(file) for index, file in frames.items()},
        references=[source(file) for file in references],
        facts=facts,
        question_groups=[(name, group) for name, group in [*grouped, ("Other", others)] if group],
        levels=LEVELS,
        frame_count=sum(len(scene.frames) for chapter in script.chapters for scene in chapter.scenes),
        dialogue={
            frame.index: list(frame.dialogue)
            for chapter in script.chapters
            for scene in chapter.scenes
            for frame in scene.frames
        },
    )


def data_uri(file: Path) -> str:
    """The file as a data: URI."""
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"
