"""What the proofs accept and refuse, on a script written by hand."""

import pytest

from reelmill.v1 import qa_pb2
from reelmill_qa.proof import Reader, Unproved, prove
from tests.unit.qa.stories import lighthouse

Question = qa_pb2.Question
MOVIE, CHAPTER, SCENE, FRAME = (
    Question.LEVEL_MOVIE,
    Question.LEVEL_CHAPTER,
    Question.LEVEL_SCENE,
    Question.LEVEL_FRAME,
)


@pytest.fixture
def reader() -> Reader:
    return Reader(lighthouse())


def temporal(text: str, answer: str, frames: list[int], level: Question.Level.ValueType = MOVIE) -> Question:
    return Question(
        question=text,
        answer=answer,
        level=level,
        kind=Question.KIND_TEMPORAL,
        evidence=[qa_pb2.Evidence(frame=frame) for frame in frames],
    )


def plot(
    text: str, answer: str, evidence: dict[int, list[int]], level: Question.Level.ValueType = MOVIE
) -> Question:
    proofs = [qa_pb2.Evidence(frame=frame, lines=lines) for frame, lines in evidence.items()]
    return Question(question=text, answer=answer, level=level, kind=Question.KIND_PLOT, evidence=proofs)


RIGHT = [
    temporal(
        "In the movie, which happens first: Tom squats down, or Mara holds a letter?",
        "Mara holds a letter.",
        [1, 9],
    ),
    temporal(
        "In chapter 1, “The Letter”, which happens last: Mara stands, Tom sits, or Tom walks?",
        "Tom sits.",
        [0, 2, 3],
        CHAPTER,
    ),
    temporal(
        "In the movie, in what order do these things happen: Tom sits; Mara stands; Mara walks?",
        "First Mara stands, then Tom sits, and finally Mara walks.",
        [0, 3, 6],
    ),
    temporal(
        "In the movie, does Mara hold a lantern before or after Tom holds a lantern?",
        "Mara holds a lantern after Tom holds a lantern.",
        [10, 7],
    ),
    temporal(
        "In the movie, what is the next thing that Mara is seen doing after talking to Tom?",
        "Mara is seen looking at Tom.",
        [4, 5],
    ),
    temporal(
        "In scene 2 of chapter 1, how does Mara's expression change from the first to the last time "
        "Mara is seen?",
        "At first Mara looks sad, and at the end Mara looks happy.",
        [4, 5],
        SCENE,
    ),
    temporal(
        "In the movie, which place is shown first, the forest or the kitchen?",
        "The kitchen is shown first.",
        [3, 6],
    ),
    temporal("In the movie, who is seen first, Tom or Mara?", "Mara is seen first.", [0, 2]),
    temporal("In the movie, where is Tom first seen?", "Tom is first seen at the harbour.", [2]),
    plot("Where is Mara walking?", "Mara is walking in the forest.", {6: []}, FRAME),
    plot("What is Tom holding in the forest?", "Tom is holding a lantern.", {7: []}, FRAME),
    plot("How does Mara look while holding a letter?", "Mara looks surprised.", {1: []}, FRAME),
    plot("What does Mara say while holding a letter?", "Mara says: “The lamp is out.”", {1: [0]}, FRAME),
    plot(
        "Where does chapter 1 take place?",
        "It takes place in the harbour and in the kitchen.",
        {0: [], 3: []},
        CHAPTER,
    ),
    temporal(
        "In the movie, which happens first, “In the kitchen, Tom sits” or “In the harbour, Mara stands”?",
        "“In the harbour, Mara stands” happens first.",
        [0, 3],
    ),
    temporal(
        "In chapter 2, in what order do these things happen: “In the harbour, Tom squats down”, "
        "“In the forest, Mara walks”, “In the forest, Tom holds a lantern”?",
        "First “In the forest, Mara walks”, then “In the forest, Tom holds a lantern”, "
        "and finally “In the harbour, Tom squats down”.",
        [6, 7, 9],
        CHAPTER,
    ),
    plot(
        "What does Tom answer when Mara asks “Will you help me?”?",
        "Tom answers: “I will.”",
        {4: [0, 1]},
        FRAME,
    ),
]


