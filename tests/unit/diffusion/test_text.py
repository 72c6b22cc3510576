import pytest
import torch

from reelmill_diffusion import DiffusionModel, InputError
from reelmill_diffusion.text import Tokens
from tests.unit.diffusion.conftest import some_style

pytestmark = pytest.mark.torch


def tokens_of(model: DiffusionModel, prompt: str, vectors: int) -> Tokens:
    return model.encoders[0].tokenize(prompt, vectors)


def test_a_prompt_without_a_style_is_tokenised_as_usual(model: DiffusionModel) -> None:
    for encoder in model.encoders:
        usual = encoder.tokenizer("a man in the park", padding="max_length", max_length=77).input_ids
        assert encoder.tokenize("a man in the park", 4) == Tokens(usual, [])


def test_the_style_takes_one_place_for_each_vector(sd: DiffusionModel) -> None:
    plain, styled = tokens_of(sd, "in  style", 0), tokens_of(sd, "in <style> style", 3)
    assert styled.places == [3, 4, 5]
    assert [i for at, i in enumerate(styled.ids) if at not in styled.places][:10] == plain.ids[:10]


def test_a_prompt_that_is_too_long_loses_words_and_keeps_its_style(model: DiffusionModel) -> None:
    tokens = tokens_of(model, "long " * 200 + ", in <style> style", 4)
    assert len(tokens.ids) == 77
    assert tokens.places == [72, 73, 74, 75]
    assert tokens.ids[76] == model.encoders[0].tokenizer.eos_token_id
    hidden, _ = model.encode([model.tokenize("long " * 200 + "<style>", 4)], None)
    assert hidden.shape[1] == 77


def test_a_style_named_more_often_than_there_is_room_stays_whole(sd: DiffusionModel) -> None:
    tokens = tokens_of(sd, "<style> " * 100, 4)
    assert len(tokens.places) == 75 // 4 * 4


def test_more_vectors_than_a_prompt_has_room_for_are_refused(sd: DiffusionModel) -> None:
    with pytest.raises(InputError, match="76 vectors"):
        tokens_of(sd, "<style>", 76)


def test_encoding_a_style_changes_neither_tokenizer_nor_token_matrix(model: DiffusionModel) -> None:
    def state() -> list[tuple[int, torch.Tensor]]:
        return [
            (len(e.tokenizer), e.model.get_input_embeddings().weight.detach().clone()) for e in model.encoders
        ]

    before = state()
    with_style = model.condition("in <style> style", some_style(model))
    without = model.condition("in style", None)
    for (size, matrix), (size_now, matrix_now) in zip(before, state(), strict=True):
        assert size == size_now
        assert torch.equal(matrix, matrix_now)
    assert not torch.allclose(with_style.hidden, without.hidden)
    for encoder in model.encoders:
        assert not encoder.model.get_input_embeddings()._forward_hooks


def test_two_styles_under_one_prompt_are_not_confused_by_the_cache(model: DiffusionModel) -> None:
    one = model.condition("in <style> style", some_style(model, 1))
    other = model.condition("in <style> style", some_style(model, 2))
    assert not torch.allclose(one.hidden, other.hidden)
    assert model.condition("in <style> style", some_style(model, 1)) is one
