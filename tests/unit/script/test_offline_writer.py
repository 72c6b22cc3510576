"""The offline writer: whole stories, the same every time, in the world that the starter model knows."""

import itertools
import re
import time

import pytest

from reelmill.v1 import script_pb2
from reelmill_script.domain import faults
from reelmill_script.offline.places import place
from reelmill_script.offline.texts import load
from reelmill_script.tokens import CLIP_LIMIT, BoundedTokens
from reelmill_world import (
    COLOURS,
    HELD_OBJECTS,
    MOODS,
    NAMED_STYLES,
    PLACED_OBJECTS,
    PLACES,
    TIMES,
    VERBS,
    is_indoor,
    with_article,
)
from tests.unit.script.stories import THEMES, asked, frames_of, scenes_of, told

SHAPES = [
    (1, 1, 1),
    (1, 16, 2),
    (2, 1, 16),
    (2, 2, 2),
    (3, 3, 3),
    (3, 4, 5),
    (5, 6, 4),
    (16, 1, 1),
    (11, 11, 11),
]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_script_of_any_theme_and_shape_is_whole(theme: str, shape: tuple[int, int, int]) -> None:
    request = asked(theme, shape)
    assert faults(told(request), request) == []


@pytest.mark.parametrize("seed", range(40))
def test_a_script_is_whole_whatever_the_seed(seed: int) -> None:
    shape = (1 + seed % 5, 1 + seed % 7, 1 + seed % 9)
    request = asked(THEMES[seed % len(THEMES)], shape, seed)
    assert faults(told(request), request) == []


def test_the_same_request_gives_the_same_script_for_every_movie() -> None:
    assert told(asked(seed=5)) == told(asked(seed=5, movie="projects/other/movies/m-2"))


def test_another_seed_tells_another_story() -> None:
    first, second = told(asked(seed=1)), told(asked(seed=2))
    shared = {f.description for f in frames_of(first)} & {f.description for f in frames_of(second)}
    assert first.title != second.title or first.overview != second.overview
    assert len(shared) <= 3


def test_the_largest_script_takes_seconds() -> None:
    started = time.process_time()
    assert len(frames_of(told(asked(shape=(16, 16, 16), seed=99)))) == 4096
    assert time.process_time() - started < 10


@pytest.mark.parametrize("shape", [(3, 3, 3), (3, 4, 5), (11, 11, 11)], ids=str)
@pytest.mark.parametrize("theme", THEMES[:3])
def test_no_two_scenes_and_no_two_frames_are_told_alike(theme: str, shape: tuple[int, int, int]) -> None:
    script = told(asked(theme, shape))
    scenes, frames = scenes_of(script), frames_of(script)
    assert len({scene.title for scene in scenes}) == len(scenes)
    assert len({scene.summary for scene in scenes}) == len(scenes)
    assert len({frame.description for frame in frames}) == len(frames)
    assert len({chapter.title for chapter in script.chapters}) == len(script.chapters)


def test_within_a_scene_no_two_pictures_are_asked_for_with_the_same_words() -> None:
    for scene in scenes_of(told(asked(shape=(4, 5, 9)))):
        assert len({frame.prompt for frame in scene.frames}) == len(scene.frames)


@pytest.mark.parametrize("theme", THEMES)
def test_prompts_are_canonical_captions_of_the_world(theme: str) -> None:
    for frame in frames_of(told(asked(theme, (3, 4, 5)))):
        assert re.match(r"(wide|medium|close) shot of ", frame.prompt)
        assert frame.prompt.endswith(", in <style> style")
        assert f"the {frame.location}, {frame.time_of_day}, " in frame.prompt
        assert BoundedTokens().count(frame.prompt) <= CLIP_LIMIT
        assert frame.location in PLACES


def test_every_place_of_the_world_has_its_texts_and_no_other() -> None:
    assert len(PLACES) >= 24
    for table in (load("places"), load("lexicon")["places"], load("people")["roles"]):
        assert set(table) == set(PLACES)
    for name in PLACES:
        here = place(name)
        assert len(set(here.details)) >= 8
        assert len(set(here.spots)) >= 5
        assert len(set(here.props)) >= 3
        assert len(set(here.things)) >= 3
        assert {*here.props} <= {*PLACED_OBJECTS}
        assert {*here.things} <= {*HELD_OBJECTS}


def test_long_scripts_use_all_that_the_world_has() -> None:
    frames = frames_of(told(asked(shape=(16, 16, 16), seed=99)))
    assert {frame.location for frame in frames} == set(PLACES)
    prompts = "\n".join(frame.prompt for frame in frames)
    assert all(f"with {with_article(name)}, " in prompts for name in PLACED_OBJECTS)
    assert all(f"holding {with_article(name)}" in prompts for name in HELD_OBJECTS)


