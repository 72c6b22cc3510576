"""The export formats: from a script and its questions to a file's bytes. The same input, the same bytes."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reelmill.v1 import dataset_pb2, qa_pb2, script_pb2

Question = qa_pb2.Question
_MARKS = re.compile(r"<(image|video|audio)>", re.IGNORECASE)
_STYLE_TOKEN = "<style>"  # noqa: S105 - stands in prompts where the learned style is put


@dataclass(frozen=True, slots=True)
class Format:
    """One export file; `write` makes its content."""

    file: str
    content_type: str
    write: Callable[[script_pb2.Script, qa_pb2.QuestionSet], bytes]


def story_json(script: script_pb2.Script, questions: qa_pb2.QuestionSet) -> bytes:
    """The story JSON of MovieLLM's authors: appearances, frame prompts and lines in order, QA."""
    story: list[list[str]] = []
    for frame in _frames(script):
        story.append(["frame", frame.prompt.replace(_STYLE_TOKEN, script.style.keyword)])
        story.extend(["dialogue", line.text] for line in frame.dialogue)
    content = {
        "character": {character.name: character.appearance for character in script.characters},
        "img_diag": story,
        "QA": [{"Question": q.question, "Answer": q.answer} for q in questions.questions],
        "overview": script.overview,
    }
    return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"


def ms_swift(script: script_pb2.Script, questions: qa_pb2.QuestionSet) -> bytes:
    """ms-swift's JSONL: a question a line, its clip as a list of frames relative to the movie's prefix.

    The question's level decides the clip: the whole movie, a chapter, a scene, or the frames of the evidence.
    A question that dialogue proves brings its clip's lines along as subtitles: pictures do not speak.
    """
    lines = []
    for question in questions.questions:
        clip = _clip(script, question)
        subtitles = _subtitles(clip) if any(evidence.lines for evidence in question.evidence) else ""
        row = {
            "messages": [
                {"role": "user", "content": f"<video>{unmarked(subtitles + question.question)}"},
                {"role": "assistant", "content": unmarked(question.answer)},
            ],
            "videos": [[f"frames/{frame.index:06d}.png" for frame in clip]],
        }
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines).encode()


FORMATS: dict[dataset_pb2.ExportFormat.ValueType, Format] = {
    dataset_pb2.EXPORT_FORMAT_STORY_JSON: Format("story.json", "application/json", story_json),
    dataset_pb2.EXPORT_FORMAT_MS_SWIFT: Format("ms_swift.jsonl", "application/jsonl", ms_swift),
}


def unmarked(text: str) -> str:
    """Without the marks where training kits put media: they count them."""
    return _MARKS.sub(r"(\1)", text)


def _frames(script: script_pb2.Script) -> Iterator[script_pb2.Frame]:
    for chapter in script.chapters:
        for scene in chapter.scenes:
            yield from scene.frames


def _clip(script: script_pb2.Script, question: Question) -> list[script_pb2.Frame]:
    """The frames that a question is asked about."""
    evidence = {proof.frame for proof in question.evidence}
    if question.level == Question.LEVEL_FRAME:
        return [frame for frame in _frames(script) if frame.index in evidence]
    for part in _parts(script, question.level):
        if evidence <= {frame.index for frame in part}:
            return part
    return list(_frames(script))


def _parts(script: script_pb2.Script, level: Question.Level.ValueType) -> Iterator[list[script_pb2.Frame]]:
    """The frames of each chapter or scene."""
    for chapter in script.chapters:
        if level == Question.LEVEL_CHAPTER:
            yield [frame for scene in chapter.scenes for frame in scene.frames]
        if level == Question.LEVEL_SCENE:
            yield from (list(scene.frames) for scene in chapter.scenes)


def _subtitles(clip: list[script_pb2.Frame]) -> str:
    spoken = [f"{line.speaker}: {line.text}\n" for frame in clip for line in frame.dialogue]
    return f"Subtitles:\n{''.join(spoken)}\n" if spoken else ""
