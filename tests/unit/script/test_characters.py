"""Who a movie's characters are and how they look: the same words in every frame, and nobody real."""

import itertools
import random
import re
import tomllib
from importlib.resources import files

import pytest

from reelmill.v1 import script_pb2
from reelmill_kit.near_duplicates import Texts
from reelmill_script.domain import ScriptRequest
from reelmill_script.llm.answers import FramesAnswer, OutlineAnswer, ScenesAnswer
from reelmill_script.llm.assembly import assemble
from reelmill_script.llm.checks import check_frames, check_outline, check_scenes, story_of
from reelmill_script.llm.likeness import check_appearance, check_name, check_texts
from reelmill_script.offline.looks import alike
from reelmill_script.prompting import FrameWords, frame_prompt
from reelmill_script.tokens import CLIP_LIMIT, BoundedTokens
from reelmill_world import COLOURS, GARMENTS, HAIR, without_article
from tests.contract.llm import screenwriter
from tests.unit.script.stories import THEMES, asked, frames_of, scenes_of, told

SHAPES = [(1, 1, 1), (1, 3, 8), (3, 3, 3), (6, 6, 6)]
LOOKS = {
    "Mara": "a tall heavy woman with short red hair in a long blue coat",
    "Tomas": "an old slim man with grey hair in a brown suit",
    "Ilse": "a small girl with black braids in a green dress",
}


def offline_scripts() -> list[script_pb2.Script]:
    return [told(asked(theme, shape, seed)) for seed, theme in enumerate(THEMES) for shape in SHAPES]


class TestTheOfflineWriter:
    def test_says_a_characters_fixed_words_and_its_clothes_in_every_frame_in_which_it_acts(self) -> None:
        for script in offline_scripts():
            words = {one.name: without_article(one.appearance).split(" in ")[0] for one in script.characters}
            for scene in scenes_of(script):
                worn = {state.character: state.wearing for state in scene.states}
                for frame in scene.frames:
                    for action in frame.actions:
                        who = action.character
                        assert f"{words[who]} in {worn[who]}" in frame.prompt

    def test_lets_clothes_change_and_their_colour_stay(self) -> None:
        for script in offline_scripts():
            colours = {one.name: _worn(one.appearance)[0] for one in script.characters}
            for scene in scenes_of(script):
                for state in scene.states:
                    assert state.wearing.split()[1] == colours[state.character]

    def test_never_gives_two_characters_the_same_clothes(self) -> None:
        for script in offline_scripts():
            worn = [_worn(one.appearance) for one in script.characters]
            assert len({colour for colour, _, _ in worn}) == len(worn)

    def test_tells_its_leads_apart_by_hair_garment_and_build_too(self) -> None:
        for seed in range(60):
            script = told(asked(THEMES[seed % len(THEMES)], (1, 3, 1), seed))
            looks = [_worn(one.appearance) for one in script.characters]
            for (_, garment, hair), (_, other_garment, other_hair) in itertools.combinations(looks, 2):
                assert garment != other_garment
                assert hair != other_hair
            builds = [next(iter(re.findall("slim|heavy", one.appearance)), "") for one in script.characters]
            assert len(set(builds)) == len(builds)

    def test_lets_no_two_leads_wear_colours_that_a_light_makes_alike(self) -> None:
        for seed in range(60):
            coat = f"A girl in a {COLOURS[seed % len(COLOURS)]} coat looks for the sea"
            script = told(asked(coat if seed % 2 else THEMES[0], (1, 3, 1), seed))
            worn = [_worn(one.appearance)[0] for one in script.characters]
            assert not any(alike(one, other) for one, other in itertools.combinations(worn, 2))

    def test_invents_its_names(self) -> None:
        texts = files("reelmill_script.offline").joinpath("texts", "people.toml").read_text("utf-8")
        names = tomllib.loads(texts)["names"]
        known = {name for kind in ("woman", "man", "girl", "boy") for name in names[kind]}
        for script in offline_scripts():
            assert {one.name for one in script.characters} <= known | {"Edith"}, "a theme names Edith"

    def test_likens_nobody_to_anybody(self) -> None:
        for script in offline_scripts():
            texts = [one.description for one in script.characters]
            texts += [text for frame in frames_of(script) for text in (frame.description, frame.prompt)]
            check_texts(texts, theme="")
            for one in script.characters:
                check_appearance(one.appearance, theme="")
                check_name(one.name, theme="")


