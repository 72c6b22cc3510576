"""The front door on a real bus: what it does with requests and news. The stages here finish at once."""

import asyncio
import json

import pytest
from google.protobuf import json_format

from reelmill.v1 import common_pb2, events_pb2, movies_pb2, script_pb2, style_pb2
from reelmill_kit import cloudevents
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.jobs import Outcome
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.topology import DLQ, EVENTS, JOBS, MOVIES_BUCKET
from reelmill_movies import domain
from reelmill_movies.controller import now
from tests.support.front_door import FrontDoor, until

pytestmark = pytest.mark.stack
Movie = movies_pb2.Movie
STAGES = common_pb2


@pytest.fixture
def door(bus: Bus) -> FrontDoor:
    return FrontDoor(bus, MemoryStore())


async def test_a_movie_goes_through_all_stages_and_every_frame_is_asked_for_once(door: FrontDoor) -> None:
    async with door.open():
        record = await door.ended((await door.ask()).name)
    assert record.movie.state == Movie.STATE_SUCCEEDED
    assert sorted(door.drawn) == list(range(20))
    assert record.movie.title == "T"


@pytest.mark.parametrize("learned", [False, True])
async def test_in_a_style_that_is_there_only_characters_are_learned(door: FrontDoor, learned: bool) -> None:
    style = style_pb2.Style(name=f"projects/acme/styles/{'0a' * 32}", embedding_key="key")
    await door.store.put(f"{style.name}/style.json", json_format.MessageToJson(style).encode(), "")
    identity = (
        movies_pb2.CHARACTER_IDENTITY_LEARNED_TOKENS
        if learned
        else movies_pb2.CHARACTER_IDENTITY_DESCRIPTIONS
    )
    wanted = Movie(
        theme="A lighthouse",
        shape=script_pb2.ScriptShape(chapters=1, scenes=1, frames=2),
        learned_style=style.name,
        character_identity=identity,
    )
    request = movies_pb2.CreateMovieRequest(parent="projects/acme", request_id="r-1", movie=wanted)
    async with door.open():
        asked = await door.controller.create(*await door.checker.check(request))
        record = await door.ended(asked.name)
    assert record.movie.state == Movie.STATE_SUCCEEDED
    assert [job.learned_style for job in door.learned] == ([style.name] if learned else [])


async def test_the_same_request_twice_makes_one_movie(door: FrontDoor) -> None:
    async with door.open():
        first, second = await asyncio.gather(door.ask(), door.ask())
        assert first.name == second.name
        await door.ended(first.name)
        third = await door.ask()
    assert third.movie.state == Movie.STATE_SUCCEEDED
    assert sorted(door.drawn) == list(range(20))


async def test_a_request_id_used_for_another_movie_is_refused(door: FrontDoor) -> None:
    await door.ask()
    with pytest.raises(ReelmillError) as caught:
        await door.ask(theme="Something else")
    assert caught.value.reason is Reason.REQUEST_ID_REUSED


@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_an_event_makes_a_movie_as_a_call_does(door: FrontDoor, mode: str) -> None:
    wanted = {"movie": {"theme": "A lighthouse", "shape": {"chapters": 1, "scenes": 2, "frames": 10}}}
    attributes = {"specversion": "1.0", "id": "r-1", "source": "upstream", "type": "movie.wanted"}
    if mode == "binary":
        headers = {f"ce-{name}": value for name, value in attributes.items()}
        message = json.dumps(wanted).encode(), headers
    else:
        headers = {"content-type": "application/cloudevents+json"}
        message = json.dumps({**attributes, "data": wanted}).encode(), headers
    async with door.open():
        for _ in range(2):
            await door.bus.jetstream.publish("reelmill.requests.acme", message[0], headers=dict(message[1]))
        name = MovieName.for_request("acme", "r-1")
        await until(lambda: _exists(door, name))
        by_event = await door.ended(name)
        by_call = await door.ask()
    assert by_call.name == by_event.name
    assert by_event.movie.state == Movie.STATE_SUCCEEDED
    assert len(await door.movies.list("acme")) == 1


