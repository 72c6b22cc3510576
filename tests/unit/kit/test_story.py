"""The story JSON of MovieLLM's authors: what is read, and how each malformed file is told."""

import json
import math

import pytest

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.story import MAX_BYTES, MAX_FRAMES, StoryError, StoryFrame, parse, shape
from reelmill_kit.story_store import read_story

GOOD: dict[str, object] = {
    "character": {"Mara": "a tall woman in a blue coat"},
    "img_diag": [
        ["dialogue", "Before anything."],
        ["frame", "Mara  stands\n there."],
        ["dialogue", "One."],
        ["Dialogue ", "Two."],
        ["frame", "Mara sits."],
    ],
    "QA": [{"Question": "Who?", "Answer": "Mara."}],
    "overview": "Mara waits.",
}


def data(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def items(*pairs: object) -> bytes:
    return data(img_diag=[["frame", "Mara sits."], *pairs])


def test_lines_belong_to_the_frame_before_them_and_the_first_ones_to_the_first() -> None:
    story = parse(data())
    assert story.frames == (
        StoryFrame("Mara stands there.", ("Before anything.", "One.", "Two.")),
        StoryFrame("Mara sits."),
    )
    assert story.characters == {"Mara": "a tall woman in a blue coat"}
    assert story.overview == "Mara waits."


def test_a_byte_order_mark_other_keys_and_missing_questions_do_no_harm() -> None:
    content = {key: value for key, value in GOOD.items() if key not in ("QA", "overview")}
    story = parse(b"\xef\xbb\xbf" + json.dumps({**content, "more": [1]}).encode())
    assert (len(story.frames), story.overview) == (2, "")


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        (b"", "line 1, column 1", "no JSON"),
        (b'{"character": {},\n "img_diag": [', "line 2", "no JSON"),
        (b'{"img_diag": NaN}', "", "NaN"),
        (b'\xff\xfe{"a": 1}', "byte 0", "not UTF-8"),
        (b"[]", "", "is a list, not an object"),
        (b"7", "", "is a number"),
        (b"[" * 100_000, "", "nested too deeply"),
        (b'{"character": {"Mara": "x", "Mara": "y"}}', "", "'Mara' is there twice"),
        (b" " * (MAX_BYTES + 1), "", "at most"),
        (b"{}", "img_diag", "not there"),
        (data(character=[["Mara", "x"]]), "character", "is a list"),
        (data(character=None), "character", "is null"),
        (data(character={}), "character", "has 0 names"),
        (data(character={str(n): "x" for n in range(25)}), "character", "has 25 names"),
        (data(character={"Mara": 5}), "character['Mara']", "is a number, not a text"),
        (data(character={"Mara": " "}), "character['Mara']", "is empty"),
        (data(character={"": "x"}), "character['']", "is empty"),
        (data(character={"M" * 61: "x"}), "character['MMM", "has 61 characters"),
        (data(character={"Mara": "x" * 301}), "character['Mara']", "has 301 characters"),
        (data(character={"Mara": "x", "MARA": "y"}), "character['MARA']", "two characters"),
        (data(img_diag={}), "img_diag", "is an object"),
        (data(img_diag=[]), "img_diag", "has no frame"),
        (data(img_diag=[["dialogue", "Hello?"]]), "img_diag", "has no frame"),
        (items("frame"), "img_diag[1]", "not a pair"),
        (items(["frame"]), "img_diag[1]", "not a pair"),
        (items(["frame", "a", "b"]), "img_diag[1]", "not a pair"),
        (items(["fram", "a"]), "img_diag[1][0]", "'fram' is neither"),
        (items([None, "a"]), "img_diag[1][0]", "None is neither"),
        (items(["frame", None]), "img_diag[1][1]", "is null, not a text"),
        (items(["frame", ""]), "img_diag[1][1]", "is empty"),
        (items(["dialogue", True]), "img_diag[1][1]", "is a truth value"),
        (items(["frame", "x" * 1001]), "img_diag[1][1]", "has 1001 characters"),
        (items(["frame", "a\x00b"]), "img_diag[1][1]", "U+0000"),
        (items(["dialogue", "\ud800"]), "img_diag[1][1]", "U+D800"),
        (items(*[["frame", "x"]] * MAX_FRAMES), f"img_diag[{MAX_FRAMES}]", "more than 4096 frames"),
        (data(QA={}), "QA", "is an object"),
        (data(QA=["Who?"]), "QA[0]", "is a text"),
        (data(QA=[{"Question": "Who?", "Answer": "M."}, {"Question": "Why?"}]), "QA[1].Answer", "no text"),
        (data(overview=["x"]), "overview", "is a list"),
        (data(overview="x" * 20_001), "overview", "has 20001 characters"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_malformed_story_is_refused_with_the_place_and_the_problem(
    content: bytes, place: str, problem: str
) -> None:
    with pytest.raises(StoryError) as error:
        parse(content)
    assert error.value.place.startswith(place)
    assert problem in str(error.value)
    assert len(str(error.value)) < 300


def test_frames_are_shared_out_as_evenly_as_can_be() -> None:
    assert shape(1331) == (11, 11, 11)
    assert shape(27) == (3, 3, 3)
    assert shape(60) == (3, 4, 5)
    assert shape(1) == (1, 1, 1)
    assert shape(4096) == (16, 16, 16)


def test_any_number_of_frames_has_a_shape_with_at_most_one_frame_less_in_some_scenes() -> None:
    for frames in range(1, MAX_FRAMES + 1):
        sides = shape(frames)
        missing = math.prod(sides) - frames
        assert max(sides) <= 16
        assert 0 <= missing < sides[0] * sides[1] <= frames
    for frames in (0, MAX_FRAMES + 1):
        with pytest.raises(ValueError, match="1 to 4096"):
            shape(frames)


async def test_a_story_is_read_from_the_store_and_what_is_none_is_named_by_the_field() -> None:
    store = MemoryStore()
    await store.put("projects/acme/story.json", data(), "application/json")
    assert len((await read_story(store, "projects/acme/story.json", "movie.story_key")).frames) == 2
    store.objects["projects/acme/broken.json"] = b"{"
    store.objects["projects/acme/large.json"] = b" " * (MAX_BYTES + 1)
    for key, problem in (("none", "no object"), ("broken", "line 1, column 2"), ("large", "at most")):
        with pytest.raises(ReelmillError, match=problem) as error:
            await read_story(store, f"projects/acme/{key}.json", "movie.story_key")
        assert error.value.reason is Reason.INVALID_FIELD
        assert error.value.metadata["field"] == "movie.story_key"
