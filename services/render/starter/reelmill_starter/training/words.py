"""The tokenizer: CLIP's byte-level BPE, learned from our captions. Other words are spelled in bytes."""

import json
import random
from pathlib import Path
from typing import Final

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor
from transformers import CLIPTokenizer

from reelmill_starter.training.pictures import STYLE_TOKEN, example

START: Final = "<|startoftext|>"
END: Final = "<|endoftext|>"
# Captions have at most some 50 tokens; attention over fewer tokens is cheaper than CLIP's usual 77.
MAX_TOKENS: Final = 64
_SUFFIX: Final = "</w>"
# CLIP's own pattern
_WORD: Final = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def train_tokenizer(target: Path, *, seed: int, captions: int = 20_000) -> None:
    """Writes a CLIP tokenizer's files (vocab.json, merges.txt and their settings) to the folder `target`."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=_SUFFIX))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=4000,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=alphabet,
        end_of_word_suffix=_SUFFIX,
    )
    texts = (example(seed, index).caption(random.Random(index)) for index in range(captions))
    tokenizer.train_from_iterator(texts, trainer)
    merges = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    symbols = alphabet + [letter + _SUFFIX for letter in alphabet]
    symbols += list(dict.fromkeys(left + right for left, right in merges))
    vocabulary = {symbol: number for number, symbol in enumerate([*dict.fromkeys(symbols), START, END])}
    _write(target, vocabulary, merges)


def _write(target: Path, vocabulary: dict[str, int], merges: list[tuple[str, ...]]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    (target / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (target / "merges.txt").write_text("\n".join(lines) + "\n", "utf-8")
    names = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
    settings = {
        **names,
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": MAX_TOKENS,
        "do_lower_case": True,
    }
    (target / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
    (target / "special_tokens_map.json").write_text(json.dumps(names, indent=2) + "\n", "utf-8")


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """Opens what `train_tokenizer` wrote, as stock transformers does."""
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder)
    return tokenizer


def encode_captions(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """Token numbers (N, model_max_length), padded and cut as the pipeline does it."""
    batch = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt")
    ids: Tensor = batch.input_ids
    return ids


def encode_styled(tokenizer: CLIPTokenizer, captions: list[str], vectors: int) -> tuple[Tensor, Tensor]:
    """Token numbers as `encode_captions` gives them, `vectors` places for every `STYLE_TOKEN`, and where.

    The second tensor (N, model_max_length) holds the number of the style's vector at its places, else -1.
    A caption that is too long loses words from its end, never the style.
    """
    room = tokenizer.model_max_length - 2
    rows, places = [], []
    for text in captions:
        ids: list[int] = []
        which: list[int] = []
        for number, piece in enumerate(text.split(STYLE_TOKEN)):
            if number:
                ids += [0] * vectors
                which += range(vectors)
            words = tokenizer(piece, add_special_tokens=False).input_ids if piece.strip() else []
            ids += words
            which += [-1] * len(words)
        surplus = len(ids) - room
        while surplus > 0:
            last = max(place for place, number in enumerate(which) if number < 0)
            del ids[last], which[last]
            surplus -= 1
        padding = room - len(ids)
        rows.append(
            [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id, *[tokenizer.pad_token_id] * padding]
        )
        places.append([-1, *which, -1, *[-1] * padding])
    return torch.tensor(rows), torch.tensor(places)
