"""The judge that is in the repository: it knows the world, and it is not fooled."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from reelmill_judge import Bank, FactJudge, centroid, load_judge, style_score, text_score
from reelmill_starter.drawing import draw
from reelmill_starter.judging.bank import SCENES
from reelmill_starter.judging.facts import QUESTIONS
from reelmill_starter.judging.pictures import held_out_examples
from reelmill_starter.judging.scoring import scores
from reelmill_starter.training.pictures import SIZE
from reelmill_world import NAMED_STYLES, STYLE_AXES, SceneDescription, caption

pytestmark = pytest.mark.torch

DIRECTORY = Path(__file__).parents[3] / "services/render/starter/judge"
_SCENES = [
    SceneDescription.of("beach", time="evening", shot="wide"),
    SceneDescription.of("kitchen"),
    SceneDescription.of("forest", time="night", weather="snow", objects=["dog"]),
]


@pytest.fixture(scope="module")
def judge() -> FactJudge:
    loaded = load_judge(DIRECTORY)
    assert isinstance(loaded, FactJudge)
    return loaded


@pytest.fixture(scope="module")
def bank(judge: FactJudge) -> Bank:
    return Bank.load(DIRECTORY / "bank", judge)


def _drawn(style: str, scenes: Sequence[SceneDescription] = _SCENES) -> np.ndarray:
    return np.stack([draw(scene, NAMED_STYLES[style], seed=5, size=128).pixels for scene in scenes])


def test_it_answers_the_questions_of_the_world_as_it_is_now(judge: FactJudge) -> None:
    assert judge.questions == QUESTIONS
    assert judge.style_axes == STYLE_AXES


def test_it_is_small() -> None:
    assert sum(file.stat().st_size for file in DIRECTORY.rglob("*") if file.is_file()) < 8_000_000


def test_it_tells_places_apart(judge: FactJudge) -> None:
    pixels = _drawn("storybook")
    assert judge.facts(pixels)["place"] == [scene.place for scene in _SCENES]
    texts = judge.texts([caption(scene, "storybook") for scene in _SCENES])
    for number, image in enumerate(judge.images(pixels)):
        assert text_score(image, texts[number], np.delete(texts, number, axis=0)).rank == 1


def test_it_tells_styles_apart_whatever_they_show(judge: FactJudge) -> None:
    names = ("noir", "storybook", "dreamy")
    own = {name: centroid(judge.styles(_drawn(name, SCENES))) for name in names}
    for name in names:
        others = np.stack([own[other] for other in names if other != name])
        for picture in judge.styles(_drawn(name, _SCENES[:2])):
            assert style_score(picture, own[name], others).margin > 0.2


def test_a_picture_is_nearer_to_its_caption_than_to_all_of_the_banks(judge: FactJudge, bank: Bank) -> None:
    images, texts = judge.images(_drawn("comic")), judge.texts([caption(scene) for scene in _SCENES])
    assert all(text_score(i, t, bank.texts).rank == 1 for i, t in zip(images, texts, strict=True))


def test_noise_and_one_colour_are_not_what_any_caption_says(judge: FactJudge, bank: Bank) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
    grey = np.full((1, 128, 128, 3), 128, np.uint8)
    texts = judge.texts([caption(scene) for scene in _SCENES])
    for picture in (noise, grey):
        image = judge.images(picture)[0]
        assert sum(text_score(image, text, bank.texts).rank == 1 for text in texts) <= 1


def test_it_reads_real_drawings_that_nobody_trained_on(judge: FactJudge) -> None:
    examples = held_out_examples(120)
    pixels = np.stack([one.draw(SIZE).pixels for one in examples])
    found = scores(judge, pixels, [one.scene for one in examples])
    for name in ("retrieval_at_1_of_16", "place", "weather_time", "figure_count", "clothing_colour", "verb"):
        assert found[name] >= 0.95, (name, found[name])
