"""How a movie's record changes."""

import json
from datetime import UTC, datetime

import pytest

from reelmill.v1 import common_pb2, events_pb2, movies_pb2, script_pb2, style_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import MovieName
from reelmill_movies import domain, pausing, stage_jobs
from reelmill_movies.domain import Record

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NAME = MovieName("acme", "m-1")
STAGES = common_pb2
Movie = movies_pb2.Movie


def a_record() -> Record:
    asked = Movie(theme="A lighthouse", shape=script_pb2.ScriptShape(chapters=2, scenes=2, frames=5), seed=7)
    return domain.new_record(NAME, "request-1", asked, "s3://b/", NOW)


def completed(record: Record, stage: int, **fields: object) -> events_pb2.StageEvent:
    event = events_pb2.StageEvent(movie=str(NAME), run=record.run, stage=stage, **fields)  # type: ignore[arg-type]
    domain.begin_stage(record, event.stage, NOW)
    assert domain.apply_stage_event(record, event, NOW)
    return event


def test_a_new_movie_begins_with_its_script_and_nothing_else() -> None:
    assert domain.ready_stages(a_record()) == [STAGES.STAGE_SCRIPT]


def test_style_and_questions_need_only_the_script() -> None:
    record = a_record()
    completed(record, STAGES.STAGE_SCRIPT, title="The Light")
    assert domain.ready_stages(record) == [STAGES.STAGE_STYLE, STAGES.STAGE_QA]
    assert record.movie.title == "The Light"


def test_a_movie_succeeds_when_its_last_stage_is_done() -> None:
    record = a_record()
    completed(record, STAGES.STAGE_SCRIPT)
    completed(record, STAGES.STAGE_QA)
    completed(record, STAGES.STAGE_STYLE, style=style_pb2.Style(embedding_key="k"))
    domain.begin_stage(record, STAGES.STAGE_RENDER, NOW)
    domain.count_frames(record, 20, NOW)
    assert domain.ready_stages(record) == [STAGES.STAGE_DATASET]
    assert record.movie.state == Movie.STATE_RUNNING
    completed(record, STAGES.STAGE_DATASET)
    assert record.movie.state == Movie.STATE_SUCCEEDED
    assert record.movie.end_time.ToDatetime(UTC) == NOW


def test_news_heard_twice_changes_nothing() -> None:
    record = a_record()
    event = completed(record, STAGES.STAGE_SCRIPT, usage=common_pb2.Usage(calls=3))
    before = record.to_json()
    assert not domain.apply_stage_event(record, event, NOW)
    assert record.to_json() == before


def test_a_stage_that_ends_before_its_beginning_was_noted_is_done() -> None:
    record = a_record()
    done = events_pb2.StageEvent(run=record.run, stage=STAGES.STAGE_SCRIPT, title="The Light")
    assert domain.apply_stage_event(record, done, NOW)
    assert record.movie.title == "The Light"
    assert domain.ready_stages(record) == [STAGES.STAGE_STYLE, STAGES.STAGE_QA]
    assert domain.status(record, STAGES.STAGE_SCRIPT).start_time.ToDatetime(UTC) == NOW
    waiting = events_pb2.StageEvent(
        run=record.run, stage=STAGES.STAGE_QA, progress=common_pb2.Progress(done=1)
    )
    assert not domain.apply_stage_event(record, waiting, NOW), "how far a stage is counts once it runs"


def test_news_of_an_earlier_run_is_old() -> None:
    record = a_record()
    domain.begin_stage(record, STAGES.STAGE_SCRIPT, NOW)
    old = events_pb2.StageEvent(run=record.run - 1, stage=STAGES.STAGE_SCRIPT)
    assert not domain.apply_stage_event(record, old, NOW)


def test_a_failed_stage_fails_the_movie_with_its_reason() -> None:
    record = a_record()
    failure = common_pb2.Failure(reason="LLM_REFUSED", message="no", stage=STAGES.STAGE_SCRIPT)
    completed(record, STAGES.STAGE_SCRIPT, failure=failure)
    assert record.movie.state == Movie.STATE_FAILED
    assert record.movie.failure == failure
    assert domain.ready_stages(record) == []


