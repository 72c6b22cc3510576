"""How many tokens a prompt has for the diffusion model that will read it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from .domain import STYLE_TOKEN

CLIP_LIMIT = 75  # 77 less the tokens that begin and end a text
_ENDS = 2
STYLE_VECTORS = 4  # a learned style takes as many tokens as it has vectors
_PIECES = re.compile(rf"{re.escape(STYLE_TOKEN)}|[A-Za-z]+|\d|[^\sA-Za-z\d]")
_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # openai/CLIP, simple_tokenizer.py


class PromptTokens(Protocol):
    @property
    def limit(self) -> int:
        """The most tokens that a prompt may have, those that begin and end a text not counted."""
        ...

    def count(self, text: str) -> int:
        """A prompt's tokens; `<style>` counts as the vectors that stand in for it."""
        ...


class BoundedTokens:
    """For models whose tokenizer is not at hand: an upper bound of CLIP's count for ordinary English."""

    limit = CLIP_LIMIT

    def count(self, text: str) -> int:
        """Words of up to nine letters count one, longer ones more, digits and signs one each, other letters
        one a byte."""
        total = 0
        for piece in _PIECES.findall(text):
            if piece == STYLE_TOKEN:
                total += STYLE_VECTORS
            elif piece.isascii():
                total += 1 if len(piece) <= 9 else 1 + (len(piece) - 1) // 8
            else:
                total += len(piece.encode())
        return total


@dataclass(frozen=True)
class ModelTokens:
    """A model's own tokenizers; a prompt has to fit into each of its text encoders."""

    tokenizers: Sequence[Tokenizer]
    limit: int

    @classmethod
    def of(cls, model: Path) -> "ModelTokens":
        """Of a directory in diffusers format, with one text encoder or, as XL, with two.

        Raises ValueError where the directory has no tokenizer that can be read.
        """
        folders = [model / name for name in ("tokenizer", "tokenizer_2") if (model / name).is_dir()]
        if not folders:
            raise ValueError(f"{model} has no folder named tokenizer, as a directory in diffusers format has")
        try:
            return cls([_tokenizer(folder) for folder in folders], min(map(_limit, folders)))
        except Exception as error:  # the tokenizers package raises nothing more special
            names = " and ".join(folder.name for folder in folders)
            raise ValueError(f"{names} of {model} cannot be read: {error}") from error

    def count(self, text: str) -> int:
        styles = text.count(STYLE_TOKEN)
        words = text.replace(STYLE_TOKEN, " ")
        most = max(len(tokenizer.encode(words, add_special_tokens=False)) for tokenizer in self.tokenizers)
        return most + styles * STYLE_VECTORS


def open_tokens(model: Path | None) -> PromptTokens:
    """The tokens of the model in this directory, or their bound where none is given."""
    return ModelTokens.of(model) if model else BoundedTokens()


def _limit(folder: Path) -> int:
    """What the tokenizer lets through and the text encoder has positions for."""
    encoder = folder.parent / folder.name.replace("tokenizer", "text_encoder") / "config.json"
    told = [
        json.loads(file.read_text("utf-8")).get(name)
        for file, name in (
            (folder / "tokenizer_config.json", "model_max_length"),
            (encoder, "max_position_embeddings"),
        )
        if file.is_file()
    ]
    return int(min([n for n in told if n], default=CLIP_LIMIT + _ENDS)) - _ENDS


def _tokenizer(folder: Path) -> Tokenizer:
    """From `tokenizer.json`, or from the `vocab.json` and `merges.txt` of CLIP's byte-level BPE."""
    if (whole := folder / "tokenizer.json").is_file():
        tokenizer = Tokenizer.from_file(str(whole))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    for file in (vocabulary, merges):
        if not file.is_file():
            raise FileNotFoundError(f"{folder} has neither tokenizer.json nor {file.name}")
    bpe = models.BPE.from_file(str(vocabulary), str(merges), end_of_word_suffix="</w>")
    tokenizer = Tokenizer(bpe)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CLIP_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer
