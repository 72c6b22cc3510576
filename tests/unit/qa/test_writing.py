"""What the offline writer asks, and that its answers are right by another reading of the script."""

import random
import re

import pytest

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_qa.offline import OfflineWriter
from reelmill_qa.proof import Reader, Unproved, prove
from reelmill_qa.sheet import Sheet
from tests.unit.qa.stories import lighthouse, thrown

Question = qa_pb2.Question


def written(script: script_pb2.Script, seed: int = 7) -> Sheet:
    return OfflineWriter(script, seed).write()


def of(sheet: Sheet, level: Question.Level.ValueType, kind: Question.Kind.ValueType) -> list[Question]:
    return [question for question in sheet.questions if (question.level, question.kind) == (level, kind)]


def test_every_level_has_at_least_as_many_questions_as_in_the_paper() -> None:
    sheet = written(lighthouse())
    assert len(of(sheet, Question.LEVEL_MOVIE, Question.KIND_OVERVIEW)) == 1
    assert len(of(sheet, Question.LEVEL_CHAPTER, Question.KIND_OVERVIEW)) == 2
    assert len(of(sheet, Question.LEVEL_SCENE, Question.KIND_PLOT)) >= 4
    assert sum(question.level == Question.LEVEL_FRAME for question in sheet.questions) >= 4
    for level, least in ((Question.LEVEL_MOVIE, 5), (Question.LEVEL_CHAPTER, 4), (Question.LEVEL_SCENE, 4)):
        assert len(of(sheet, level, Question.KIND_TEMPORAL)) >= least


def test_the_same_script_and_seed_give_the_same_questions_and_another_seed_others() -> None:
    first, again, other = (
        [
            question.SerializeToString(deterministic=True)
            for question in written(lighthouse(), seed).numbered()
        ]
        for seed in (7, 7, 8)
    )
    assert first == again
    assert first != other


def test_numbers_follow_the_reading_order_and_no_question_is_asked_twice() -> None:
    questions = written(thrown(3)).numbered()
    assert [question.id for question in questions] == [f"q-{n:04d}" for n in range(1, len(questions) + 1)]
    assert len({question.question for question in questions}) == len(questions)
    assert questions[0].kind == Question.KIND_OVERVIEW
    assert questions[0].level == Question.LEVEL_MOVIE


def test_an_overview_leaves_out_what_no_frame_shows() -> None:
    (overview,) = of(written(lighthouse()), Question.LEVEL_MOVIE, Question.KIND_OVERVIEW)
    assert overview.answer == (
        "Mara keeps the light of a small harbour. When the lamp goes out, she asks Tom for help."
    )
    assert {evidence.frame for evidence in overview.evidence} == {0, 2, 6}


def test_a_reason_that_the_script_gives_is_asked_for() -> None:
    questions = written(lighthouse()).questions
    (why,) = (question for question in questions if " why " in question.question)
    assert why.question == "In chapter 1, “The Letter”, why does Mara leave the harbour?"
    assert why.answer == "Because the lamp is out."


def test_a_line_of_dialogue_is_named_as_evidence() -> None:
    questions = [question for seed in range(12) for question in written(lighthouse(), seed).questions]
    spoken = [question for question in questions if " say " in question.question]
    assert spoken
    assert all(len(question.evidence[0].lines) == 1 for question in spoken)


def test_a_script_with_one_frame_gets_no_question_about_order() -> None:
    script = thrown(1, chapters=1, scenes=1, frames=1)
    kinds = {question.kind for question in written(script).questions}
    assert Question.KIND_COUNT not in kinds
    for question in written(script).questions:
        assert "happens first" not in question.question


def _frames_told(clause: str, frames: list[script_pb2.Frame]) -> list[int]:
    """Another reading: the frames whose description tells what a clause says, hugs and talks either way."""
    match = re.fullmatch(
        r"(.+?)( in the (?:kitchen|beach|street))?( in the morning| at night)?", clause.removesuffix(".")
    )
    assert match is not None
    told, place, time = match[1], (match[2] or "").strip(), (match[3] or "").split(" ")[-1]
    swapped = re.sub(r"^(\w+) (hugs|talks to) (\w+)$", r"\3 \2 \1", told)
    return [
        frame.index
        for frame in frames
        if place.lower() in frame.description.lower()
        and (not time or frame.time_of_day == time)
        and any(re.search(rf"\b{re.escape(words)}\b", frame.description) for words in (told, swapped))
    ]


@pytest.mark.parametrize("seed", range(25))
def test_of_events_that_happen_again_and_again_only_single_ones_are_asked_for_and_rightly(seed: int) -> None:
    script = thrown(seed)
    asked = 0
    for question in written(script, seed).questions:
        match = re.fullmatch(r"In (.+), which happens (first|last): (.+), or (.+)\?", question.question)
        if match is None:
            continue
        asked += 1
        numbers = [int(number) for number in re.findall(r"\b\d\b", match[1].split("“")[0])]
        chapters = script.chapters if match[1] == "the movie" else [script.chapters[numbers[-1] - 1]]
        scenes = [scene for chapter in chapters for scene in chapter.scenes]
        if match[1].startswith("scene"):
            scenes = [scenes[numbers[0] - 1]]
        frames = [frame for scene in scenes for frame in scene.frames]
        found = [_frames_told(clause, frames) for clause in [*match[3].split(", "), match[4]]]
        assert [len(one) for one in found] == [1] * len(found), (question.question, found)
        ordered = sorted(one[0] for one in found)
        assert _frames_told(question.answer, frames) == [ordered[0 if match[2] == "first" else -1]], question
        assert [evidence.frame for evidence in question.evidence] == ordered
    assert asked


def _deed(answer: str) -> str:
    """What an answer comes down to: "Ana is seen walking in the street." and "Ana walks." alike."""
    told = re.sub(r" is( seen)? ", " ", re.split(" in the | at night", answer.removesuffix("."))[0])
    return re.sub(r"^(\w+ \w{3})\w*", r"\1", told)


@pytest.mark.parametrize("seed", range(25))
def test_every_question_is_proved_again_by_its_words_alone_and_no_longer_when_its_answer_is_exchanged(
    seed: int,
) -> None:
    script = thrown(seed)
    reader = Reader(script)
    questions = [q for q in written(script, seed).questions if q.checked_by == "timeline"]
    assert len(questions) > 30
    dice = random.Random(seed)
    for question in questions:
        assert prove(question, reader) == "timeline"
        other = dice.choice([q.answer for q in questions if _deed(q.answer) != _deed(question.answer)])
        forged = Question.FromString(question.SerializeToString())
        forged.answer = other
        with pytest.raises(Unproved):
            prove(forged, reader)