def _worn(appearance: str) -> tuple[str, str, str]:
    """Colour, garment and hair."""
    found = re.fullmatch(rf".* with ({'|'.join(HAIR)}) hair in an? ({'|'.join(COLOURS)}) (\w+)", appearance)
    assert found
    assert found[3] in GARMENTS
    return found[2], found[3], found[1]


def outline(**changes: object) -> OutlineAnswer:
    """A good outline of one chapter, its first character changed."""
    data = screenwriter.outline(1, {"theme": "x"})
    data["characters"] = [dict(data["characters"][0], **changes), *data["characters"][1:]]
    data["chapters"][0]["changes"] = []
    return OutlineAnswer.model_validate(data)


def llm_script(request: ScriptRequest, looks: dict[str, str], rng: random.Random) -> script_pb2.Script:
    """A script from answers of a language model that rambles, names everybody and lets three act at once."""
    data = screenwriter.outline(request.chapters, {"theme": request.theme})
    for one in data["characters"]:
        one["appearance"] = looks[one["name"]]
    answer = OutlineAnswer.model_validate(data)
    check_outline(answer, request.chapters, request.theme)
    story = story_of(answer)
    begins, everything = story.chapters(answer.chapters), Texts()
    scenes, frames = [], []
    for chapter, begin in zip(answer.chapters, begins, strict=False):
        told = {"chapter": chapter.model_dump(), "scenes_written": []}
        in_chapter = ScenesAnswer.model_validate({"scenes": screenwriter.scenes(request.scenes, told)})
        check_scenes(in_chapter.scenes, story.places, story, begin, request.theme)
        scenes.append(in_chapter.scenes)
        for _ in range(request.scenes):
            some = [_rambling(n, rng) for n in range(request.frames)]
            in_scene = FramesAnswer.model_validate({"frames": some})
            check_frames(in_scene, story.names, request.theme, [*story.names.all, "Number"], everything, 1.0)
            frames.append(in_scene.frames)
    return assemble(request, "test", answer, scenes, frames, BoundedTokens())


def _rambling(number: int, rng: random.Random) -> dict[str, object]:
    names = rng.sample(list(LOOKS), rng.randint(0, 3))
    words = " ".join(
        rng.choice(("slowly", "considerably", "and", "old", "quay")) for _ in range(rng.randint(0, 60))
    )
    named, smiling = rng.sample(names, rng.randint(0, len(names))), rng.choice(list(LOOKS))
    return {
        "description": f"Number {number}: {words} {' meets '.join(named)}'s lamp, {smiling} smiles.",
        "time_of_day": "evening",
        "actions": [
            {"character": name, "verb": "look", "target": "", "expression": "calm"} for name in names
        ],
        "dialogue": [],
    }


@pytest.mark.parametrize("seed", range(12))
def test_with_a_language_model_every_frame_of_a_character_has_its_without_article(seed: int) -> None:
    request = asked(shape=(2, 3, 8))
    script = llm_script(request, LOOKS, random.Random(seed))
    looks = {one.name: without_article(one.appearance).rpartition(" in ")[0] for one in script.characters}
    for scene in scenes_of(script):
        words = {state.character: f"{looks[state.character]} in {state.wearing}" for state in scene.states}
        for frame in scene.frames:
            assert len({action.character for action in frame.actions}) <= 2
            assert BoundedTokens().count(frame.prompt) <= CLIP_LIMIT
            for action in frame.actions:
                assert words[action.character] in frame.prompt
            if not frame.actions:
                (smiling,) = re.findall(r"(\w+) smiles", frame.description)
                assert words[smiling] in frame.prompt


