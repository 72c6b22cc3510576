import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save

from reelmill_diffusion import EmbeddingCache, InputError, StyleEmbedding

pytestmark = pytest.mark.torch
ONE = {"clip_l": torch.arange(8.0).reshape(2, 4)}
TWO = {**ONE, "clip_g": torch.ones(2, 6)}


def test_a_file_for_one_text_encoder_has_the_token_as_its_key() -> None:
    assert list(load(StyleEmbedding(ONE).to_bytes())) == ["<style>"]


def test_a_file_for_two_text_encoders_has_a_key_for_each() -> None:
    assert set(load(StyleEmbedding(TWO).to_bytes())) == {"clip_l", "clip_g"}


@pytest.mark.parametrize("vectors", [ONE, TWO], ids=["sd", "xl"])
def test_a_file_read_again_is_the_same(vectors: dict[str, torch.Tensor]) -> None:
    written = StyleEmbedding(vectors, metadata={"model_digest": "abc", "scores": '{"loss": 1}'}).with_digest()
    read = StyleEmbedding.from_bytes(written.to_bytes())
    assert read.metadata == written.metadata
    assert (read.token, read.count, read.digest) == ("<style>", 2, written.digest)
    assert all(torch.equal(read.vectors[name], vectors[name]) for name in vectors)


@pytest.mark.parametrize("vectors", [ONE, TWO], ids=["sd", "xl"])
def test_the_same_vectors_always_make_the_same_file(vectors: dict[str, torch.Tensor]) -> None:
    metadata = {name: name for name in "qwertyuiop"}
    files = {StyleEmbedding(vectors, metadata=metadata).to_bytes() for _ in range(10)}
    assert len(files) == 1


def test_another_tools_file_with_one_vector_in_half_precision_is_read() -> None:
    foreign = save({"<cat-toy>": torch.ones(4, dtype=torch.float16)}, metadata={"format": "pt"})
    read = StyleEmbedding.from_bytes(foreign)
    assert (read.token, read.vectors["clip_l"].shape) == ("<cat-toy>", (1, 4))
    assert read.vectors["clip_l"].dtype == torch.float32


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("not a safetensors file", b""),
        ("not a safetensors file", b"\x80\x04\x95 a pickle"),
        ("not a safetensors file", StyleEmbedding(ONE).to_bytes()[:-3]),
        ("holds nothing", save({})),
        ("holds a, b", save({"a": torch.ones(1, 4), "b": torch.ones(1, 4)})),
        ("not floating-point", save({"a": torch.ones(1, 4, dtype=torch.int64)})),
        ("not finite", save({"a": torch.full((1, 4), float("nan"))})),
        ("shape", save({"a": torch.ones(1, 1, 4)})),
        ("shape", save({"a": torch.ones(33, 4)})),
        ("shape", save({"a": torch.ones(0, 4)})),
        ("different numbers", save({"clip_l": torch.ones(1, 4), "clip_g": torch.ones(2, 4)})),
        ("more than", save({"a": torch.ones(2**20 + 1)})),
        ("holds 'b'", save({"<style>": torch.ones(1, 4), "b": torch.ones(1, 4)})),
        ("holds '<b>.clip_g'", save({"<style>": torch.ones(1, 4), "<b>.clip_g": torch.ones(1, 4)})),
        ("holds '<b>.c'", save({**TWO, "<b>.c": torch.ones(1, 4)})),
        ("lacks", save({**TWO, "<b>.clip_l": torch.ones(1, 4)})),
        (
            "17 tokens",
            save({"<style>": torch.ones(1, 4)} | {f"<c-{n}>": torch.ones(1, 4) for n in range(16)}),
        ),
    ],
)
def test_what_is_no_embedding_is_refused_with_the_reason(why: str, data: bytes) -> None:
    with pytest.raises(InputError, match=why) as refused:
        StyleEmbedding.from_bytes(data)
    assert refused.value.field == "style_embedding"


def character(vectors: dict[str, torch.Tensor], name: str = "<character-1>") -> StyleEmbedding:
    return StyleEmbedding(
        {encoder: v[:1] + 1 for encoder, v in vectors.items()}, name, {"style_text": "a tall man"}
    )


