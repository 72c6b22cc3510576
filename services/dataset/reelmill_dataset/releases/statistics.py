"""What a release's data card counts. Pure: movies add to it, and parts add up."""

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, Field

from reelmill.v1 import qa_pb2, render_pb2

from .movie import Question, ReleaseMovie


class Trial(BaseModel):
    """The blind test in one view, before and after what can be answered so was taken out."""

    asked: int = 0
    right: int = 0
    chance: float = 0.0
    kept_asked: int = 0
    kept_right: int = 0


class Statistics(BaseModel):
    movies: Counter[str] = Field(default_factory=Counter)
    """By split; so are frames."""
    frames: Counter[str] = Field(default_factory=Counter)
    lines: int = 0
    seconds: float = 0.0
    questions: Counter[str] = Field(default_factory=Counter)
    """By "level/kind"."""
    with_choices: int = 0
    genres: Counter[str] = Field(default_factory=Counter)
    """By movies; those that no genre was asked for are "as the theme suggests"."""
    styles: Counter[str] = Field(default_factory=Counter)
    places: Counter[str] = Field(default_factory=Counter)
    writers: Counter[str] = Field(default_factory=Counter)
    """Who wrote scripts and questions: "script: offline"."""
    models: Counter[str] = Field(default_factory=Counter)
    """Diffusion models' digests, by frames."""
    sizes: Counter[str] = Field(default_factory=Counter)
    """Of pictures, "192 x 192"."""
    prompts: Counter[str] = Field(default_factory=Counter)
    """Prompt files used: "qa/questions v2 sha256:...", by movies."""
    trials: dict[str, Trial] = Field(default_factory=dict)
    judged: int = 0
    passed: int = 0
    attempts: int = 0
    own_style: int = 0
    """Judged frames whose own style was the nearest of all."""
    style_scored: int = 0
    own_text: int = 0
    """Judged frames that show their own text best of all."""
    text_ranks: Counter[str] = Field(default_factory=Counter)
    """Judged frames by the place of their own text: "first", "2 to 5", "6 to 20", "below"."""
    style_ranks: Counter[str] = Field(default_factory=Counter)
    """The same of their own style."""

    def add(self, other: "Statistics") -> None:
        for name in type(self).model_fields:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif name != "trials":
                setattr(self, name, mine + theirs)
        for view, trial in other.trials.items():
            known = self.trials.setdefault(view, Trial())
            for name in Trial.model_fields:
                setattr(known, name, getattr(known, name) + getattr(trial, name))


def of_movie(movie: ReleaseMovie, lineage: Iterable[render_pb2.KeyFrame]) -> Statistics:
    script, questions = movie.script, movie.questions
    found = Statistics(seconds=movie.duration)
    found.movies[movie.split] = 1
    for frame in movie.frames:
        found.frames[movie.split] += 1
        found.lines += len(frame.dialogue)
        found.places[frame.location] += 1
    for question in questions.questions:
        found.questions[f"{_word(Question.Level.Name(question.level))}/{_kind(question)}"] += 1
        found.with_choices += bool(question.choices)
    found.genres[script.genre.lower() or "as the theme suggests"] = 1
    found.styles[script.style.keyword or "unnamed"] = 1
    found.writers[f"script: {script.writer or 'unknown'}"] = 1
    found.writers[f"questions: {questions.writer or 'unknown'}"] = 1
    for prompt in (*script.prompts, *questions.prompts):
        found.prompts[f"{prompt.name} {prompt.version} sha256:{prompt.digest}"] = 1
    for trial in questions.blind_test.trials:
        found.trials[_word(qa_pb2.BlindTest.Trial.View.Name(trial.view))] = Trial(
            asked=trial.asked,
            right=trial.right,
            chance=trial.chance,
            kept_asked=trial.kept_asked,
            kept_right=trial.kept_right,
        )
    for drawn in lineage:
        _count(found, drawn)
    return found


def _count(found: Statistics, frame: render_pb2.KeyFrame) -> None:
    found.models[frame.model_digest or "unknown"] += 1
    found.sizes[f"{frame.width} x {frame.height}"] += 1
    if not frame.attempts:
        return
    found.judged += 1
    found.passed += frame.passed
    found.attempts += len(frame.attempts)
    kept = next((one for one in frame.attempts if one.seed == frame.seed), frame.attempts[0])
    found.style_scored += kept.style_rank > 0
    found.own_style += kept.style_rank == 1
    found.own_text += kept.text_rank == 1
    if kept.text_rank:
        found.text_ranks[_rank(kept.text_rank)] += 1
    if kept.style_rank:
        found.style_ranks[_rank(kept.style_rank)] += 1


def _rank(place: int) -> str:
    return "first" if place == 1 else "2 to 5" if place <= 5 else "6 to 20" if place <= 20 else "below"


def _word(name: str) -> str:
    return name.split("_", 1)[1].lower()


def _kind(question: Question) -> str:
    return _word(Question.Kind.Name(question.kind))
