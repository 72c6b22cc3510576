"""Bad input is refused by the name of its field before anything is started."""

import io
import json

import pytest
from PIL import Image

from reelmill.v1 import movies_pb2, render_pb2, script_pb2, style_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_movies.requests import RequestChecker

Movie = movies_pb2.Movie
Shape = script_pb2.ScriptShape
Drawing = render_pb2.DrawingOptions


def a_request(**fields: object) -> movies_pb2.CreateMovieRequest:
    asked = {"theme": "A lighthouse keeper", **fields}
    return movies_pb2.CreateMovieRequest(parent="projects/acme", request_id="r-1", movie=Movie(**asked))  # type: ignore[arg-type]


async def refused_field(request: movies_pb2.CreateMovieRequest, store: MemoryStore | None = None) -> str:
    with pytest.raises(ReelmillError) as caught:
        await RequestChecker(store or MemoryStore(), "starter").check(request)
    assert caught.value.reason is Reason.INVALID_FIELD
    assert caught.value.message.startswith(caught.value.metadata["field"])
    return caught.value.metadata["field"]


async def test_a_theme_alone_is_enough() -> None:
    name, request_id, asked = await RequestChecker(MemoryStore(), "starter").check(a_request())
    assert str(name).startswith("projects/acme/movies/m-")
    assert request_id == "r-1"
    assert asked.shape == Shape(chapters=3, scenes=3, frames=3)


async def test_what_is_said_of_the_gate_is_kept_and_silence_stays_silence() -> None:
    checker = RequestChecker(MemoryStore(), "starter")
    gate = render_pb2.GateOptions(mode=render_pb2.GateOptions.MODE_ON, max_redraws=0)
    _, _, asked = await checker.check(a_request(gate=gate))
    assert asked.gate == gate
    assert asked.gate.HasField("max_redraws")
    _, _, asked = await checker.check(a_request())
    assert not asked.HasField("gate")


async def test_the_same_request_names_the_same_movie_in_its_project_only() -> None:
    checker = RequestChecker(MemoryStore(), "starter")
    first, _, _ = await checker.check(a_request())
    second, _, _ = await checker.check(a_request(theme="Another"))
    elsewhere = a_request()
    elsewhere.parent = "projects/other"
    third, _, _ = await checker.check(elsewhere)
    assert first == second
    assert first.movie != third.movie


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"theme": ""}, "movie.theme"),
        ({"theme": " \t\n"}, "movie.theme"),
        ({"theme": "x" * 10_000_000}, "movie.theme"),
        ({"theme": "bell \x07"}, "movie.theme"),
        ({"shape": Shape()}, "movie.shape.chapters"),
        ({"shape": Shape(chapters=3, scenes=3, frames=0)}, "movie.shape.frames"),
        ({"shape": Shape(chapters=3, scenes=3, frames=1_000_000)}, "movie.shape.frames"),
        ({"shape": Shape(chapters=-1, scenes=3, frames=3)}, "movie.shape.chapters"),
        ({"character_identity": 7}, "movie.character_identity"),
        ({"style": script_pb2.StyleText(description="grainy")}, "movie.style.keyword"),
        ({"style": script_pb2.StyleText(keyword="x" * 100)}, "movie.style.keyword"),
        ({"style_options": style_pb2.StyleOptions(steps=100_000)}, "movie.style_options.steps"),
        ({"drawing": Drawing(steps=1000)}, "movie.drawing.steps"),
        ({"drawing": Drawing(guidance_scale=float("nan"))}, "movie.drawing.guidance_scale"),
        ({"drawing": Drawing(width=130)}, "movie.drawing.width"),
        ({"drawing": Drawing(scheduler="MagicScheduler")}, "movie.drawing.scheduler"),
        ({"gate": render_pb2.GateOptions(max_redraws=11)}, "movie.gate.max_redraws"),
        ({"gate": render_pb2.GateOptions(max_redraws=-1)}, "movie.gate.max_redraws"),
        ({"gate": render_pb2.GateOptions(mode=9)}, "movie.gate.mode"),  # type: ignore[arg-type]
        ({"model": "no-such-model"}, "movie.model"),
        ({"learned_style": "projects/acme/styles/nothing"}, "movie.learned_style"),
        ({"learned_style": "projects/other/styles/abc"}, "movie.learned_style"),
        ({"learned_style": "projects/acme/styles/../../other"}, "movie.learned_style"),
        ({"reference_keys": ["projects/other/secret.png"]}, "movie.reference_keys[0]"),
        ({"reference_keys": ["projects/acme/../other/secret.png"]}, "movie.reference_keys[0]"),
        ({"reference_keys": ["projects/acme/none.png"]}, "movie.reference_keys[0]"),
        ({"story_key": "projects/other/story.json"}, "movie.story_key"),
        ({"story_key": "projects/acme/none.json"}, "movie.story_key"),
        ({"story_key": "projects/acme/none.json", "shape": Shape(chapters=1)}, "movie.shape"),
        ({"story_key": "projects/acme/none.json", "theme": "bell \x07"}, "movie.theme"),
        ({"state": Movie.STATE_SUCCEEDED}, "movie.state"),
        ({"name": "projects/acme/movies/mine"}, "movie.name"),
    ],
)
async def test_a_bad_movie_is_refused_by_its_field(fields: dict[str, object], field: str) -> None:
    assert await refused_field(a_request(**fields)) == field