def test_who_acts_but_is_not_named_is_in_the_prompt_all_the_same() -> None:
    prompt = frame_prompt(FrameWords("They wait by Mara's boat.", LOOKS, "harbour", "day", ["Tomas", "Mara"]))
    assert prompt.startswith(
        "an old slim man with grey hair in a brown suit and a tall heavy woman with short red hair in a long "
        "blue coat, They wait by the tall heavy woman's boat, in the harbour"
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"appearance": "a tall woman who looks like Ada Example with red hair in a blue coat"}, "likens"),
        ({"appearance": "a tall woman resembling a film star, with red hair in a blue coat"}, "likens"),
        ({"appearance": "an Ada Example look-alike with red hair in a blue coat"}, "likens"),
        ({"appearance": "a tall woman, Ada Example, with red hair in a blue coat"}, "likens"),
        ({"description": "She keeps the light and looks just like the singer Ada Example."}, "Ada Example"),
        ({"description": "Played by Ada Example."}, "Ada Example"),
        ({"description": "An Ada van Example type."}, "Ada van Example"),
        ({"name": "Ada Example"}, "first name"),
        ({"appearance": "a tall woman in a blue coat"}, "lacks hair"),
        ({"appearance": "a tall woman with red hair"}, "lacks"),
        ({"appearance": "a tall woman with red hair in a long brown suit"}, "wear the same"),
    ],
)
def test_an_outline_with_such_a_character_is_refused(changes: dict[str, object], why: str) -> None:
    check_outline(outline(), 1, "A keeper finds a letter")
    with pytest.raises(ValueError, match=why):
        check_outline(outline(**changes), 1, "A keeper finds a letter")


def test_a_likeness_is_taken_when_the_theme_asks_for_it() -> None:
    theme = "A keeper who looks like the actress Ada Example finds a letter"
    check_outline(
        outline(appearance="a tall woman resembling Ada Example, red hair, in a blue coat"), 1, theme
    )
    check_outline(outline(description="She looks a bit like Ada Example."), 1, theme)
    with pytest.raises(ValueError, match="Bob Instance"):
        check_outline(outline(description="She looks a bit like Bob Instance."), 1, theme)


def test_a_person_in_the_theme_may_be_named_but_nobody_is_made_to_look_like_it() -> None:
    theme = "Ada Example writes the first program"
    check_outline(outline(name="Ada Example"), 1, theme)
    with pytest.raises(ValueError, match="likens"):
        check_outline(outline(appearance="a woman like Ada Example with red hair in a blue coat"), 1, theme)
    with pytest.raises(ValueError, match="Ada Example"):
        check_texts(["Mara resembles Ada Example."], theme, ["Mara"])


@pytest.mark.parametrize(
    "text",
    [
        "It looks like rain.",
        "Mara looks like Tomas's sister.",
        "The waltz is played by an orchestra.",
        "The fog is similar to smoke; Old Tom starts the engine.",
        "A model of the North Sea, based on old charts.",
    ],
)
def test_what_likens_nobody_to_a_person_is_let_through(text: str) -> None:
    check_texts([text], "A keeper finds a letter", ["Mara", "Tomas"])


@pytest.mark.parametrize(
    "appearance", ["an African American woman with black hair in a red coat", *LOOKS.values()]
)
def test_an_appearance_in_plain_words_is_let_through(appearance: str) -> None:
    check_appearance(appearance, "A keeper finds a letter")


@pytest.mark.parametrize("name", ["Mara", "Old Tom", "Dr. Chen", "Anna-Lena"])
def test_first_names_and_titles_are_let_through(name: str) -> None:
    check_name(name, "A keeper finds a letter")
