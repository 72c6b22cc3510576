"""Stories of MovieLLM's authors as scripts: their quirks, and what everybody is drawn as."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from google.protobuf import json_format

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_dataset.formats import story_json
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_script.domain import STYLE_TOKEN, ScriptRequest, faults
from reelmill_script.offline.writer import OfflineWriter
from reelmill_script.stage import ScriptStage
from reelmill_script.tokens import CLIP_LIMIT, BoundedTokens
from tests.unit.script.stories import THEMES, asked, frames_of, scenes_of, told

KEY = "projects/acme/stories/one.json"
IN, ON = "generate an image in Dramatic style: ", "generate an image on Dramatic style: "
HERO, LADY, BARON = "a man looks like Ada Example in brown", "a woman in royal blue", "a man in dark green"
# The quirks of the file that the authors released: likenesses, "on" for "in", capitals, no speakers.
STORY: list[tuple[str, str]] = [
    ("frame", f"{IN}In the blacksmith's shop, {HERO} is standing, hammering."),
    ("frame", f"{ON}In the Blacksmith’s Shop, {HERO} is holding metal at dawn."),
    ("dialogue", "It must be perfect."),
    ("frame", f"{IN}In the blacksmith's shop, a guard waits for {LADY}'s answer."),
    ("dialogue", "Speak, Lena."),
    ("frame", f"{IN}At the City Gates, {HERO} hugs {LADY}, by moonlight."),
    ("dialogue", "I am here, Darius."),
    ("dialogue", "At last."),
    ("frame", f"{IN}At the top of the city gates, {LADY} is talking to {BARON}."),
    ("dialogue", "Go away."),
    ("frame", f"{IN}The smoke rises over everything."),
    ("dialogue", "Baron Rigby: I will come back."),
    ("frame", f"{IN}In the tavern, Rigby looks like a beaten man."),
]  # fmt: skip
CAST = {"Darius": HERO, "Lena": LADY, "Baron Rigby": BARON}


def story(items: Sequence[tuple[str, str]] = STORY, cast: dict[str, str] = CAST) -> bytes:
    overview = "'The Last Anvil' tells of Darius and Lena in a city under siege."
    content = {"character": cast, "img_diag": items, "QA": [], "overview": overview}
    return json.dumps(content).encode()


def imported(data: bytes, **fields: object) -> script_pb2.Script:
    """Whole and checked, or an error, as the stage gives it."""
    store = MemoryStore()
    store.objects[KEY] = data
    request = script_pb2.WriteScriptRequest(movie="projects/acme/movies/m-1", story_key=KEY, seed=3, **fields)  # type: ignore[arg-type]
    return asyncio.run(ScriptStage(OfflineWriter(), store).run(request, silent))


@pytest.fixture(scope="module")
def script() -> script_pb2.Script:
    return imported(story())


def test_every_frame_is_there_in_order_with_its_lines(script: script_pb2.Script) -> None:
    frames = frames_of(script)
    assert len(frames) == sum(kind == "frame" for kind, _ in STORY)
    assert [frame.index for frame in frames] == list(range(7))
    assert [len(frame.dialogue) for frame in frames] == [0, 1, 1, 2, 1, 1, 0]
    assert (script.writer, script.seed, script.title) == ("imported", 3, "The Last Anvil")


def test_descriptions_have_names_and_prompts_have_looks(script: script_pb2.Script) -> None:
    frames = frames_of(script)
    assert frames[0].description == "In the blacksmith's shop, Darius is standing, hammering."
    assert frames[2].description == "In the blacksmith's shop, a guard waits for Lena's answer."
    assert frames[6].description == "In the tavern, Baron Rigby looks like a beaten man."
    looks = {one.name: one.appearance for one in script.characters}
    assert frames[0].prompt == (
        f"{looks['Darius']} is standing, hammering, in the blacksmith's shop, morning, in {STYLE_TOKEN} style"
    )
    for frame in frames:
        assert BoundedTokens().count(frame.prompt) <= CLIP_LIMIT
        assert not any(word in frame.prompt for word in ("generate", "Darius", "Lena", "Rigby"))


def test_nobody_is_drawn_to_look_like_a_real_person(script: script_pb2.Script) -> None:
    assert "Ada" not in json_format.MessageToJson(script)
    darius = script.characters[0].appearance
    assert darius.startswith("a man with ")
    assert " in a brown " in darius


def test_places_have_one_spelling_and_go_on_where_none_is_named(script: script_pb2.Script) -> None:
    assert [frame.location for frame in frames_of(script)] == [
        *["blacksmith's shop"] * 3,
        *["city gates"] * 3,
        "tavern",
    ]
    assert [place.name for place in script.locations] == ["blacksmith's shop", "city gates", "tavern"]
    assert script.style.keyword == "Dramatic"


def test_the_time_of_day_is_taken_from_the_words(script: script_pb2.Script) -> None:
    times = [frame.time_of_day for frame in frames_of(script)]
    assert times[1] == "morning"
    assert times[3] == "night"


def test_lines_find_a_speaker(script: script_pb2.Script) -> None:
    lines = [(line.speaker, line.text) for frame in frames_of(script) for line in frame.dialogue]
    assert lines == [
        ("Darius", "It must be perfect."),  # alone in the frame
        ("Darius", "Speak, Lena."),  # nobody says their own name
        ("Lena", "I am here, Darius."),
        ("Darius", "At last."),  # in turn
        ("Lena", "Go away."),  # told to talk
        ("Baron Rigby", "I will come back."),  # said so
    ]


def test_the_same_story_gives_the_same_script_and_a_style_of_ones_own_is_kept() -> None:
    style = script_pb2.StyleText(keyword="noir", description="hard shadows")
    first = imported(story(), style=style, theme="A siege", genre="Drama")
    assert first == imported(story(), style=style, theme="A siege", genre="Drama")
    assert (first.style, first.theme, first.genre) == (style, "A siege", "Drama")


@pytest.mark.parametrize("count", [1, 2, 13, 17, 331, 1057])
def test_a_story_of_any_length_is_whole(count: int) -> None:
    items = [("frame", f"In the kitchen, a tall woman in a red coat is standing, {n}.") for n in range(count)]
    script = imported(story(items, {"Mara": "a tall woman in a red coat"}))
    assert len(frames_of(script)) == count
    lengths = {len(scene.frames) for scene in scenes_of(script)}
    assert max(lengths) - min(lengths) <= 1


def test_a_story_without_places_or_style_is_whole_all_the_same() -> None:
    script = imported(story([("frame", "Mara stands there."), ("dialogue", "Oh.")], {"Mara": "Mara"}))
    assert [place.name for place in script.locations] == ["scene"]
    assert script.style.keyword == "cinematic"
    assert script.characters[0].appearance.startswith(("a woman with ", "a man with "))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 4, 5), (2, 1, 7)])
def test_our_own_story_json_comes_back_with_the_same_prompts_and_lines(
    theme: str, shape: tuple[int, int, int]
) -> None:
    ours = told(asked(theme, shape))
    again = imported(story_json(ours, qa_pb2.QuestionSet()))
    assert [frame.prompt for frame in frames_of(again)] == [frame.prompt for frame in frames_of(ours)]
    assert again.overview == ours.overview
    assert again.style.keyword == ours.style.keyword
    assert {one.name: one.appearance for one in again.characters} == {
        one.name: one.appearance for one in ours.characters
    }
    for back, frame in zip(frames_of(again), frames_of(ours), strict=True):
        assert [line.text for line in back.dialogue] == [line.text for line in frame.dialogue]
        assert (back.location, back.time_of_day) == (frame.location, frame.time_of_day)
        if len(frame.actions) == 1:
            assert frame.actions[0].character in back.description


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"story_key": "projects/other/one.json"}, "story_key", "not a key below 'projects/acme/'"),
        ({"story_key": "projects/acme/../other/one.json"}, "story_key", "not a key below"),
        ({"story_key": "projects/acme/"}, "story_key", "not a key below"),
        ({"story_key": "projects/acme/none.json"}, "story_key", "no object"),
        ({"story_key": "projects/acme/" + "x" * 2000}, "story_key", "characters"),
        ({"story_key": KEY, "theme": "a\x00"}, "theme", "control"),
        ({"story_key": KEY, "shape": script_pb2.ScriptShape(chapters=1)}, "shape.scenes", "not 1 to 16"),
        (
            {"story_key": KEY, "shape": script_pb2.ScriptShape(chapters=1, scenes=1, frames=1)},
            "shape",
            "7 frames",
        ),
        ({"story_key": "projects/acme/broken.json"}, "story_key", "img_diag[1][0]: 'fram' is neither"),
    ],
)
def test_bad_input_is_refused_by_field_and_nothing_is_written(
    fields: dict[str, object], field: str, said: str
) -> None:
    store = MemoryStore()
    store.objects = {
        KEY: story(),
        "projects/acme/broken.json": story([("frame", "x"), ("fram", "y")]),
    }
    before = dict(store.objects)
    request = script_pb2.WriteScriptRequest(movie="projects/acme/movies/m-1", **fields)  # type: ignore[arg-type]
    with pytest.raises(ReelmillError) as error:
        asyncio.run(ScriptStage(OfflineWriter(), store).run(request, silent))
    assert error.value.reason is Reason.INVALID_FIELD
    assert error.value.metadata["field"] == field
    assert said in error.value.message
    assert store.objects == before


def test_an_imported_script_is_kept_and_needs_the_story_no_more() -> None:
    store = MemoryStore()
    store.objects[KEY] = story()
    stage = ScriptStage(OfflineWriter(), store)
    request = script_pb2.WriteScriptRequest(movie="projects/acme/movies/m-1", story_key=KEY)
    first = asyncio.run(stage.run(request, silent))
    del store.objects[KEY]
    assert asyncio.run(stage.run(request, silent)) == first
    assert faults(first, ScriptRequest.parse(request)) != []  # its shape is the story's, not the request's
