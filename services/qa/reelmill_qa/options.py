"""How many questions of which kinds are wanted; what is left open is decided by the movie's size."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_kit.errors import invalid

Question = qa_pb2.Question
if TYPE_CHECKING:
    Kind: TypeAlias = Question.Kind.ValueType
else:
    Kind = int  # what protobuf's enums are at run time

_MOST = 200
# For a movie of 11 x 11 x 11 frames up to 860. The paper has 1 for the movie, 1 a chapter and 2 a scene.
_MOVIE, _CHAPTER, _SCENE, _FRAMES = 24, 10, 4, 2
KINDS: tuple[Kind, ...] = (
    Question.KIND_OVERVIEW,
    Question.KIND_PLOT,
    Question.KIND_TEMPORAL,
    Question.KIND_COUNT,
    Question.KIND_CHARACTER,
    Question.KIND_DETAIL,
)


@dataclass(frozen=True, slots=True)
class Options:
    per_movie: int = _MOVIE
    per_chapter: int = _CHAPTER
    per_scene: int = _SCENE
    per_scene_frames: int = _FRAMES
    kinds: tuple[Kind, ...] = KINDS
    choice_percent: int = 50
    skip_blind_test: bool = False

    @classmethod
    def parse(cls, options: qa_pb2.QuestionOptions) -> "Options":
        """Raises INVALID_FIELD naming the field that is out of range."""
        numbers = {}
        for field, usual in (
            ("per_movie", _MOVIE),
            ("per_chapter", _CHAPTER),
            ("per_scene", _SCENE),
            ("per_scene_frames", _FRAMES),
        ):
            value = getattr(options, field)
            if not 0 <= value <= _MOST:
                raise invalid(f"options.{field}", f"is {value}; it has to be 0 to {_MOST}, 0 for the default")
            numbers[field] = value or usual
        if not 0 <= options.choice_percent <= 100:
            raise invalid(
                "options.choice_percent", f"is {options.choice_percent}; it has to be 1 to 100, or 0 for half"
            )
        for number, kind in enumerate(options.kinds):
            if kind not in KINDS:
                raise invalid(f"options.kinds[{number}]", f"{kind} is no kind of question")
        kinds = tuple(kind for kind in KINDS if kind in options.kinds) or KINDS
        return cls(
            **numbers,
            kinds=kinds,
            choice_percent=options.choice_percent or 50,
            skip_blind_test=options.skip_blind_test,
        )

    def wanted(self, level: Question.Level.ValueType) -> int:
        return {
            Question.LEVEL_MOVIE: self.per_movie,
            Question.LEVEL_CHAPTER: self.per_chapter,
            Question.LEVEL_SCENE: self.per_scene,
        }[level]

    def most(self, shape: script_pb2.ScriptShape) -> int:
        """The number of questions about a movie of this shape, if all can be found."""
        scenes = shape.chapters * shape.scenes
        return (
            self.per_movie
            + shape.chapters * self.per_chapter
            + scenes * (self.per_scene + self.per_scene_frames)
        )
