"""The stage: what it stores, what it reuses, what it refuses."""

import pytest
from google.protobuf import json_format

from reelmill.v1 import events_pb2, qa_pb2, script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from reelmill_kit.progress import silent
from reelmill_qa.service import QaJobs
from reelmill_qa.stage import QaStage
from tests.unit.qa.stories import lighthouse, thrown

MOVIE = MovieName("films", "m-1")


def request(script: script_pb2.Script | None = None, seed: int = 0) -> qa_pb2.WriteQuestionsRequest:
    return qa_pb2.WriteQuestionsRequest(movie=str(MOVIE), script=script, seed=seed)


async def stored_questions(store: MemoryStore) -> qa_pb2.QuestionSet:
    return json_format.Parse(await store.get(MOVIE.questions_key), qa_pb2.QuestionSet())


async def test_questions_are_stored_before_they_are_handed_out() -> None:
    store = MemoryStore()
    questions = await QaStage(store, None).run(request(lighthouse()), silent)
    assert await stored_questions(store) == questions
    assert (questions.movie, questions.writer) == (str(MOVIE), "offline")


async def test_without_a_script_in_the_request_the_stored_one_is_asked_about() -> None:
    store = MemoryStore()
    sent = await QaStage(store, None).run(request(lighthouse()), silent)
    data = json_format.MessageToJson(lighthouse()).encode()
    await store.put(MOVIE.script_key, data, "application/json")
    assert await QaStage(store, None).run(request(), silent) == sent


async def test_the_same_inputs_take_the_stored_questions() -> None:
    store = MemoryStore()
    stage = QaStage(store, None)
    questions = await stage.run(request(lighthouse()), silent)
    marked = qa_pb2.QuestionSet.FromString(questions.SerializeToString())
    marked.questions[0].answer = "This came from the store."
    await store.put(MOVIE.questions_key, json_format.MessageToJson(marked).encode(), "application/json")
    assert await stage.run(request(lighthouse()), silent) == marked
    assert await stage.run(request(lighthouse(), seed=1), silent) != marked
    assert await stage.run(request(thrown(1)), silent) != marked


async def test_stored_questions_that_cannot_be_read_are_written_anew() -> None:
    store = MemoryStore()
    stage = QaStage(store, None)
    questions = await stage.run(request(lighthouse()), silent)
    await store.put(MOVIE.questions_key, b'{"questions": [{"id"', "application/json")
    assert await stage.run(request(lighthouse()), silent) == questions
    assert await stored_questions(store) == questions


async def test_without_any_script_the_error_says_what_is_missing() -> None:
    with pytest.raises(ReelmillError) as caught:
        await QaStage(MemoryStore(), None).run(request(), silent)
    assert caught.value.reason is Reason.WRONG_STATE
    assert caught.value.metadata["missing"] == "script"


async def test_a_script_without_frames_or_with_a_frame_twice_is_refused_by_its_field() -> None:
    empty = script_pb2.Script(chapters=[script_pb2.Chapter()])
    frameless = script_pb2.Script(chapters=[script_pb2.Chapter(scenes=[script_pb2.Scene()])])
    twice = lighthouse()
    twice.chapters[1].scenes[0].frames[0].index = 0
    for script, field in (
        (script_pb2.Script(), "script.chapters"),
        (empty, "script.chapters[0].scenes"),
        (frameless, "script.chapters[0].scenes[0].frames"),
        (twice, "script.chapters[1].scenes[0].frames"),
    ):
        store = MemoryStore()
        with pytest.raises(ReelmillError) as caught:
            await QaStage(store, None).run(request(script), silent)
        assert caught.value.metadata["field"] == field
        assert store.objects == {}


async def test_a_job_gives_the_same_questions_as_a_call() -> None:
    store = MemoryStore()
    job = events_pb2.StageJob(movie=str(MOVIE), qa=request(lighthouse()))
    await QaJobs(QaStage(store, None))(job, silent)
    assert await stored_questions(store) == await QaStage(MemoryStore(), None).run(
        request(lighthouse()), silent
    )


async def test_a_job_of_another_stage_or_movie_is_refused() -> None:
    jobs = QaJobs(QaStage(MemoryStore(), None))
    other = request(lighthouse())
    other.movie = "projects/films/movies/m-2"
    for job, reason in (
        (events_pb2.StageJob(movie=str(MOVIE)), Reason.MALFORMED_REQUEST),
        (events_pb2.StageJob(movie=str(MOVIE), qa=other), Reason.INVALID_FIELD),
    ):
        with pytest.raises(ReelmillError) as caught:
            await jobs(job, silent)
        assert caught.value.reason is reason