EVENT = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "x", "ce-type": "y"}


@pytest.mark.parametrize(
    ("data", "headers", "field"),
    [
        (b"not an event", {}, "specversion"),
        (b"{}", {**EVENT, "ce-specversion": ""}, "specversion"),
        (b"{}", {**EVENT, "ce-specversion": "0.3"}, "specversion"),
        (b"{}", {name: value for name, value in EVENT.items() if name != "ce-id"}, "id"),
        (b'{"movie": {"theme": ""}}', EVENT, "movie.theme"),
        (b'{"movie": {"theme": "x"}, "parent": "projects/other"}', EVENT, "parent"),
        (b"\xff\xff", {**EVENT, "content-type": "application/protobuf"}, "data"),
        (b'{"movie": {"theme"', EVENT, "data"),
    ],
)
async def test_a_bad_event_becomes_a_dead_letter_that_names_the_field(
    door: FrontDoor, data: bytes, headers: dict[str, str], field: str
) -> None:
    async with door.open():
        await door.bus.jetstream.publish("reelmill.requests.acme", data, headers=dict(headers) or None)
        await until(lambda: _any(door.bus, DLQ, "reelmill.dlq.requests.acme"))
    letter = await door.bus.jetstream.get_last_msg(DLQ, "reelmill.dlq.requests.acme")
    assert letter.data == data
    assert (letter.headers or {})["reelmill-field"] == field
    assert (letter.headers or {})["reelmill-subject"] == "reelmill.requests.acme"
    assert await door.movies.list() == []


async def test_a_frame_that_cannot_be_drawn_fails_the_movie_and_a_retry_goes_on(door: FrontDoor) -> None:
    broken = True

    async def draw(job: events_pb2.StageJob, report: Report) -> Outcome:
        if broken and job.render.frames[0].index == 5:
            raise ReelmillError(Reason.MODEL_REJECTED, "cannot draw this")
        return await door.draw(job, report)

    door.handlers[STAGES.STAGE_RENDER] = draw
    async with door.open():
        record = await door.ended((await door.ask()).name)
        assert record.movie.state == Movie.STATE_FAILED
        assert record.movie.failure.reason == "MODEL_REJECTED"
        assert "frame 5" in record.movie.failure.message
        broken = False
        await door.controller.retry(record.name)
        record = await door.ended(record.name)
    assert record.movie.state == Movie.STATE_SUCCEEDED


async def test_a_cancelled_movie_stops_its_workers_and_leaves_no_jobs(door: FrontDoor) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def hang(job: events_pb2.StageJob, report: Report) -> Outcome:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        raise AssertionError

    door.handlers[STAGES.STAGE_STYLE] = hang
    async with door.open():
        name = (await door.ask()).name
        await asyncio.wait_for(begun.wait(), 10)
        record = await door.controller.cancel(name)
        assert record.movie.state == Movie.STATE_CANCELLED
        await asyncio.wait_for(stopped.wait(), 5)
        await until(lambda: _none(door.bus, JOBS, name.any_job_subject))


async def test_a_deleted_movie_is_gone_and_can_be_made_again(door: FrontDoor) -> None:
    async with door.open():
        name = (await door.ask()).name
        await door.ended(name)
        await door.controller.delete(name)
        (left,) = await door.store.list("")
        assert left.key.startswith("projects/acme/usage/")
        with pytest.raises(ReelmillError) as caught:
            await door.movies.get(name)
        assert caught.value.reason is Reason.NOT_FOUND
        door.drawn.clear()
        await door.ask()
        record = await door.ended(name)
    assert record.movie.state == Movie.STATE_SUCCEEDED
    assert sorted(door.drawn) == list(range(20))


async def test_a_movie_that_nobody_moves_any_more_is_taken_up_again(door: FrontDoor) -> None:
    record = await door.ask()
    await door.turnstile.turn()
    assert await _any(door.bus, JOBS, record.name.any_job_subject)
    await door.bus.purge(JOBS, "reelmill.jobs.>")  # the script job is lost before anybody took it
    async with door.open():
        record = await door.ended(record.name)
    assert record.movie.state == Movie.STATE_SUCCEEDED


