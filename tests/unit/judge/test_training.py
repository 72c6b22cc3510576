"""What the judge is trained on, and that its training can stop and go on."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reelmill_starter.judging.captions import caption_and_wrong_one, changed
from reelmill_starter.judging.facts import NONE, QUESTIONS, facts
from reelmill_starter.judging.pictures import COLOUR_KEEPING, held_out_examples, judge_example
from reelmill_starter.training.pictures import example
from reelmill_world import is_held_out, random_scene

pytestmark = pytest.mark.torch


def test_training_never_sees_what_is_held_out_and_the_bench_sees_nothing_else() -> None:
    assert not any(is_held_out(judge_example(1, n).scene) for n in range(500))
    examples = held_out_examples(60)
    assert all(is_held_out(one.scene) for one in examples)
    assert {one.style_name for one in examples} == set(COLOUR_KEEPING)
    assert examples == held_out_examples(60)


def test_two_pictures_have_one_style_and_the_next_two_another() -> None:
    examples = [judge_example(1, n) for n in range(120)]
    assert all(a.style == b.style for a, b in zip(examples[::2], examples[1::2], strict=True))
    assert all(a.scene != b.scene for a, b in zip(examples[::2], examples[1::2], strict=True))
    assert len({one.style for one in examples}) > 20


def test_the_judge_does_not_train_on_the_renderers_pictures() -> None:
    of_renderer = {(one.scene, one.seed) for one in (example(7, n) for n in range(300))}
    assert not of_renderer & {(one.scene, one.seed) for one in (judge_example(7, n) for n in range(300))}


def test_every_question_has_its_answer_among_those_allowed() -> None:
    rng = random.Random(5)
    for _ in range(300):
        scene = random_scene(rng)
        answers = facts(scene)
        assert answers.keys() == QUESTIONS.keys()
        assert all(answers[question] in allowed for question, allowed in QUESTIONS.items())
        assert (answers["colour 2"] == NONE) == (len(scene.figures) < 2)


def test_a_wrong_caption_differs_and_describes_nothing_held_out() -> None:
    rng = random.Random(5)
    for seed in range(300):
        scene = random_scene(rng)
        right, wrong = caption_and_wrong_one(scene, seed)
        assert right != wrong
        assert (right, wrong) == caption_and_wrong_one(scene, seed)
        assert changed(scene, random.Random(seed)) != scene


def test_training_goes_on_where_it_was_stopped_and_draws_nothing_twice(tmp_path: Path) -> None:
    from reelmill_starter.judging.cache import PictureCache
    from reelmill_starter.training.run import RunFolder

    folder = RunFolder(tmp_path)
    PictureCache(folder, seed=3, count=4).draw()
    first = PictureCache(folder, seed=3, count=4).take(np.arange(4))
    longer = PictureCache(folder, seed=3, count=6)
    longer.draw()
    assert longer.drawn() == 6
    assert (longer.take(np.arange(4)) == first).all()
    assert (longer.take(np.array([5]))[0] == judge_example(3, 5).draw(128).pixels).all()


@pytest.mark.slow
def test_training_in_miniature_stops_goes_on_and_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from reelmill_judge import FactJudge, load_judge
    from reelmill_starter.judging import bank, export, training
    from reelmill_starter.training.run import RunFolder
    from reelmill_starter.training.words import train_tokenizer

    monkeypatch.setattr(export, "_MEASURED", 16)
    monkeypatch.setattr(training, "_WATCHED", 16)
    monkeypatch.setattr(bank, "STYLES", 2)
    folder = RunFolder(tmp_path / "run")
    train_tokenizer(folder.path / "tokenizer", seed=3, captions=500)
    plan = training.Plan(seed=3, pictures=16, minutes=0.01, pairs=4)
    training.JudgeTraining(folder, plan).run()
    again = training.JudgeTraining(folder, plan)
    assert again.step > 0
    assert again.progress() >= 1
    export.export_judge(again, tmp_path / "judge")
    judge = load_judge(tmp_path / "judge")
    assert isinstance(judge, FactJudge)
    assert "16 drawings" in (tmp_path / "judge" / "README.md").read_text("utf-8")
    # A new run can begin with it: its words, weights and steps.
    following = training.JudgeTraining(RunFolder(tmp_path / "next"), replace(plan, begin=tmp_path / "judge"))
    assert following.words.get_vocab() == again.words.get_vocab()
    assert following.record()["steps"] == again.step
    pairs = zip(following.learner.network.parameters(), again.learner.network.parameters(), strict=True)
    assert all(torch.allclose(new, old, atol=1e-2) for new, old in pairs)
