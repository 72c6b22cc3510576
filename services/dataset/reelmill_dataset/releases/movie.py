"""A movie as it lies in a release, and what questions about it are asked of."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_kit.names import MovieName

from ..formats import unmarked

Question = qa_pb2.Question
LETTERS = "ABCDE"


Frames = list[script_pb2.Frame]


@dataclass(frozen=True)
class ReleaseMovie:
    """What is worked out once for a thousand questions in a dozen formats is kept."""

    name: MovieName
    split: str
    script: script_pb2.Script
    questions: qa_pb2.QuestionSet
    seconds_per_frame: float

    @property
    def id(self) -> str:
        return self.name.movie

    @cached_property
    def frames(self) -> Frames:
        return [f for chapter in self.script.chapters for scene in chapter.scenes for f in scene.frames]

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.frames) * self.seconds_per_frame

    # Paths are relative to the release's folder.

    @property
    def video(self) -> str:
        return f"videos/{self.id}.mp4"

    @property
    def subtitles(self) -> str:
        return f"videos/{self.id}.vtt"

    def frame(self, index: int) -> str:
        return f"frames/{self.split}/{self.id}/{index:06d}.png"

    def clip(self, question: Question) -> Frames:
        """The frames that a question is asked about, by its level: movie, chapter, scene, or the evidence."""
        evidence = {proof.frame for proof in question.evidence}
        if question.level == Question.LEVEL_FRAME:
            return [self.frames[place] for place in sorted(self._places[frame] for frame in evidence)]
        parts = {self._parts.get((question.level, frame)) for frame in evidence}
        part = parts.pop() if len(parts) == 1 else None
        return self.frames[part[0] : part[1]] if part else self.frames

    @cached_property
    def _places(self) -> dict[int, int]:
        """From a frame's index to its place in the movie."""
        return {frame.index: place for place, frame in enumerate(self.frames)}

    @cached_property
    def _parts(self) -> dict[tuple[int, int], tuple[int, int]]:
        """From a level and a frame's index to the places where that frame's part begins and ends."""
        found: dict[tuple[int, int], tuple[int, int]] = {}
        start = 0
        for chapter in self.script.chapters:
            in_chapter = [frame.index for scene in chapter.scenes for frame in scene.frames]
            end = start + len(in_chapter)
            found |= {(Question.LEVEL_CHAPTER, index): (start, end) for index in in_chapter}
            for scene in chapter.scenes:
                part = (start, start + len(scene.frames))
                found |= {(Question.LEVEL_SCENE, frame.index): part for frame in scene.frames}
                start = part[1]
        return found

    def _subtitles_of(self, clip: Frames) -> str:
        spoken = [f"{said(line)}\n" for frame in clip for line in frame.dialogue]
        return f"Subtitles:\n{''.join(spoken)}\n" if spoken else ""

    def prompts(self, question: Question) -> Iterator[tuple[str, str]]:
        """What is asked and answered: in open words, and with lettered choices where there are any."""
        clip = self.clip(question)
        lines = self._subtitles_of(clip) if any(evidence.lines for evidence in question.evidence) else ""
        asked = lines + unmarked(question.question)
        yield asked, unmarked(question.answer)
        if question.choices:
            yield f"{asked}\n{unmarked(lettered(question))}", LETTERS[question.right_choice]

    def when(self, question: Question) -> str:
        """Where in the film a question's part is: "From 02:00 to 02:22: "; nothing for the whole film."""
        if question.level == Question.LEVEL_MOVIE or not (clip := self.clip(question)):
            return ""
        start = self._places[clip[0].index] * self.seconds_per_frame
        end = (self._places[clip[-1].index] + 1) * self.seconds_per_frame
        return f"From {_clock(start)} to {_clock(end)}: "


def said(line: script_pb2.DialogueLine) -> str:
    return unmarked(f"{line.speaker}: {line.text}")


def lettered(question: Question) -> str:
    choices = [f"{letter}. {choice}" for letter, choice in zip(LETTERS, question.choices, strict=False)]
    return "\n".join([*choices, "Answer with the letter of the right choice."])


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02}:{whole % 60:02}"
