"""What every writer of scripts owes its callers, with a language model or without."""

import json

import pytest
from google.protobuf import json_format

from reelmill.v1 import script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_script.domain import ScriptRequest, faults
from reelmill_script.stage import ScriptStage
from reelmill_script.tokens import CLIP_LIMIT, BoundedTokens
from tests.contract.llm.requests import MOVIE, frames_of, request


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 3, 3), (2, 5, 7)])
async def test_a_script_has_exactly_the_shape_that_was_asked_for(
    stage: ScriptStage, shape: tuple[int, int, int]
) -> None:
    asked = request(*shape)
    script = await stage.run(asked, silent)
    assert faults(script, ScriptRequest.parse(asked)) == []
    assert len(frames_of(script)) == shape[0] * shape[1] * shape[2]
    assert [frame.index for frame in frames_of(script)] == list(range(len(frames_of(script))))


async def test_every_prompt_names_no_character_and_fits_into_what_clip_reads(stage: ScriptStage) -> None:
    script = await stage.run(request(), silent)
    for frame in frames_of(script):
        assert frame.prompt.endswith("in <style> style")
        assert BoundedTokens().count(frame.prompt) <= CLIP_LIMIT
        for character in script.characters:
            assert character.name not in frame.prompt


async def test_a_character_is_known_by_its_clothes_wherever_the_prompts_show_it(stage: ScriptStage) -> None:
    script = await stage.run(request(), silent)
    for character in script.characters:
        for scene in (scene for chapter in script.chapters for scene in chapter.scenes):
            # A writer that changes nobody's clothes names none.
            now = [state.wearing for state in scene.states if state.character == character.name]
            worn = now[0] if now else character.appearance.split(" in ")[-1]
            for frame in scene.frames:
                alone = [action.character for action in frame.actions] == [character.name]
                if alone and character.name in frame.description:
                    assert worn in frame.prompt


async def test_dialogue_and_actions_belong_to_named_characters(stage: ScriptStage) -> None:
    script = await stage.run(request(3, 3, 6), silent)
    names = {character.name for character in script.characters}
    frames = frames_of(script)
    assert {line.speaker for frame in frames for line in frame.dialogue} <= names
    assert {action.character for frame in frames for action in frame.actions} <= names
    assert sum(bool(frame.dialogue) for frame in frames) >= len(frames) / 5


async def test_a_given_style_is_used_as_it_is(stage: ScriptStage) -> None:
    asked = request()
    asked.style.keyword, asked.style.description = "paper cut", "layered paper, soft shadows"
    script = await stage.run(asked, silent)
    assert script.style == asked.style


async def test_a_genre_is_kept_and_makes_another_script(stage: ScriptStage) -> None:
    asked = request()
    asked.genre = " Horror "
    script = await stage.run(asked, silent)
    assert script.genre == "Horror"
    assert (await stage.run(request(), silent)).genre == ""


async def test_without_a_style_the_writer_chooses_one(stage: ScriptStage) -> None:
    script = await stage.run(request(), silent)
    assert script.style.keyword
    assert script.style.description


async def test_the_script_is_stored_before_it_is_handed_over(stage: ScriptStage, store: MemoryStore) -> None:
    script = await stage.run(request(), silent)
    stored = json_format.Parse(store.objects[f"{MOVIE}/script.json"], script_pb2.Script())
    assert stored == script


async def test_the_same_request_gives_the_stored_script_again(stage: ScriptStage, store: MemoryStore) -> None:
    first = await stage.run(request(), silent)
    before = dict(store.objects)
    assert await stage.run(request(), silent) == first
    assert store.objects == before


async def test_another_request_for_the_same_movie_writes_another_script(stage: ScriptStage) -> None:
    first = await stage.run(request(), silent)
    second = await stage.run(request(theme="Two bakers save a theatre"), silent)
    assert second.theme != first.theme
    assert second.overview != first.overview


async def test_a_stored_script_that_was_changed_by_hand_is_not_taken_for_the_own(
    stage: ScriptStage, store: MemoryStore
) -> None:
    script = await stage.run(request(), silent)
    key = f"{MOVIE}/script.json"
    data = json.loads(store.objects[key])
    data["title"] = "Somebody else's"
    store.objects[key] = json.dumps(data).encode()
    assert (await stage.run(request(), silent)).title == script.title


async def test_progress_reaches_the_number_of_frames(stage: ScriptStage) -> None:
    heard: list[tuple[int, int]] = []
    await stage.run(request(), lambda message, done=0, total=0: heard.append((done, total)))
    assert heard[0][0] == 0
    assert heard[-1] == (12, 12)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"theme": ""}, "theme"),
        ({"theme": " \n "}, "theme"),
        ({"theme": "a\x00b"}, "theme"),
        ({"theme": "x" * 2001}, "theme"),
        ({"theme": "x" * 10_000_000}, "theme"),
        ({"genre": "x" * 41}, "genre"),
        ({"genre": "horr\x00or"}, "genre"),
        ({"movie": "movies/m"}, "movie"),
        ({"movie": "projects/a/movies/../x"}, "movie"),
        ({"shape": script_pb2.ScriptShape(chapters=0, scenes=1, frames=1)}, "shape.chapters"),
        ({"shape": script_pb2.ScriptShape(chapters=1, scenes=17, frames=1)}, "shape.scenes"),
        ({"shape": script_pb2.ScriptShape(chapters=1, scenes=1, frames=1_000_000)}, "shape.frames"),
        ({"style": script_pb2.StyleText(keyword="x" * 61)}, "style.keyword"),
        ({"style": script_pb2.StyleText(description="no keyword")}, "style.keyword"),
        ({"style": script_pb2.StyleText(keyword="noir", description="x" * 501)}, "style.description"),
    ],
)
async def test_bad_input_is_refused_by_field_and_nothing_is_written(
    stage: ScriptStage, store: MemoryStore, change: dict[str, object], field: str
) -> None:
    asked = request()
    for name, value in change.items():
        asked.ClearField(name)  # type: ignore[arg-type]
        asked.MergeFrom(script_pb2.WriteScriptRequest(**{name: value}))  # type: ignore[arg-type]
    with pytest.raises(ReelmillError) as error:
        await stage.run(asked, silent)
    assert error.value.reason is Reason.INVALID_FIELD
    assert error.value.metadata["field"] == field
    assert store.objects == {}
