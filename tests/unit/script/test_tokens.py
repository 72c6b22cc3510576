"""How many tokens a prompt has for the model that draws."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill_script.tokens import CLIP_LIMIT, BoundedTokens, ModelTokens, open_tokens

ROOT = Path(__file__).parents[3]
STARTER = ROOT / "services" / "render" / "starter" / "model"
PROMPTS = (
    "a tall woman with red hair in a blue coat holds a lamp, in the harbour, day, in a style",
    "Mara's lighthouse-keeper says: “Wait!” 1,234 times",
    "雨の夜, a man waits",
    "",
    "   ",
)


def model_with(folder: Path, *tokenizers: str, positions: int = 77, longest: int = 77) -> Path:
    """A directory in diffusers format as far as tokens go, with CLIP's bytes and no merges."""
    letters = [chr(i) for i in range(33, 127)] + [chr(i) for i in range(0xA1, 0x180)]
    words = letters + [letter + "</w>" for letter in letters]
    for name in tokenizers:
        (folder / name).mkdir(parents=True)
        (folder / name / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
        (folder / name / "merges.txt").write_text("#version: 0.2\n")
        (folder / name / "tokenizer_config.json").write_text(json.dumps({"model_max_length": longest}))
        encoder = folder / name.replace("tokenizer", "text_encoder")
        encoder.mkdir()
        (encoder / "config.json").write_text(json.dumps({"max_position_embeddings": positions}))
    return folder


@pytest.mark.torch
@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_count_is_that_of_the_starter_models_own_tokenizer(prompt: str) -> None:
    import transformers

    own = transformers.CLIPTokenizer.from_pretrained(STARTER / "tokenizer")
    assert ModelTokens.of(STARTER).count(prompt) == len(own(prompt, add_special_tokens=False).input_ids)


@pytest.mark.torch
@given(st.text(max_size=200))
def test_the_count_is_that_of_clips_tokenizer_for_any_text(text: str) -> None:
    import transformers

    text = text.replace("<", "")  # CLIP's own special tokens are no words of a description
    own = transformers.CLIPTokenizer.from_pretrained(STARTER / "tokenizer")
    assert ModelTokens.of(STARTER).count(text) == len(own(text, add_special_tokens=False).input_ids)


def test_the_limit_is_what_the_text_encoder_reads_less_the_ends() -> None:
    assert ModelTokens.of(STARTER).limit == 62


def test_the_place_of_a_style_counts_as_its_vectors() -> None:
    tokens = ModelTokens.of(STARTER)
    assert tokens.count("a man in <style> style") == tokens.count("a man in style") + 4


def test_with_two_text_encoders_the_stricter_one_counts(tmp_path: Path) -> None:
    model = model_with(tmp_path, "tokenizer", "tokenizer_2", positions=40)
    (model / "tokenizer_2" / "merges.txt").write_text("#version: 0.2\nl a\nm p</w>\n")
    vocabulary = json.loads((model / "tokenizer_2" / "vocab.json").read_text())
    vocabulary |= {"la": len(vocabulary), "mp</w>": len(vocabulary) + 1}
    (model / "tokenizer_2" / "vocab.json").write_text(json.dumps(vocabulary))
    tokens = ModelTokens.of(model)
    assert tokens.limit == 38
    assert [len(one.encode("lamp")) for one in tokens.tokenizers] == [4, 2]
    assert tokens.count("lamp") == 4


def test_without_a_model_a_bound_of_clips_limit_is_kept() -> None:
    tokens = open_tokens(None)
    assert tokens.limit == CLIP_LIMIT
    assert tokens.count("a man in <style> style") == BoundedTokens().count("a man in style") + 4


@pytest.mark.parametrize("missing", ["tokenizer", "tokenizer/vocab.json", "tokenizer/merges.txt"])
def test_a_directory_without_a_tokenizer_is_named(tmp_path: Path, missing: str) -> None:
    model = model_with(tmp_path, "tokenizer")
    path = model / missing
    if path.is_dir():
        path.rename(tmp_path / "elsewhere")
    else:
        path.unlink()
    with pytest.raises(ValueError, match=path.name):
        open_tokens(model)


def test_a_broken_vocabulary_is_refused(tmp_path: Path) -> None:
    model = model_with(tmp_path, "tokenizer")
    (model / "tokenizer" / "vocab.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be read"):
        open_tokens(model)