@pytest.mark.parametrize(
    ("theme", "place_named", "held"),
    [
        ("A knight without a sword guards an empty castle", "castle", "sword"),
        ("A carpenter mends a guitar in his workshop", "workshop", "guitar"),
        ("A photographer loses her camera on a rooftop", "rooftop", "camera"),
    ],
)
def test_themes_find_the_places_and_things_they_name(theme: str, place_named: str, held: str) -> None:
    script = told(asked(theme))
    assert place_named in {location.name for location in script.locations}
    assert held in {action.target for frame in frames_of(script) for action in frame.actions}


def test_actions_are_typed_and_take_what_they_need() -> None:
    script = told(asked(shape=(5, 6, 8)))
    names = {character.name for character in script.characters}
    for frame in frames_of(script):
        assert len(frame.actions) <= 2
        for action in frame.actions:
            assert action.verb in VERBS
            assert action.expression in MOODS
            assert action.verb != "hold" or action.target in HELD_OBJECTS
            assert action.verb != "hug" or (action.target in names and len(frame.actions) == 2)


def test_everybody_wears_a_colour_of_their_own_in_every_frame() -> None:
    script = told(asked(shape=(6, 6, 6)))
    hair = {c.name: c.appearance.split(" with ")[1].split(" in ")[0] for c in script.characters}
    for scene in scenes_of(script):
        worn = {state.character: state.wearing for state in scene.states}
        colours = [re.findall("|".join(COLOURS), clothes)[0] for clothes in worn.values()]
        assert len(set(colours)) == len(colours)
        for frame in scene.frames:
            for action in frame.actions:
                dress = f"{hair[action.character]} in {worn[action.character]}"
                assert dress in frame.prompt, (frame.prompt, dress)


def test_clothes_change_with_the_days_and_the_change_is_told() -> None:
    script = told(asked(shape=(6, 6, 6)))
    worn = {c.name: c.appearance.split(" in ")[1] for c in script.characters}
    seen_on = dict.fromkeys(worn, 0)
    changes, story = 0, ""
    for scene in scenes_of(script):
        day = scene.frames[0].day
        story += f"{scene.summary}\n"
        for state in scene.states:
            here = state.location == scene.location and any(
                action.character == state.character for frame in scene.frames for action in frame.actions
            )
            if here:
                if state.wearing != worn[state.character]:
                    changes += 1
                    assert day > seen_on[state.character]
                    assert re.search(rf"{state.character}( has changed)? into {state.wearing}", story)
                worn[state.character], seen_on[state.character] = state.wearing, day
    assert changes >= 3


def test_nobody_forgets_what_they_know_and_the_truth_comes_last() -> None:
    for script in (told(asked(shape=(3, 4, 5))), told(asked(shape=(11, 11, 1), seed=5))):
        scenes = scenes_of(script)
        assert not any(state.knows for state in scenes[0].states)
        for before, after in itertools.pairwise(scenes):
            knew = {state.character: list(state.knows) for state in before.states}
            for state in after.states:
                assert list(state.knows)[: len(knew[state.character])] == knew[state.character]
        main = script.characters[0].name
        (knowing,) = [list(state.knows) for state in scenes[-1].states if state.character == main]
        assert len(knowing) == len(set(knowing)) >= 4


def test_every_scene_but_the_first_has_its_cause_in_an_earlier_one() -> None:
    script = told(asked(shape=(11, 11, 1), seed=5))
    first, *later = [(c, s) for c in range(11) for s in range(11)]
    assert not script.chapters[0].scenes[0].causes
    reasons = []
    for c, s in later:
        (cause,) = script.chapters[c].scenes[s].causes
        assert first <= (cause.chapter, cause.scene) < (c, s)
        reasons.append(cause.reason)
        assert not cause.reason.endswith(".")
    assert len(set(reasons)) > 0.9 * len(reasons)


def test_no_weather_comes_in_through_the_roof() -> None:
    for seed in range(4):
        for scene in scenes_of(told(asked(shape=(6, 6, 6), seed=seed))):
            if is_indoor(scene.location):
                texts = [scene.summary, *(frame.description for frame in scene.frames)]
                for text in texts:
                    assert not re.search(
                        r"(Rain|Snow) (falls|drums|drifts)|Fog (hangs|drifts)|in the air\b", text
                    )


def test_every_kind_of_scene_says_what_it_leaves_behind() -> None:
    assert set(load("states")) == set(load("scenes"))


