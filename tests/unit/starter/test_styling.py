"""Vectors that stand for a style in training captions."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
import torch

from reelmill_starter.training.parts import new_text_encoder
from reelmill_starter.training.styling import StyleVectors, styled, token_length
from reelmill_starter.training.words import encode_captions, encode_styled, load_tokenizer, train_tokenizer
from reelmill_world import HELD_OUT_STYLES

pytestmark = [pytest.mark.torch]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder: Path = tmp_path_factory.mktemp("words")
    train_tokenizer(folder, seed=3, captions=300)
    return load_tokenizer(folder)


def test_a_caption_without_style_is_read_as_any_pipeline_reads_it(tokenizer) -> None:  # type: ignore[no-untyped-def]
    texts = ["a man in a red coat, in the street", "", "wide shot of the beach"]
    ids, places = encode_styled(tokenizer, texts, 4)
    assert torch.equal(ids, encode_captions(tokenizer, texts))
    assert (places == -1).all()


def test_a_long_caption_loses_words_and_keeps_its_style(tokenizer) -> None:  # type: ignore[no-untyped-def]
    ids, places = encode_styled(tokenizer, ["a man in a red coat " * 20 + ", in <style> style"], 4)
    assert ids.shape == (1, tokenizer.model_max_length)
    assert places[places >= 0].tolist() == [0, 1, 2, 3]


def test_the_encoder_sees_the_vectors_where_the_style_stands_and_is_itself_afterwards(tokenizer) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    encoder = new_text_encoder(tokenizer).eval()
    maker = StyleVectors(token_length(encoder))
    styles = torch.tensor([style.values() for style in list(HELD_OUT_STYLES.values())[:2]])
    ids, places = encode_styled(tokenizer, ["the beach, in <style> style"] * 2, 4)
    before = encoder(ids).last_hidden_state
    with styled(encoder, places, maker(styles, 4)):
        states = encoder(ids).last_hidden_state
    assert not torch.allclose(states[0], states[1]), "two styles read differently"
    assert torch.equal(encoder(ids).last_hidden_state, before)


def test_style_vectors_are_as_long_as_ordinary_tokens() -> None:
    maker = StyleVectors(0.7)
    for count in (1, 4):
        vectors = maker(torch.randn(3, len(next(iter(HELD_OUT_STYLES.values())).values())), count)
        assert vectors.shape[:2] == (3, count)
        assert torch.allclose(vectors.norm(dim=-1), torch.tensor(0.7))
