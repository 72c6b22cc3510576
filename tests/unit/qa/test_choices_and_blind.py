"""Counts, choices, the blind test, the check of a model's timeline."""

from collections import Counter
from typing import Any

import pytest

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.progress import silent
from reelmill_qa.blind import Guesser
from reelmill_qa.captions import captions
from reelmill_qa.offline import OfflineWriter
from reelmill_qa.options import Options
from reelmill_qa.proof import Reader, Unproved, prove
from reelmill_qa.timeline import by_rules, supported, timeline
from reelmill_qa.writer import write_questions
from tests.unit.qa.stories import lighthouse, thrown

Question = qa_pb2.Question
Trial = qa_pb2.BlindTest.Trial


async def written(script: script_pb2.Script, **options: Any) -> qa_pb2.QuestionSet:
    parsed = Options.parse(qa_pb2.QuestionOptions(**options))
    return (await write_questions(script, 5, parsed, None, silent))[0]


@pytest.mark.parametrize("seed", range(5))
def test_a_count_is_the_number_of_its_frames_and_no_other_is_proved(seed: int) -> None:
    script = thrown(seed)
    reader = Reader(script)
    counts = [q for q in OfflineWriter(script, seed).write().questions if q.kind == Question.KIND_COUNT]
    assert counts
    for question in counts:
        assert prove(question, reader) == "timeline"
        for wrong in question.choices:
            forged = Question.FromString(question.SerializeToString())
            forged.answer = wrong
            with pytest.raises(Unproved):
                prove(forged, reader)


async def test_right_answers_stand_in_every_position_equally_often() -> None:
    questions = (await written(thrown(2, 8, 5, 5), choice_percent=100)).questions
    chosen = [question for question in questions if question.choices]
    positions = Counter(question.right_choice for question in chosen)
    assert len(chosen) > 40
    assert max(positions.values()) - min(positions.values()) <= 1
    assert all(len(set(q.choices)) == 5 and q.choices[q.right_choice] == q.answer for q in chosen)


async def test_no_wrong_choice_can_be_proved() -> None:
    script = thrown(3, 4, 3, 4)
    reader = Reader(script)
    for question in (await written(script, choice_percent=100)).questions:
        for choice in question.choices:
            forged = Question.FromString(question.SerializeToString())
            forged.answer = choice
            if choice != question.answer:
                with pytest.raises(Unproved):
                    prove(forged, reader)


def test_a_reader_that_never_saw_the_movie_finds_answers_that_are_always_the_longest() -> None:
    questions = [
        Question(
            question=f"What is it, {n}?",
            answer=f"a much longer answer than others {n}",
            choices=[f"a much longer answer than others {n}", *(f"short {n} {m}" for m in range(4))],
        )
        for n in range(30)
    ]
    guesser = Guesser(questions)
    assert all(guesser.choose(question)[0] == question.right_choice for question in questions)


async def test_the_blind_test_lowers_what_is_answered_blindly() -> None:
    test = (await written(thrown(4, 5, 4, 4), choice_percent=100)).blind_test
    choices = next(trial for trial in test.trials if trial.view == Trial.VIEW_CHOICES)
    assert test.dropped + test.rewritten > 0
    assert choices.kept_right / choices.kept_asked < choices.right / choices.asked


@pytest.mark.parametrize(
    ("action", "holds"),
    [
        (("Mara", "hug", "Tom"), True),
        (("Mara", "hold", "Tom"), False),
        (("Zed", "hug", "Tom"), False),
        (("Mara", "hug", "Zed"), False),
    ],
)
def test_an_action_holds_only_if_the_frames_sentence_tells_of_it(
    action: tuple[str, str, str], holds: bool
) -> None:
    one = script_pb2.Action(character=action[0], verb=action[1], target=action[2])
    assert supported(one, "At the harbour, Mara embraces Tom.", ["Mara", "Tom", "Zed"]) is holds


async def test_a_script_without_actions_gets_those_that_its_sentences_tell() -> None:
    script = lighthouse()
    for chapter in script.chapters:
        for scene in chapter.scenes:
            for frame in scene.frames:
                del frame.actions[:]
    found, _ = await timeline(script, 0, None)
    told = [a for c in found.chapters for s in c.scenes for f in s.frames for a in f.actions]
    assert len(told) > 8
    (hug,) = by_rules("Mara hugs Tom.", ["Mara", "Tom"])
    assert (hug.character, hug.verb, hug.target) == ("Mara", "hug", "Tom")


@pytest.mark.parametrize("field", ["per_movie", "per_scene", "choice_percent"])
def test_options_out_of_range_are_refused_by_their_field(field: str) -> None:
    options: dict[str, Any] = {field: 201}
    with pytest.raises(ReelmillError) as caught:
        Options.parse(qa_pb2.QuestionOptions(**options))
    assert caught.value.reason is Reason.INVALID_FIELD
    assert caught.value.metadata["field"] == f"options.{field}"


async def test_only_the_kinds_that_are_wished_for_are_asked() -> None:
    found = await written(thrown(1), kinds=[Question.KIND_TEMPORAL])
    assert {question.kind for question in found.questions} == {Question.KIND_TEMPORAL}


def test_captions_have_every_frame_and_no_style_token() -> None:
    told = captions("projects/films/movies/m-1", lighthouse())
    frames = [frame for c in told.chapters for s in c.scenes for frame in s.frames]
    assert len(frames) == 12
    assert frames[0].visible == "a picture of the harbour"
