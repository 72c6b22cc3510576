"""What holds for every judge, and what makes a directory one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reelmill_judge import Bank, FactJudge, Judge, JudgeError, load_judge

pytestmark = pytest.mark.torch

_RNG = np.random.default_rng(0)
_PICTURES = _RNG.integers(0, 256, (3, 40, 56, 3), dtype=np.uint8)


@pytest.fixture(scope="session", params=["tiny_clip", "tiny_judge"])
def directory(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def judge(directory: Path) -> Judge:
    return load_judge(directory)


def test_pictures_and_texts_lie_in_one_space_with_the_length_1(judge: Judge) -> None:
    images, texts = judge.images(_PICTURES), judge.texts(["a street", "the beach at night"])
    assert images.shape == (3, texts.shape[1])
    assert images.dtype == texts.dtype == np.float32
    for vectors in (images, texts, judge.styles(_PICTURES)):
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(vectors)), abs=1e-5)


def test_a_picture_is_seen_the_same_alone_and_among_others(judge: Judge) -> None:
    assert judge.images(_PICTURES[1:2])[0] == pytest.approx(judge.images(_PICTURES)[1], abs=1e-4)


def test_content_and_style_are_the_same_seen_together_and_one_by_one(judge: Judge) -> None:
    pictures = np.random.default_rng(5).integers(0, 256, (3, 40, 60, 3), dtype=np.uint8)
    contents, styles = judge.images_and_styles(pictures)
    assert np.allclose(contents, judge.images(pictures), atol=1e-6)
    assert np.allclose(styles, judge.styles(pictures), atol=1e-6)


def test_a_text_is_read_the_same_alone_and_among_others(judge: Judge) -> None:
    texts = ["street", "a much longer text about a beach and a street", "beach"]
    assert judge.texts(texts[:1])[0] == pytest.approx(judge.texts(texts)[0], abs=1e-4)


def test_the_style_that_is_asked_for_does_not_change_a_text(judge: Judge) -> None:
    plain, styled = judge.texts(["the street, day", "the street, day, in <style> style"])
    assert plain.tolist() == styled.tolist()


def test_nothing_has_no_embeddings(judge: Judge) -> None:
    nothing = _PICTURES[:0]
    assert judge.images(nothing).shape == (0, judge.images(_PICTURES).shape[1])
    assert judge.texts([]).shape == (0, judge.texts(["street"]).shape[1])


def test_pictures_that_are_none_are_refused(judge: Judge) -> None:
    with pytest.raises(ValueError, match="uint8"):
        judge.images(_PICTURES.astype(np.float32))
    with pytest.raises(ValueError, match="uint8"):
        judge.images(_PICTURES[0])


def test_the_digest_follows_the_files(directory: Path, judge: Judge, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(directory, copy)
    assert load_judge(copy).digest == judge.digest
    settings = copy / ("judge.json" if (copy / "judge.json").exists() else "config.json")
    settings.write_text(settings.read_text("utf-8") + "\n", "utf-8")
    assert load_judge(copy).digest != judge.digest


def test_only_our_own_judge_answers_with_facts(tiny_clip: Path, tiny_judge: Path) -> None:
    assert not isinstance(load_judge(tiny_clip), FactJudge)
    judge = load_judge(tiny_judge)
    assert isinstance(judge, FactJudge)
    answers = judge.facts(_PICTURES)
    assert {question: len(column) for question, column in answers.items()} == {"place": 3, "figures": 3}
    assert all(
        answer in judge.questions[question] for question, column in answers.items() for answer in column
    )
    for question, likely in judge.beliefs(_PICTURES).items():
        assert likely.shape == (3, len(judge.questions[question]))
        assert np.allclose(likely.sum(axis=1), 1, atol=1e-5)
        assert [judge.questions[question][n] for n in likely.argmax(axis=1)] == answers[question]
    assert judge.style_values(_PICTURES).shape == (3, len(judge.style_axes))


def test_weights_in_pickles_are_not_read(tiny_clip: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_clip, tmp_path / "clip")
    (tmp_path / "clip" / "model.safetensors").rename(tmp_path / "clip" / "pytorch_model.bin")
    with pytest.raises(JudgeError, match="safetensors"):
        load_judge(tmp_path / "clip")


def test_what_is_no_judge_says_what_it_lacks(tiny_judge: Path, tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="not a directory"):
        load_judge(tmp_path / "nowhere")
    with pytest.raises(JudgeError, match=r"config\.json"):
        load_judge(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', "utf-8")
    with pytest.raises(JudgeError, match="bert"):
        load_judge(tmp_path)
    (tmp_path / "judge.json").write_text('{"kind": "another"}', "utf-8")
    with pytest.raises(JudgeError, match="reelmill-judge"):
        load_judge(tmp_path)
    shutil.copy(tiny_judge / "judge.json", tmp_path)
    with pytest.raises(JudgeError, match=r"model\.safetensors"):
        load_judge(tmp_path)


def test_any_judge_looks_at_a_bank(judge: Judge, tmp_path: Path) -> None:
    sheet = _RNG.integers(0, 256, (3 * 16, 2 * 16, 3), dtype=np.uint8)
    Image.fromarray(sheet).save(tmp_path / "styles.webp", lossless=True)
    listed = {"tile": 16, "scenes": 2, "styles": ["a", "b", "c"], "texts": ["street", "beach"]}
    (tmp_path / "bank.json").write_text(json.dumps(listed), "utf-8")
    bank = Bank.load(tmp_path, judge)
    assert bank.style_centroids.shape == (3, judge.styles(_PICTURES).shape[1])
    assert bank.texts.shape == (2, judge.texts(["street"]).shape[1])
    assert np.linalg.norm(bank.style_centroids, axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_a_bank_whose_sheet_does_not_fit_its_list_is_refused(tiny_judge: Path, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "styles.webp")
    listed = {"tile": 16, "scenes": 2, "styles": ["a", "b", "c"], "texts": ["street"]}
    (tmp_path / "bank.json").write_text(json.dumps(listed), "utf-8")
    with pytest.raises(JudgeError, match="not 3 rows of 2"):
        Bank.load(tmp_path, load_judge(tiny_judge))