@pytest.mark.parametrize(
    "parent",
    ["", "acme", "projects/", "projects/a/b", "projects/../etc", "projects/a.b", "projects/A", "projects/a\n",
     "projects/" + "a" * 64, "projects/a\x00", "projects/-a", "projects/*", "projects/>"],
)  # fmt: skip
async def test_a_project_name_that_is_no_name_is_refused(parent: str) -> None:
    request = a_request()
    request.parent = parent
    assert await refused_field(request) == "parent"


@pytest.mark.parametrize("request_id", ["x" * 129, "tab\t", "line\nbreak", "\x00"])
async def test_a_request_id_must_be_short_and_printable(request_id: str) -> None:
    request = a_request()
    request.request_id = request_id
    assert await refused_field(request) == "request_id"


async def test_a_reference_image_that_cannot_be_read_is_refused() -> None:
    store = MemoryStore()
    await store.put("projects/acme/ref.png", b"\x89PNG not really", "image/png")
    request = a_request(reference_keys=["projects/acme/ref.png"])
    assert await refused_field(request, store) == "movie.reference_keys[0]"


async def test_a_reference_image_that_can_be_read_is_taken() -> None:
    store, file = MemoryStore(), io.BytesIO()
    Image.linear_gradient("L").save(file, "PNG")
    await store.put("projects/acme/ref.png", file.getvalue(), "image/png")
    request = a_request(reference_keys=["projects/acme/ref.png"])
    _, _, asked = await RequestChecker(store, "starter").check(request)
    assert list(asked.reference_keys) == ["projects/acme/ref.png"]


async def test_a_story_needs_no_theme_and_brings_its_shape() -> None:
    store = MemoryStore()
    story = {"character": {"Mara": "a tall woman"}, "img_diag": [["frame", "Mara sits."]] * 60}
    await store.put("projects/acme/story.json", json.dumps(story).encode(), "application/json")
    request = a_request(story_key="projects/acme/story.json", theme="")
    _, _, asked = await RequestChecker(store, "starter").check(request)
    assert asked.shape == Shape(chapters=3, scenes=4, frames=5)
    assert (asked.theme, asked.story_key) == ("", "projects/acme/story.json")


async def test_a_story_that_is_none_is_refused_with_the_place() -> None:
    store = MemoryStore()
    await store.put(
        "projects/acme/story.json", b'{"character": {"Mara": 1}, "img_diag": []}', "application/json"
    )
    request = a_request(story_key="projects/acme/story.json")
    with pytest.raises(ReelmillError, match=r"character\['Mara'\]: is a number") as caught:
        await RequestChecker(store, "starter").check(request)
    assert caught.value.metadata["field"] == "movie.story_key"