def test_a_retry_keeps_what_is_done_and_begins_a_new_run() -> None:
    record = a_record()
    completed(record, STAGES.STAGE_SCRIPT)
    completed(record, STAGES.STAGE_STYLE, failure=common_pb2.Failure(stage=STAGES.STAGE_STYLE))
    run = record.run
    domain.retry(record, NOW)
    assert record.run > run
    assert record.movie.state == Movie.STATE_PENDING
    assert not record.movie.HasField("failure")
    assert domain.ready_stages(record) == [STAGES.STAGE_STYLE, STAGES.STAGE_QA]


def test_only_a_failed_or_cancelled_movie_can_be_retried() -> None:
    with pytest.raises(ReelmillError) as caught:
        domain.retry(a_record(), NOW)
    assert caught.value.reason is Reason.WRONG_STATE


def test_cancelling_an_ended_movie_changes_nothing() -> None:
    record = a_record()
    assert domain.cancel(record, NOW)
    assert not domain.cancel(record, NOW)


def test_what_a_stage_has_cost_is_set_and_the_movies_own_is_the_sum() -> None:
    record = a_record()
    usage = common_pb2.Usage(calls=2, input_tokens=100, output_tokens=20, cost_micros=70)
    completed(record, STAGES.STAGE_SCRIPT, usage=usage, failure=common_pb2.Failure(stage=STAGES.STAGE_SCRIPT))
    assert record.movie.usage == usage
    domain.retry(record, NOW)
    more = common_pb2.Usage(calls=3, input_tokens=150, output_tokens=30, cost_micros=105)
    completed(record, STAGES.STAGE_SCRIPT, usage=more)  # over both runs
    assert record.movie.usage == more
    completed(record, STAGES.STAGE_QA, usage=usage)
    assert record.movie.usage == common_pb2.Usage(
        calls=5, input_tokens=250, output_tokens=50, cost_micros=175
    )


def test_a_stage_may_spend_what_the_others_have_left() -> None:
    record = a_record()
    record.movie.budget.CopyFrom(common_pb2.Budget(tokens=1000, cost_micros=90))
    usage = common_pb2.Usage(calls=2, input_tokens=100, output_tokens=20, cost_micros=100)
    completed(record, STAGES.STAGE_SCRIPT, usage=usage)
    job = stage_jobs.stage_job(record, STAGES.STAGE_QA, None)
    assert job.qa.budget == common_pb2.Budget(tokens=880, cost_micros=1)  # 0 would be no limit
    assert stage_jobs.stage_job(record, STAGES.STAGE_SCRIPT, None).script.budget == record.movie.budget


def test_a_retry_can_raise_the_budget_and_keeps_it_otherwise() -> None:
    record = a_record()
    record.movie.budget.tokens = 10
    for budget, tokens in ((None, 10), (common_pb2.Budget(tokens=20), 20)):
        completed(record, STAGES.STAGE_SCRIPT, failure=common_pb2.Failure(stage=STAGES.STAGE_SCRIPT))
        domain.retry(record, NOW, budget)
        assert record.movie.budget.tokens == tokens


def test_frames_are_released_in_windows() -> None:
    record = a_record()
    completed(record, STAGES.STAGE_SCRIPT)
    completed(record, STAGES.STAGE_STYLE)
    domain.begin_stage(record, STAGES.STAGE_RENDER, NOW)
    assert domain.frames_to_release(record, 8) == range(8)
    record.released = 8
    assert domain.frames_to_release(record, 5) == range(8, 13)
    record.released = 18
    assert domain.frames_to_release(record, 8) == range(18, 20)
    record.released = 20
    assert len(domain.frames_to_release(record, 8)) == 0