@pytest.mark.parametrize("question", RIGHT, ids=lambda question: question.question)
def test_a_right_answer_is_proved_by_the_timeline(question: Question, reader: Reader) -> None:
    assert prove(question, reader) == "timeline"


@pytest.mark.parametrize("question", RIGHT, ids=lambda question: question.question)
def test_the_same_answer_with_other_evidence_is_refused(question: Question, reader: Reader) -> None:
    question = qa_pb2.Question.FromString(question.SerializeToString())
    question.evidence[0].frame = 11
    with pytest.raises(Unproved):
        prove(question, reader)


WRONG = {
    "another event is named": temporal(
        "In the movie, which happens first: Tom squats down, or Mara holds a letter?",
        "Tom squats down.",
        [1, 9],
    ),
    "the answer was not among those asked for": temporal(
        "In the movie, which happens first: Tom squats down, or Mara holds a letter?", "Mara stands.", [1, 9]
    ),
    "the order is wrong": temporal(
        "In the movie, in what order do these things happen: Tom sits; Mara stands; Mara walks?",
        "First Tom sits, then Mara stands, and finally Mara walks.",
        [0, 3, 6],
    ),
    "before is after": temporal(
        "In the movie, does Mara hold a lantern before or after Tom holds a lantern?",
        "Mara holds a lantern before Tom holds a lantern.",
        [10, 7],
    ),
    "it happens twice": temporal(
        "In chapter 1, which happens first: Mara looks at Tom, or Tom sits?",
        "Mara looks at Tom.",
        [2, 3],
        CHAPTER,
    ),
    "a hug is a hug from either side": temporal(
        "In chapter 2, which happens first: Mara hugs Tom, or Tom squats down?",
        "Mara hugs Tom.",
        [8, 9],
        CHAPTER,
    ),
    "both happen in one frame": temporal(
        "In scene 1 of chapter 1, which happens first: Tom walks, or Mara looks at Tom?",
        "Tom walks.",
        [2],
        SCENE,
    ),
    "what is told is in the wrong order": temporal(
        "In the movie, which happens first, “In the kitchen, Tom sits” or “In the harbour, Mara stands”?",
        "“In the kitchen, Tom sits” happens first.",
        [0, 3],
    ),
    "nothing of the kind is told": temporal(
        "In the movie, which happens first, “In the kitchen, Tom cooks” or “In the harbour, Mara stands”?",
        "“In the harbour, Mara stands” happens first.",
        [0, 3],
    ),
    "the reply is another": plot(
        "What does Tom answer when Mara asks “Will you help me?”?", "Tom answers: “No.”", {4: [0, 1]}, FRAME
    ),
    "the lines of the reply are not named": plot(
        "What does Tom answer when Mara asks “Will you help me?”?", "Tom answers: “I will.”", {4: [1]}, FRAME
    ),
    "it happens elsewhere": temporal(
        "In chapter 2, which happens first: Tom sits, or Tom squats down?", "Tom sits.", [3, 9], CHAPTER
    ),
    "something lies between": temporal(
        "In the movie, what is the next thing that Mara is seen doing after holding a letter?",
        "Mara is seen talking to Tom.",
        [1, 4],
    ),
    "the level is another": temporal(
        "In the movie, who is seen first, Tom or Mara?", "Mara is seen first.", [0, 2], CHAPTER
    ),
    "the title is another": temporal(
        "In chapter 1, “The Way Home”, who is seen first, Tom or Mara?",
        "Mara is seen first.",
        [0, 2],
        CHAPTER,
    ),
    "there is no such chapter": temporal(
        "In chapter 3, where is Tom first seen?", "Tom is first seen at the harbour.", [2], CHAPTER
    ),
    "it cannot be read": temporal("In the movie, what comes before the storm?", "The calm.", [0]),
    "nobody of that name": temporal(
        "In the movie, who is seen first, Zed or Mara?", "Mara is seen first.", [0]
    ),
    "the face is another": plot(
        "How does Mara look while holding a letter?", "Mara looks calm.", {1: []}, FRAME
    ),
    "the place is another": plot("Where is Mara walking?", "Mara is walking in the kitchen.", {6: []}, FRAME),
    "a place is missing": plot(
        "Where does chapter 1 take place?", "It takes place in the harbour.", {0: []}, CHAPTER
    ),
    "somebody else says it": plot(
        "What does Tom say while sitting?", "Tom says: “The lamp is out.”", {3: []}, FRAME
    ),
}


