import pytest
import torch

from reelmill_diffusion import DiffusionModel, InputError, StyleEmbedding
from reelmill_diffusion.text import Tokens
from tests.unit.diffusion.conftest import some_style

pytestmark = pytest.mark.torch


def tokens_of(model: DiffusionModel, prompt: str, vectors: int = 0, **more: int) -> Tokens:
    """`more`: vectors of further tokens; one=2 gives `<one>` two of them."""
    counts = {"<style>": vectors} if vectors else {}
    return model.encoders[0].tokenize(prompt, counts | {f"<{name}>": n for name, n in more.items()})


def positions(tokens: Tokens, name: str = "<style>") -> list[int]:
    return [place.position for place in tokens.places if place.token == name]


def test_a_prompt_without_a_style_is_tokenised_as_usual(model: DiffusionModel) -> None:
    for encoder in model.encoders:
        usual = encoder.tokenizer("a man in the park", padding="max_length", max_length=77).input_ids
        assert encoder.tokenize("a man in the park", {"<style>": 4}) == Tokens(usual, [])


def test_the_style_takes_one_place_for_each_vector(sd: DiffusionModel) -> None:
    plain, styled = tokens_of(sd, "in  style", 0), tokens_of(sd, "in <style> style", 3)
    assert positions(styled) == [3, 4, 5]
    assert [i for at, i in enumerate(styled.ids) if at not in positions(styled)][:10] == plain.ids[:10]


def test_every_learned_token_stands_where_the_prompt_says_it(sd: DiffusionModel) -> None:
    tokens = tokens_of(sd, "<one> b <two> <style>", 1, one=2, two=3)
    assert (positions(tokens, "<one>"), positions(tokens, "<two>"), positions(tokens)) == (
        [1, 2],
        [4, 5, 6],
        [7],
    )
    assert [place.index for place in tokens.places] == [0, 1, 0, 1, 2, 0]


def test_a_prompt_that_is_too_long_loses_words_and_keeps_its_style(model: DiffusionModel) -> None:
    tokens = tokens_of(model, "long " * 200 + ", in <style> style", 4)
    assert len(tokens.ids) == 77
    assert positions(tokens) == [72, 73, 74, 75]
    assert tokens.ids[76] == model.encoders[0].tokenizer.eos_token_id
    hidden, _ = model.encode([model.tokenize("long " * 200 + "<style>", 4)], {})
    assert hidden.shape[1] == 77


def test_a_prompt_that_is_too_long_keeps_all_its_learned_tokens(sd: DiffusionModel) -> None:
    prompt = "<one> " + "long " * 200 + "<two> and <one>, in <style> style"
    tokens = tokens_of(sd, prompt, 4, one=9, two=8)
    assert [len(positions(tokens, name)) for name in ("<one>", "<two>", "<style>")] == [18, 8, 4]
    assert len(tokens.ids) == 77


def test_learned_tokens_stay_before_their_own_repeats(sd: DiffusionModel) -> None:
    tokens = tokens_of(sd, "<one> " * 10 + "<style>", 4, one=30)
    assert [len(positions(tokens, name)) for name in ("<one>", "<style>")] == [60, 4]


def test_a_style_named_more_often_than_there_is_room_stays_whole(sd: DiffusionModel) -> None:
    tokens = tokens_of(sd, "<style> " * 100, 4)
    assert len(tokens.places) == 75 // 4 * 4
    assert [place.index for place in tokens.places[:5]] == [0, 1, 2, 3, 0]


def test_more_vectors_than_a_prompt_has_room_for_are_refused(sd: DiffusionModel) -> None:
    with pytest.raises(InputError, match="76 vectors"):
        tokens_of(sd, "<style>", 76)
    with pytest.raises(InputError, match="80 vectors"):
        tokens_of(sd, "<one><two>", one=40, two=40)


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


def test_a_token_that_nobody_has_learned_is_refused(model: DiffusionModel) -> None:
    with pytest.raises(InputError, match="has <character-2>, but the style embedding does not know it"):
        model.condition("<character-2> in <style> style", some_style(model))
    with pytest.raises(InputError, match="has <character-1>, but no style embedding is given"):
        model.condition("<character-1>", None)
    with pytest.raises(InputError, match="negative_prompt"):
        model.condition("<style>", None, negative=True)


def test_words_as_vectors_are_encoded_as_the_words_are(model: DiffusionModel) -> None:
    """Tokens that hold exactly the vectors of words change nothing, wherever they stand."""
    words = {
        e.name: e.model.get_input_embeddings()
        .weight[e.tokenizer("ab", add_special_tokens=False).input_ids]
        .detach()
        for e in model.encoders
    }
    bundle = some_style(model).with_tokens([StyleEmbedding(words, "<character-1>")])
    learned, said = model.condition("b <character-1> in", bundle), model.condition("b ab in", None)
    assert torch.allclose(learned.hidden, said.hidden, atol=1e-5)
