"""A script of a language model keeps to its own story: states, causes, names, the model's token limit."""

import json
from pathlib import Path
from typing import Any

from reelmill.v1 import script_pb2
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.near_duplicates import NEARLY_THE_SAME, Texts
from reelmill_kit.progress import silent
from reelmill_llm import Llm
from reelmill_script.domain import ScriptRequest
from reelmill_script.llm.writer import LlmWriter
from reelmill_script.stage import Lineage, ScriptStage, lineage_key
from reelmill_script.tokens import ModelTokens
from tests.contract.llm.requests import frames_of, request
from tests.support import openai_server as api
from tests.support.openai_server import OpenAiServer

STARTER = Path(__file__).parents[3] / "services" / "render" / "starter" / "model"


def asked_for(server: OpenAiServer, name: str) -> list[dict[str, Any]]:
    """The data of every question of this name."""
    return [json.loads(one.user) for one in server.asked if one.name == name]


def scenes_of(script: script_pb2.Script) -> list[script_pb2.Scene]:
    return [scene for chapter in script.chapters for scene in chapter.scenes]


async def test_every_call_gets_the_synopsis_so_far_and_everybodys_state(
    server: OpenAiServer, llm_stage: ScriptStage
) -> None:
    script = await llm_stage.run(request(3, 3, 2), silent)
    summaries = [chapter.summary for chapter in script.chapters]
    by_chapter = {data["chapter"]["title"]: data for data in asked_for(server, "scenes")}
    for index, chapter in enumerate(script.chapters):
        data = by_chapter[chapter.title]
        assert data["story_so_far"] == summaries[:index]
        assert data["comes_next"] == (summaries[index + 1] if index < 2 else "")
        assert {state["character"] for state in data["states"]} == {"Mara", "Tomas", "Ilse"}
    by_scene = {data["scene"]["title"]: data for data in asked_for(server, "frames")}
    assert len(by_scene) == 9
    for index, chapter in enumerate(script.chapters):
        for s, scene in enumerate(chapter.scenes):
            data = by_scene[scene.title]
            before = [one.summary for one in chapter.scenes[:s]]
            assert data["story_so_far"] == summaries[:index] + before
            worn = {state["character"]: state["wearing"] for state in data["states"]}
            assert worn == {state.character: state.wearing for state in scene.states}
    learned = by_scene[script.chapters[2].scenes[2].title]["states"]
    known = {state["character"]: state["knows"] for state in learned}
    assert known["Mara"] == ["what happened on day 1"]
    assert known["Tomas"] == [
        "what happened on day 2",
        "the secret of scene 1 of Chapter 3",
        "the secret of scene 2 of Chapter 3",
    ]


async def test_the_script_says_where_everybody_is_what_they_wear_and_know_and_why_things_happen(
    llm_stage: ScriptStage,
) -> None:
    script = await llm_stage.run(request(3, 3, 2), silent)
    scenes = scenes_of(script)
    for scene in scenes:
        assert {state.character for state in scene.states} == {"Mara", "Tomas", "Ilse"}
        assert {state.location for state in scene.states} == {scene.location}, "all are in every scene"
        for frame in scene.frames:
            worn = {state.character: state.wearing for state in scene.states}
            for action in frame.actions:
                assert worn[action.character] in frame.prompt
    assert len({state.wearing for scene in scenes for state in scene.states}) > 3, "clothes change"
    known = [len([fact for state in scene.states for fact in state.knows]) for scene in scenes]
    assert known == sorted(known), "nobody forgets"
    assert known[0] == 0
    assert [len(scene.causes) for scene in scenes] == [0] + [1] * 8
    assert (scenes[1].causes[0].chapter, scenes[1].causes[0].scene) == (0, 0)
    assert (scenes[3].causes[0].chapter, scenes[3].causes[0].scene) == (0, 2)
    assert scenes[1].causes[0].reason == "Mara wants to know more"


async def test_the_prompts_it_was_written_with_are_in_the_script_and_its_lineage(
    llm_stage: ScriptStage, store: MemoryStore
) -> None:
    asked = request(1, 1, 2)
    script = await llm_stage.run(asked, silent)
    assert {prompt.name for prompt in script.prompts} >= {"script/outline", "script/scenes", "script/frames"}
    assert all(len(prompt.digest) == 64 for prompt in script.prompts)
    movie = ScriptRequest.parse(asked).movie
    lineage = Lineage.model_validate_json(store.objects[lineage_key(movie)])
    assert lineage.prompts == [prompt.digest for prompt in script.prompts]


async def test_frames_that_repeat_those_of_another_scene_are_asked_for_again(
    server: OpenAiServer, llm_stage: ScriptStage
) -> None:
    def everywhere_alike(data: Any) -> None:
        for number, frame in enumerate(data["frames"]):
            frame["description"] = f"Mara lifts the lamp {number} times and looks out at the grey sea, calm."

    server.then(*[api.changed(everywhere_alike)] * 4, on="frames")
    script = await llm_stage.run(request(2, 2, 3), silent)
    told, repeated = Texts(), 0
    for frame in frames_of(script):
        repeated += told.most_like(frame.description)[0] > NEARLY_THE_SAME
        told.add(frame.description)
    assert repeated == 0
    assert server.count("frames") > 4


def too_long(frames: Any) -> None:
    frames["frames"][1]["description"] += " while grey waves roll against the old stones of the long quay" * 3


async def test_frames_over_the_token_limit_of_the_configured_model_are_said_again_in_fewer_words(
    server: OpenAiServer, llm: Llm, store: MemoryStore
) -> None:
    tokens = ModelTokens.of(STARTER)
    server.then(api.changed(too_long), on="frames")
    stage = ScriptStage(LlmWriter(llm, store, tokens), store)
    script = await stage.run(request(1, 2, 3), silent)
    asked = [one for data in asked_for(server, "shorter") for one in data["too_long"]]
    (longest,) = [one for one in asked if "grey waves" in one["text"]]
    assert longest["at_most_words"] < len(longest["text"].split()) - 20
    for frame in frames_of(script):
        assert "grey waves" not in frame.description
        assert tokens.count(frame.prompt) <= tokens.limit


async def test_a_model_that_cannot_shorten_loses_whole_clauses_of_the_prompt_and_no_script(
    server: OpenAiServer, llm: Llm, store: MemoryStore
) -> None:
    tokens = ModelTokens.of(STARTER)
    server.then(api.changed(too_long), on="frames")
    server.then(*[api.no_json] * 9, on="shorter")
    script = await ScriptStage(LlmWriter(llm, store, tokens), store).run(request(1, 1, 3), silent)
    long = frames_of(script)[1]
    assert "grey waves" in long.description
    assert "grey waves" not in long.prompt
    assert all(tokens.count(frame.prompt) <= tokens.limit for frame in frames_of(script))
