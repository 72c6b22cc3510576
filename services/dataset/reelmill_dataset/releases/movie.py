"""A movie as it lies in a release, and what questions about it are asked of."""

from collections.abc import Iterator
from dataclasses import dataclass

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_kit.names import MovieName

Question = qa_pb2.Question
LETTERS = "ABCDE"


@dataclass(frozen=True, slots=True)
class ReleaseMovie:
    name: MovieName
    split: str
    script: script_pb2.Script
    questions: qa_pb2.QuestionSet
    seconds_per_frame: float

    @property
    def id(self) -> str:
        return self.name.movie

    @property
    def frames(self) -> list[script_pb2.Frame]:
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

    def clip(self, question: Question) -> list[script_pb2.Frame]:
        """The frames that a question is asked about, by its level: movie, chapter, scene, or the evidence."""
        evidence = {proof.frame for proof in question.evidence}
        if question.level == Question.LEVEL_FRAME:
            return [frame for frame in self.frames if frame.index in evidence]
        for part in self._parts(question.level):
            if evidence <= {frame.index for frame in part}:
                return part
        return self.frames

    def _parts(self, level: Question.Level.ValueType) -> Iterator[list[script_pb2.Frame]]:
        for chapter in self.script.chapters:
            if level == Question.LEVEL_CHAPTER:
                yield [frame for scene in chapter.scenes for frame in scene.frames]
            if level == Question.LEVEL_SCENE:
                yield from (list(scene.frames) for scene in chapter.scenes)

    def subtitles_of(self, clip: list[script_pb2.Frame]) -> str:
        spoken = [f"{line.speaker}: {line.text}\n" for frame in clip for line in frame.dialogue]
        return f"Subtitles:\n{''.join(spoken)}\n" if spoken else ""

    def prompts(self, question: Question) -> Iterator[tuple[str, str]]:
        """What is asked and answered: in open words, and with lettered choices where there are any."""
        clip = self.clip(question)
        said = self.subtitles_of(clip) if any(evidence.lines for evidence in question.evidence) else ""
        yield f"{said}{question.question}", question.answer
        if question.choices:
            yield f"{said}{question.question}\n{lettered(question)}", LETTERS[question.right_choice]

    def when(self, question: Question) -> str:
        """Where in the film a question's part is: "From 02:00 to 02:22: "; nothing for the whole film."""
        if question.level == Question.LEVEL_MOVIE or not (clip := self.clip(question)):
            return ""
        positions = {frame.index: number for number, frame in enumerate(self.frames)}
        start = positions[clip[0].index] * self.seconds_per_frame
        end = (positions[clip[-1].index] + 1) * self.seconds_per_frame
        return f"From {_clock(start)} to {_clock(end)}: "


def lettered(question: Question) -> str:
    choices = [f"{letter}. {choice}" for letter, choice in zip(LETTERS, question.choices, strict=False)]
    return "\n".join([*choices, "Answer with the letter of the right choice."])


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02}:{whole % 60:02}"