@pytest.mark.parametrize("vectors", [ONE, TWO], ids=["sd", "xl"])
def test_a_file_of_several_tokens_read_again_is_the_same(vectors: dict[str, torch.Tensor]) -> None:
    style = StyleEmbedding(vectors, metadata={"model_digest": "abc"})
    bundle = style.with_tokens([character(vectors), character(vectors, "<character-2>")])
    read = StyleEmbedding.from_bytes(bundle.to_bytes())
    assert list(read.tokens) == ["<style>", "<character-1>", "<character-2>"]
    assert read.digest == bundle.digest
    assert read.metadata["model_digest"] == "abc"
    assert '"<character-1>": "a tall man"' in read.metadata["tokens"]
    for token, tensors in bundle.tokens.items():
        assert all(torch.equal(read.tokens[token][name], tensors[name]) for name in vectors)


def test_in_a_file_of_several_tokens_each_has_a_key_of_its_own() -> None:
    assert set(load(StyleEmbedding(ONE).with_tokens([character(ONE)]).to_bytes())) == {
        "<style>",
        "<character-1>",
    }
    assert set(load(StyleEmbedding(TWO).with_tokens([character(TWO)]).to_bytes())) == {
        "clip_l",
        "clip_g",
        "<character-1>.clip_l",
        "<character-1>.clip_g",
    }


@pytest.mark.parametrize(
    "other",
    [
        character(ONE, "<style>"),
        character(ONE, "character"),
        character(TWO),
        character({"clip_l": torch.ones(2, 5)}),
    ],
    ids=["the style's token", "no token", "another shape", "another width"],
)
def test_what_does_not_go_together_is_not_put_into_one_file(other: StyleEmbedding) -> None:
    with pytest.raises(InputError):
        StyleEmbedding(ONE).with_tokens([other])
    with pytest.raises(InputError, match="beside"):
        StyleEmbedding(ONE).with_tokens([character(ONE), character(ONE)])


@pytest.mark.parametrize(
    ("vectors", "digest"),
    [
        (ONE, "f619a7d4d3eb587ab9a01887386759f8af33a1c8d9546d6234c7ec0ffd2a08b0"),
        (TWO, "c99db0db14b8855bc66b3d38299ae384d932fdc13aeac24a106a725802c2d4c5"),
    ],
    ids=["sd", "xl"],
)
def test_the_bytes_of_a_styles_file_stay_what_they_were(
    vectors: dict[str, torch.Tensor], digest: str
) -> None:
    """Lineage everywhere names these files by their digests."""
    assert StyleEmbedding(vectors, metadata={"model_digest": "abc"}).with_digest().digest == digest


class Trap:
    """Where somebody unpickles it, a file appears."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("form", ["pickle", "torch.save", "torch.save of old"])
def test_a_pickle_is_never_opened(tmp_path: Path, form: str) -> None:
    trap, buffer = Trap(tmp_path / "sprung"), io.BytesIO()
    if form == "pickle":
        pickle.dump({"<style>": torch.ones(1, 4), "trap": trap}, buffer)
    else:
        torch.save({"trap": trap}, buffer, _use_new_zipfile_serialization=form == "torch.save")
    with pytest.raises(InputError, match="a pickle, which can run code") as refused:
        StyleEmbedding.from_bytes(buffer.getvalue())
    assert refused.value.field == "style_embedding"
    assert not trap.file.exists()


@given(st.binary(max_size=200), st.integers(0, 200))
def test_damaged_files_are_refused_and_never_crash(noise: bytes, at: int) -> None:
    whole = StyleEmbedding(TWO, metadata={"seed": "1"}).to_bytes()
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    try:
        read = StyleEmbedding.from_bytes(damaged)
    except InputError:
        return
    assert all(bool(torch.isfinite(v).all()) for v in read.vectors.values())


def test_the_cache_reads_a_file_once_and_forgets_the_oldest() -> None:
    files = [StyleEmbedding(ONE, metadata={"n": str(n)}).to_bytes() for n in range(3)]
    cache = EmbeddingCache(size=2)
    first = cache.get(files[0])
    assert cache.get(files[0]) is first
    for file in files[1:]:
        cache.get(file)
    assert cache.get(files[0]) is not first