async def test_movies_come_back_from_the_object_store_when_the_bus_has_lost_them(door: FrontDoor) -> None:
    async with door.open():
        name = (await door.ask()).name
        before = await door.ended(name)
    await door.bus.jetstream.delete_stream(f"KV_{MOVIES_BUCKET}")
    await door.bus.check_topology()
    assert await door.movies.list() == []
    assert await door.movies.restore() == 1
    after = await door.movies.get(name)
    after.movie.revision = before.movie.revision
    assert after == before


async def test_the_end_of_a_movie_is_told_as_an_event(door: FrontDoor) -> None:
    async with door.open():
        name = (await door.ask()).name
        await door.ended(name)
        await until(lambda: _any(door.bus, EVENTS, "reelmill.events.acme.movie.succeeded"))
    message = await door.bus.jetstream.get_last_msg(EVENTS, "reelmill.events.acme.movie.succeeded")
    told = cloudevents.decode_message(cloudevents.decode(message.headers, message.data or b""), Movie)
    assert told.name == str(name)


async def test_a_movie_whose_budget_is_spent_fails_in_good_order_and_a_higher_one_completes_it(
    door: FrontDoor,
) -> None:
    budgets: list[int] = []
    usage = common_pb2.Usage(calls=1, input_tokens=90, output_tokens=10)

    async def costly(job: events_pb2.StageJob, report: Report) -> Outcome:
        budgets.append(job.qa.budget.tokens)
        if job.qa.budget.tokens < 500:
            error = ReelmillError(Reason.BUDGET_EXCEEDED, "the budget is spent")
            error.usage = usage
            raise error
        return events_pb2.StageEvent(stage=STAGES.STAGE_QA, usage=usage)

    door.handlers[STAGES.STAGE_QA] = costly
    shape = script_pb2.ScriptShape(chapters=1, scenes=1, frames=2)
    wanted = Movie(theme="A lighthouse", shape=shape, budget=common_pb2.Budget(tokens=400))
    request = movies_pb2.CreateMovieRequest(parent="projects/acme", request_id="r-1", movie=wanted)
    async with door.open():
        name = (await door.controller.create(*await door.checker.check(request))).name
        failed = await door.ended(name)
        assert failed.movie.failure.reason == "BUDGET_EXCEEDED"
        assert failed.movie.usage == usage
        await door.controller.retry(name, common_pb2.Budget(tokens=600))
        done = await door.ended(name)
    assert done.movie.state == Movie.STATE_SUCCEEDED
    assert done.movie.budget.tokens == 600
    assert done.movie.usage == usage
    assert budgets == [400, 600]


async def _exists(door: FrontDoor, name: MovieName) -> bool:
    return any(record.name == name for record in await door.movies.list())


async def _any(bus: Bus, stream: str, subject: str) -> bool:
    return bool(await bus.subjects(stream, subject))


async def _none(bus: Bus, stream: str, subject: str) -> bool:
    return not await bus.subjects(stream, subject)


async def test_the_end_is_told_although_who_heard_it_first_died_before_telling(door: FrontDoor) -> None:
    name = (await door.ask()).name
    await door.turnstile.turn()
    news = events_pb2.StageEvent(movie=str(name), stage=STAGES.STAGE_SCRIPT)
    news.failure.reason, news.failure.message = "LLM_REFUSED", "no"
    news.run = (await door.movies.get(name)).run
    # As far as a process came that then died: the record says it, and nobody was told.
    await door.movies.change(name, lambda record: domain.apply_stage_event(record, news, now()))
    subject = name.event_subject("movie", "failed")
    assert not await door.bus.subjects(EVENTS, subject)
    await door.controller.stage_event(news)  # it was not acknowledged, so it comes again
    await door.controller.stage_event(news)
    assert await door.bus.subjects(EVENTS, subject) == {subject: 1}
