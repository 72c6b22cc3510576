from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.v1 import render_pb2
from reelmill_render.domain import Drawing, Model, Picture

DEFAULTS = Drawing(steps=20, guidance_scale=4.0, scheduler="DDIMScheduler", width=128, height=96)
MODEL = Model("a" * 64, DEFAULTS)
FRAME = render_pb2.FrameRequest(index=3, prompt="a cat", negative_prompt="rain", seed=7)


def test_the_digest_is_over_values_and_stays_the_same_from_release_to_release() -> None:
    """Stored frames are found again by it: a change would draw every movie anew."""
    picture = Picture.of(FRAME, Drawing(), MODEL, "b" * 64)
    assert picture.input_digest == "067e0ad7e66624cf3c975b67ffbb65d92baa6035db01bc670f2061f4876efa9f"


def test_a_default_left_out_or_spelled_out_is_the_same_picture() -> None:
    assert Picture.of(FRAME, Drawing(), MODEL, "") == Picture.of(FRAME, DEFAULTS, MODEL, "")
    partly = Picture.of(FRAME, Drawing(steps=5), MODEL, "")
    assert partly.drawing == replace(DEFAULTS, steps=5)


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "a dog"},
        {"negative_prompt": ""},
        {"seed": 8},
        {"model_digest": "c" * 64},
        {"embedding_digest": "c" * 64},
        {"drawing": replace(DEFAULTS, steps=21)},
        {"drawing": replace(DEFAULTS, guidance_scale=4.1)},
        {"drawing": replace(DEFAULTS, scheduler="EulerDiscreteScheduler")},
        {"drawing": replace(DEFAULTS, width=96, height=128)},
    ],
    ids=str,
)
def test_everything_the_picture_depends_on_changes_the_digest(other: dict[str, object]) -> None:
    picture = Picture.of(FRAME, Drawing(), MODEL, "")
    assert replace(picture, **other).input_digest != picture.input_digest  # type: ignore[arg-type]


@given(st.text(), st.text(), st.integers(-(2**63), 2**63 - 1))
def test_text_cannot_pass_for_another_field(prompt: str, negative: str, seed: int) -> None:
    drawing = DEFAULTS
    one = Picture(prompt, negative, seed, drawing, "m", "")
    for other in (
        Picture(negative, prompt, seed, drawing, "m", ""),
        Picture(prompt + negative, "", seed, drawing, "m", ""),
    ):
        assert (other == one) == (other.input_digest == one.input_digest)


def test_the_lineage_says_all_that_is_needed_to_draw_again() -> None:
    picture = Picture.of(FRAME, Drawing(), MODEL, "b" * 64)
    key_frame = picture.key_frame(3)
    again = Picture(
        key_frame.prompt,
        key_frame.negative_prompt,
        key_frame.seed,
        Drawing(
            key_frame.steps, key_frame.guidance_scale, key_frame.scheduler, key_frame.width, key_frame.height
        ),
        key_frame.model_digest,
        key_frame.embedding_digest,
    )
    assert again == picture
    assert key_frame.input_digest == picture.input_digest
    assert key_frame.draw_time.seconds > 0
