"""What a release's files of rows say, key by key."""

import itertools

import pytest

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_dataset.releases import rows
from reelmill_dataset.releases.movie import ReleaseMovie
from reelmill_kit.names import MovieName
from tests.unit.dataset import movies

Question = qa_pb2.Question
CHOICES = ["At dawn.", "At noon.", "At dusk.", "At night.", "Never."]


def movie() -> ReleaseMovie:
    questions = movies.questions()
    for question in questions.questions[2:4]:
        question.choices.extend(CHOICES)
        question.right_choice = 2
    questions.questions[2].kind = Question.KIND_TEMPORAL
    questions.questions[3].kind = Question.KIND_DETAIL
    return ReleaseMovie(MovieName("films", "m-1"), "train", movies.script(), questions, 2.0)


def test_ms_swift_has_a_list_of_frames_as_video_and_choices_a_second_time() -> None:
    found = list(rows.ms_swift(movie()))
    assert len(found) == 7
    scene = found[2]
    assert scene == {
        "messages": [
            {"role": "user", "content": "<video>What is it, 3?"},
            {"role": "assistant", "content": "It is 3."},
        ],
        "videos": [["frames/train/m-1/000002.png", "frames/train/m-1/000003.png"]],
    }
    asked = found[3]["messages"][0]["content"]
    assert asked.startswith("<video>What is it, 3?\nA. At dawn.\nB. At noon.\n")
    assert found[3]["messages"][1]["content"] == "C"


def test_video_formats_say_where_in_the_film_a_part_is() -> None:
    for form in (rows.llava_video, rows.qwen_vl):
        told = [row["conversations"][0]["value"] for row in form(movie())]
        assert told[0].endswith("\nWhat is it, 1?")
        assert "From 00:08 to 00:16: What is it, 2?" in told[1]
        assert "From 00:04 to 00:08: What is it, 3?" in told[2]


def test_llama_factory_has_as_many_videos_as_marks() -> None:
    for row in rows.llama_factory(movie()):
        assert row["messages"][0]["content"].count("<video>") == len(row["videos"]) == 1
        assert row["videos"] == ["videos/m-1.mp4"]


def test_ids_are_unique_in_formats_that_have_them() -> None:
    for form in (rows.llava_video, rows.llama_vid, rows.questions):
        ids = [row["id"] for row in form(movie())]
        assert len(set(ids)) == len(ids)


def test_llama_vid_reads_an_image_and_what_is_said_in_turns() -> None:
    (row,) = rows.llama_vid_inputs(movie())
    assert row["inputs"].count("<image>") == len(row["frames"]) == 8
    assert row["inputs"].startswith("<image><image> Mara: “Ça va?” 1 <image>")
    assert row["video"] == "story_feat/m-1.pkl"


def test_what_people_say_of_media_marks_adds_none() -> None:
    marked = movie()
    for question in marked.questions.questions:
        question.question = "Who reads <image> and <VIDEO> aloud?"
    for frame in marked.frames:
        for line in frame.dialogue:
            line.text = "It says <image>."
    for row in rows.llama_factory(marked):
        assert row["messages"][0]["content"].count("<video>") == 1
        assert "(image) and (VIDEO)" in row["messages"][0]["content"]
    (inputs,) = rows.llama_vid_inputs(marked)
    assert inputs["inputs"].count("<image>") == len(inputs["frames"])
    assert "It says (image)." in inputs["inputs"]


@pytest.mark.parametrize("form", [rows.video_mme, rows.mlvu, rows.long_video_bench])
def test_question_files_have_only_questions_with_choices(form: rows.Rows) -> None:
    assert len(list(form(movie()))) == 2


def test_the_right_choice_is_told_as_each_benchmark_tells_it() -> None:
    mme, mlvu, lvb = (next(form(movie())) for form in (rows.video_mme, rows.mlvu, rows.long_video_bench))
    assert (len(mme["options"]), mme["task_type"]) == (4, "Temporal Reasoning")
    assert f"{mme['answer']}. At dusk." in mme["options"], "it has four choices, and scorers that know no E"
    assert [lvb[f"option{place}"] for place in range(5)] == CHOICES
    assert (mlvu["answer"], mlvu["candidates"], mlvu["question_type"]) == ("At dusk.", CHOICES, "order")
    assert (lvb["correct_choice"], lvb["video_id"], lvb["question_category"]) == (2, "m-1", "temporal")
    assert (mme["duration"], mlvu["duration"]) == ("short", 16.0)


def test_captions_cover_movie_chapters_and_scenes_with_their_frames() -> None:
    found = [(row["level"], row["first_frame"], row["last_frame"]) for row in rows.captions(movie())]
    assert found == [
        ("movie", 0, 7),
        ("chapter", 0, 3),
        ("scene", 0, 1),
        ("scene", 2, 3),
        ("chapter", 4, 7),
        ("scene", 4, 5),
        ("scene", 6, 7),
    ]


def test_every_frame_has_one_row_beside_its_picture() -> None:
    found = list(rows.imagefolder(movie()))
    assert [row["file_name"] for row in found] == [f"m-1/{n:06d}.png" for n in range(8)]
    assert found[1]["dialogue"] == [{"speaker": "Mara", "text": "“Ça va?” 1"}]


def test_dialogue_comes_along_where_it_proves_the_answer() -> None:
    (question,) = [q for q in movie().questions.questions if q.id == "q-0005"]
    ((asked, _),) = movie().prompts(question)
    assert asked == "Subtitles:\nMara: “Ça va?” 5\n\nWhat is it, 5?"


def test_a_scene_of_an_imported_story_may_be_of_any_length() -> None:
    script = script_pb2.Script(title="T")
    numbers = itertools.count()
    for length in (1, 3):
        scene = script.chapters.add().scenes.add()
        for _ in range(length):
            scene.frames.add(index=next(numbers))
    uneven = ReleaseMovie(MovieName("films", "m-1"), "train", script, qa_pb2.QuestionSet(), 2.0)
    assert [row["last_frame"] for row in rows.captions(uneven)] == [3, 0, 0, 3, 3]