def test_who_acts_or_speaks_is_in_the_sentence_or_the_scene() -> None:
    for scene in scenes_of(told(asked(shape=(5, 5, 5)))):
        for frame in scene.frames:
            for action in frame.actions:
                assert action.character in frame.description


def test_time_goes_on_and_places_change() -> None:
    script = told(asked(shape=(3, 4, 5)))
    scenes = scenes_of(script)
    for before, after in itertools.pairwise(scenes):
        assert before.location != after.location
    assert len({scene.frames[0].time_of_day for scene in scenes}) == len(TIMES)
    for scene in scenes:
        assert len({frame.time_of_day for frame in scene.frames}) == 1
        assert (
            len({re.findall("clear weather|rain|snow|fog", frame.prompt)[0] for frame in scene.frames}) == 1
        )


def test_days_are_counted_from_one_and_never_go_back() -> None:
    days = [frame.day for frame in frames_of(told(asked(shape=(5, 5, 5))))]
    assert days[0] == 1
    assert days == sorted(days)
    assert days[-1] > 1


def test_scenes_are_joined_by_causes() -> None:
    first, *later = scenes_of(told(asked(shape=(3, 4, 5))))
    assert first.summary.startswith("One ")
    assert all(re.match(r"[A-Z][a-z ]+, [a-z][^,]*,", scene.summary) for scene in later)


def test_dialogue_is_spoken_in_about_half_of_the_frames() -> None:
    frames = frames_of(told(asked(shape=(3, 3, 3))))
    assert 0.4 <= sum(bool(frame.dialogue) for frame in frames) / len(frames) <= 0.95


def test_no_slot_is_left_unfilled() -> None:
    script = told(asked(shape=(16, 16, 16), seed=99))
    assert not re.search(r'"[^"\n]*[{}|][^"\n]*"', str(script))


@pytest.mark.parametrize("seed", range(12))
def test_texts_read_like_sentences(seed: int) -> None:
    script = told(asked(THEMES[seed % 3], (4, 6, 7), seed))
    texts = [script.overview, *(chapter.summary for chapter in script.chapters)]
    texts += [scene.summary for scene in scenes_of(script)]
    texts += [frame.description for frame in frames_of(script)]
    for text in texts:
        assert text[0].isupper(), text
        assert text[-1] in ".!?", text
        assert not re.search(r"  |,,|\.\.| ,| \.|\b(\w+) \1\b(?<!had had)", text), text
        assert not re.search(r"\ba [aeiou](?!ne\b)|\ban [^aeiouh]", text), text


class TestTheTheme:
    def test_gives_the_overview_its_first_sentence(self) -> None:
        assert told(asked(THEMES[0])).overview.startswith(f"{THEMES[0]}. ")

    def test_gives_the_main_character_a_role_and_the_story_its_object(self) -> None:
        script = told(asked(THEMES[0]))
        assert "lighthouse keeper" in script.characters[0].description
        assert "letter" in script.overview

    def test_gives_a_name_an_age_and_a_place(self) -> None:
        script = told(asked(THEMES[3]))
        assert script.characters[0].name == "Edith"
        assert "grey hair" in script.characters[0].appearance
        assert {"desert", "hospital"} <= {location.name for location in script.locations}

    def test_gives_the_weather(self) -> None:
        assert "rain" in frames_of(told(asked("Two friends wait for the end of the storm")))[0].prompt

    def test_gives_the_style(self) -> None:
        assert told(asked(THEMES[1])).style.keyword == "noir"

    def test_gives_the_wardrobe(self) -> None:
        script = told(asked("A girl in a red coat looks for the sea"))
        assert script.characters[0].appearance.endswith("in a red coat")

    def test_about_two_of_a_kind_makes_them_both_leads(self) -> None:
        main, friend = told(asked(THEMES[2])).characters[:2]
        assert "elder brother" in main.description
        assert "younger brother" in friend.description
        assert "boy" in main.appearance
        assert "boy" in friend.appearance


def test_everybody_whom_the_summaries_name_is_a_character() -> None:
    for seed in range(10):
        script = told(asked(shape=(3, 3, 3), seed=seed))
        names = {character.name for character in script.characters}
        for scene in scenes_of(script):
            assert names & set(re.findall(r"\w+", scene.summary))
            speakers = {line.speaker for frame in scene.frames for line in frame.dialogue}
            assert speakers <= names


def test_a_style_is_one_of_the_worlds_unless_given() -> None:
    script = told(asked())
    assert script.style.keyword in NAMED_STYLES
    assert all(re.fullmatch(r"(very )?[a-z-]+", word) for word in script.style.description.split(", "))
    given = script_pb2.StyleText(keyword="woodcut", description="black lines")
    assert told(asked(style=given)).style == given
