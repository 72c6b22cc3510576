"""Where everybody is, what they wear and what they know, followed through a language model's answers."""

from typing import Any

import pytest

from reelmill_kit.near_duplicates import Texts
from reelmill_script.llm.answers import ChapterAnswer, FramesAnswer, OutlineAnswer, SceneAnswer, ShorterAnswer
from reelmill_script.llm.checks import check_chapters, check_frames, check_scenes, check_shorter, story_of
from reelmill_script.llm.names import check_no_strangers
from reelmill_script.llm.story_state import Story, clothes, dressed, with_knowledge
from tests.contract.llm import screenwriter

THEME = "A keeper finds a letter"


@pytest.fixture
def story() -> Story:
    return story_of(OutlineAnswer.model_validate(screenwriter.outline(1, {"theme": THEME})))


def change(character: str, location: str = "", wearing: str = "", *learns: str) -> dict[str, Any]:
    return {"character": character, "location": location, "wearing": wearing, "learns": list(learns)}


def chapter(*changes: dict[str, Any], **fields: Any) -> ChapterAnswer:
    told = {"title": "One", "summary": "They go on.", "locations": ["harbour"], "changes": changes}
    return ChapterAnswer.model_validate(told | fields)


def scene(*changes: dict[str, Any], **fields: Any) -> SceneAnswer:
    told = {
        "title": "One",
        "summary": "They go on.",
        "location": "harbour",
        "characters": ["Mara"],
        "follows_from": 0,
        "because": "it is time",
        "changes": changes,
    }
    return SceneAnswer.model_validate(told | fields)


def test_a_story_begins_with_what_the_appearances_say(story: Story) -> None:
    assert {name: state.wearing for name, state in story.beginning.items()} == {
        "Mara": "a blue coat",
        "Tomas": "a brown suit",
        "Ilse": "a green dress",
    }
    assert all(not state.location and not state.knows for state in story.beginning.values())


def test_what_a_chapter_changes_holds_until_it_is_changed_again(story: Story) -> None:
    first = chapter(change("Mara", "the harbour", "a blue shirt", "the lamp is out"))
    second = chapter(change("mara", "", "", "the letter is hers"))
    _, after_first, after_second = story.chapters([first, second])
    assert after_first["Mara"].location == after_second["Mara"].location == "harbour"
    assert after_second["Mara"].wearing == "a blue shirt"
    assert after_second["Mara"].knows == ("the lamp is out", "the letter is hers")
    assert after_second["Tomas"] == story.beginning["Tomas"]


def test_a_scene_begins_with_those_in_it_at_its_place_and_the_others_where_they_were(story: Story) -> None:
    told = [
        scene(change("Mara", "", "a blue shirt"), characters=["Mara", "Tomas"]),
        scene(location="station", characters=["Mara"]),
    ]
    first, second, end = story.scenes(story.beginning, told)
    assert {name: state.location for name, state in first.items()} == {
        "Mara": "harbour",
        "Tomas": "harbour",
        "Ilse": "",
    }
    assert first["Mara"].wearing == "a blue coat"
    assert (second["Mara"].location, second["Tomas"].location) == ("station", "harbour")
    assert second["Mara"].wearing == end["Mara"].wearing == "a blue shirt"


def test_what_scenes_have_told_stays_known_in_later_chapters(story: Story) -> None:
    end = story.scenes(story.beginning, [scene(change("Mara", "", "", "a secret"))])[-1]
    following = story.chapters([chapter(change("Mara", "", "", "the lamp is out"))])[-1]
    assert with_knowledge(following, end)["Mara"].knows == ("a secret", "the lamp is out")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (change("Batman"), "not one of the characters"),
        (change("Mara", "moon base"), "not one of the locations"),
        (change("Mara", "", "a brown suit"), "wear the same"),
        (change("Mara", "", "rags"), "with its colour"),
        (change("Mara", "", "", "that Tomas looks like the actor Bob Instance"), "Bob Instance"),
    ],
)
def test_changes_that_do_not_fit_the_story_are_refused(
    story: Story, changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        check_chapters([chapter(changed)], story, story.beginning, THEME)
    with pytest.raises(ValueError, match=why):
        check_scenes([scene(changed)], story.places, story, story.beginning, THEME)


def test_a_scene_follows_from_an_earlier_one(story: Story) -> None:
    check_scenes([scene(), scene(follows_from=1)], story.places, story, story.beginning, THEME)
    check_scenes([scene(follows_from=2)], story.places, story, story.beginning, THEME, written=2)
    with pytest.raises(ValueError, match="scene 2 cannot follow from scene 2"):
        check_scenes([scene(), scene(follows_from=2)], story.places, story, story.beginning, THEME)


def frames(*descriptions: str) -> FramesAnswer:
    told = [{"description": d, "time_of_day": "day", "actions": [], "dialogue": []} for d in descriptions]
    return FramesAnswer.model_validate({"frames": told})


LAMP = "Mara holds the old brass lamp by the harbour wall and looks out at the boats, calm."
NEARLY = LAMP.replace("calm", "happy")
OTHER = "Tomas sits on a crate at the end of the quay."


def check(answer: FramesAnswer, story: Story, told: Texts, share: float = 0.0) -> None:
    check_frames(answer, story.names, THEME, [*story.names.all, "Harbour Lane"], told, share)


def test_frames_that_nearly_repeat_another_one_are_refused_beyond_the_share(story: Story) -> None:
    check(frames(LAMP, OTHER), story, Texts())
    with pytest.raises(ValueError, match="1 of 2 frames nearly repeat"):
        check(frames(LAMP, NEARLY), story, Texts())
    with pytest.raises(ValueError, match="brass lamp"):
        check(frames(NEARLY), story, Texts([OTHER, LAMP]))
    check(frames(LAMP, NEARLY), story, Texts(), share=0.5)


def test_the_same_frame_twice_is_refused_whatever_the_share(story: Story) -> None:
    with pytest.raises(ValueError, match="same description"):
        check(frames(LAMP, LAMP.upper()), story, Texts(), share=1.0)
    with pytest.raises(ValueError, match="same description"):
        check(frames(LAMP), story, Texts([LAMP]), share=1.0)


def test_a_frame_names_nobody_who_is_not_in_the_story(story: Story) -> None:
    check(frames("At the end of Harbour Lane, Mara meets Tomas on a Monday."), story, Texts())
    with pytest.raises(ValueError, match="'Batman'"):
        check(frames("By the wall, Batman meets Mara."), story, Texts())
    with pytest.raises(ValueError, match="'Godot'"):
        check_no_strangers("They wait for Godot's train.", ["they"])


def test_shortened_descriptions_are_as_many_and_show_the_same_people(story: Story) -> None:
    long = ["Mara meets Tomas while gulls cry.", "Ilse waits."]
    check_shorter(ShorterAnswer(descriptions=["Mara meets Tomas.", "Ilse waits."]), long, story.names)
    with pytest.raises(ValueError, match="1 descriptions instead of 2"):
        check_shorter(ShorterAnswer(descriptions=["Mara meets Tomas."]), long, story.names)
    with pytest.raises(ValueError, match="same people"):
        check_shorter(ShorterAnswer(descriptions=["Mara waits.", "Ilse waits."]), long, story.names)


def test_clothes_can_be_read_from_an_appearance_and_changed_in_it() -> None:
    tall = "a tall woman with red hair in a long blue coat"
    assert clothes(tall) == "a long blue coat"
    assert dressed(tall, "a grey uniform") == "a tall woman with red hair in a grey uniform"
    assert dressed(tall, "") == tall
    assert clothes("a tall woman") is None