def test_no_stage_begins_and_no_frame_is_released_while_a_movie_is_paused() -> None:
    record = a_record()
    completed(record, STAGES.STAGE_SCRIPT)
    completed(record, STAGES.STAGE_STYLE)
    domain.begin_stage(record, STAGES.STAGE_RENDER, NOW)
    assert pausing.set_paused_alone(record, True, NOW)
    assert not pausing.set_paused_alone(record, True, NOW)
    assert len(domain.frames_to_release(record, 8)) == 0
    assert domain.ready_stages(record) == []
    assert pausing.set_paused_alone(record, False, NOW)
    assert domain.frames_to_release(record, 8) == range(8)
    assert domain.ready_stages(record) == [STAGES.STAGE_QA]


def test_nothing_but_the_script_is_made_while_a_batch_has_not_taken_the_plot() -> None:
    record = domain.new_record(NAME, "r", Movie(theme="x"), "s3://b/", NOW, "projects/acme/batches/b-1")
    assert domain.ready_stages(record) == [STAGES.STAGE_SCRIPT]
    completed(record, STAGES.STAGE_SCRIPT)
    assert domain.ready_stages(record) == []
    assert domain.acquit(record)
    assert not domain.acquit(record)
    assert domain.ready_stages(record) == [STAGES.STAGE_STYLE, STAGES.STAGE_QA]


def test_the_count_of_frames_never_goes_back() -> None:
    record = a_record()
    domain.begin_stage(record, STAGES.STAGE_RENDER, NOW)
    assert domain.count_frames(record, 5, NOW)
    assert not domain.count_frames(record, 4, NOW)


def test_each_frame_has_a_seed_of_its_own_that_follows_from_the_movies() -> None:
    seeds = [stage_jobs.frame_seed(7, index) for index in range(1000)]
    assert seeds == [stage_jobs.frame_seed(7, index) for index in range(1000)]
    assert len(set(seeds)) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert stage_jobs.frame_seed(8, 0) != stage_jobs.frame_seed(7, 0)


def test_a_frame_job_carries_all_that_the_picture_depends_on() -> None:
    record = a_record()
    record.style_key, record.style_digest = "projects/acme/styles/s/embedding.safetensors", "d" * 64
    job = stage_jobs.frame_job(record, script_pb2.Frame(index=3, prompt="a man, in <style> style"))
    assert job.render.style.key == record.style_key
    assert job.render.frames[0].prompt == "a man, in <style> style"
    assert job.render.frames[0].seed == stage_jobs.frame_seed(7, 3)


def test_a_frame_job_says_what_the_frame_is_held_to() -> None:
    record = a_record()
    keys = [f"projects/acme/styles/s/references/{index:02d}.png" for index in range(3)]
    completed(record, STAGES.STAGE_SCRIPT)
    completed(record, STAGES.STAGE_STYLE, style=style_pb2.Style(embedding_key="k", reference_keys=keys))
    frame = script_pb2.Frame(index=3, prompt="a man, in <style> style")
    asked = stage_jobs.frame_job(record, frame).render
    assert list(asked.style.reference_keys) == keys
    assert not asked.HasField("gate")
    record.movie.gate.max_redraws = 0
    gate = stage_jobs.frame_job(record, frame).render.gate
    assert gate.HasField("max_redraws")
    assert gate == record.movie.gate


def test_a_record_survives_being_written_and_read() -> None:
    record = a_record()
    completed(record, STAGES.STAGE_SCRIPT, title="T")
    completed(record, STAGES.STAGE_STYLE, style=style_pb2.Style(embedding_key="k", reference_keys=["a", "b"]))
    assert Record.from_json(record.to_json()) == record


def test_a_record_of_before_the_gate_can_be_read() -> None:
    old = json.loads(a_record().to_json())
    del old["referenceKeys"]
    assert Record.from_json(json.dumps(old).encode()).reference_keys == []


def test_a_movie_made_again_after_deletion_is_another_run() -> None:
    later = domain.new_record(NAME, "request-1", Movie(), "", datetime(2026, 11, 2, tzinfo=UTC))
    assert later.run != a_record().run