@pytest.mark.parametrize("why", WRONG)
def test_a_temporal_or_frame_question_is_refused_when(why: str, reader: Reader) -> None:
    with pytest.raises(Unproved):
        prove(WRONG[why], reader)


def test_evidence_has_to_exist(reader: Reader) -> None:
    answer = "Mara leaves the harbour because the lamp is out."
    missing: list[dict[int, list[int]]] = [{}, {12: []}, {0: [0]}, {1: [1]}]
    for evidence in missing:
        with pytest.raises(Unproved):
            prove(plot("What happens in chapter 1?", answer, evidence, CHAPTER), reader)


def test_free_words_need_the_text_of_the_evidence(reader: Reader) -> None:
    asked = "Why does Mara leave?"
    assert prove(plot(asked, "Because the lamp is out.", {1: [0]}, CHAPTER), reader) == "text"
    for invented in (
        "Because Anna told her to.",
        "Because 3 lamps are out.",
        "Because Zed is a sailor.",
        "Because she wants bread.",
        "Because the lamp in the forest is out.",
    ):
        with pytest.raises(Unproved):
            prove(plot(asked, invented, {1: [0]}, CHAPTER), reader, support=0.3)


def test_how_much_of_an_answer_may_be_in_other_words_is_for_the_caller_to_say(reader: Reader) -> None:
    question = plot("Why does Mara leave?", "The lamp is out, and that worries Mara.", {1: [0]}, CHAPTER)
    assert prove(question, reader, support=0.5) == "text"
    with pytest.raises(Unproved):
        prove(question, reader)


def test_evidence_of_a_scene_question_lies_in_one_scene(reader: Reader) -> None:
    question = plot("Why does Mara leave?", "The lamp is out.", {1: [], 4: []}, SCENE)
    with pytest.raises(Unproved, match="more than one part"):
        prove(question, reader)


def test_what_is_told_in_other_words_but_done_again_is_no_single_event() -> None:
    script = lighthouse()
    again = script.chapters[0].scenes[1].frames[2]
    again.CopyFrom(script.chapters[0].scenes[1].frames[0])
    again.index, again.description = 5, "In the kitchen, Tom sits by the stove."
    asked = temporal(
        "In the movie, which happens first, “In the kitchen, Tom sits by the stove” "
        "or “In the forest, Mara walks”?",
        "“In the kitchen, Tom sits by the stove” happens first.",
        [5, 6],
    )
    again.time_of_day = "evening"
    with pytest.raises(Unproved, match="2 frames show"):
        prove(asked, Reader(script))
    again.time_of_day = "night"
    assert prove(asked, Reader(script)) == "timeline"


def test_to_be_hugged_while_doing_something_is_doing_two_things() -> None:
    script = lighthouse()
    script.chapters[0].scenes[1].frames[2].actions.add(character="Tom", verb="hug", target="Mara")
    asked = temporal(
        "In the movie, what is the next thing that Mara is seen doing after talking to Tom?",
        "Mara is seen looking at Tom.",
        [4, 5],
    )
    with pytest.raises(Unproved, match="not one thing"):
        prove(asked, Reader(script))


def test_prose_may_name_who_is_elsewhere_but_not_who_is_nowhere() -> None:
    script = lighthouse()
    scene = script.chapters[0].scenes[0]
    scene.summary = "Mara thinks of Tom and Zed in the forest."
    del scene.frames[2].actions[0]
    scene.frames[2].actions[0].target = ""
    scene.frames[2].description = "In the harbour, Mara looks around."
    reader = Reader(script)
    evidence: dict[int, list[int]] = {0: [], 1: [], 2: []}
    assert (
        prove(plot("What happens?", "Mara thinks of Tom in the forest.", evidence, SCENE), reader) == "text"
    )
    with pytest.raises(Unproved, match="Zed"):
        prove(plot("What happens?", "Mara thinks of Zed.", evidence, SCENE), reader)
