"""From prompts to what the UNet is conditioned on, with learned vectors injected while text is encoded.

Neither tokenizer nor token matrix is changed: where a learned token stands (`<style>`, `<character-1>`) an
ordinary filler token is put, and the output of the token embedding is replaced there for that one call.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any

import torch

from .errors import InputError

_INJECTING = RLock()  # a hook on a shared module: one call at a time


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the token ids, and what stands there: vector `index` of a learned token."""

    position: int
    token: str
    index: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids, padded, and the places at which learned vectors stand, in order."""

    ids: list[int]
    places: list[Place]


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """One tokenizer with its CLIP text model. `name` is the embedding's entry that belongs to it."""

    name: str
    tokenizer: Any
    model: Any

    @property
    def width(self) -> int:
        """Length of a token's vector."""
        return int(self.model.get_input_embeddings().weight.shape[1])

    @property
    def length(self) -> int:
        """Tokens in a prompt, begin and end included."""
        return min(int(self.tokenizer.model_max_length), int(self.model.config.max_position_embeddings))

    def tokenize(self, prompt: str, counts: Mapping[str, int]) -> Tokens:
        """As many filler tokens for each learned token as it has vectors: `counts`, all of them above 0.

        What is in `counts` alone is a learned token, the rest of the prompt ordinary text. A prompt that is
        too long loses ordinary words from its end; every learned token stays (at its first place at least).
        Raises InputError where not even they have room.
        """
        pieces = _split(prompt, counts)
        ids: list[int] = []
        runs: list[_Run] = []
        for piece in pieces:
            if piece in counts:
                runs.append(_Run(piece, len(ids), counts[piece]))
                ids += [self._filler] * counts[piece]
            elif piece.strip():
                words = self.tokenizer(piece, add_special_tokens=False, verbose=False).input_ids
                runs += [_Run("", at, 1) for at in range(len(ids), len(ids) + len(words))]
                ids += words
        kept = [run for run, stays in zip(runs, _kept(runs, self.length - 2), strict=True) if stays]
        begin, end, pad = (
            self.tokenizer.bos_token_id,
            self.tokenizer.eos_token_id,
            self.tokenizer.pad_token_id,
        )
        short: list[int] = []
        places: list[Place] = []
        for run in kept:
            if run.token:
                places += [Place(1 + len(short) + i, run.token, i) for i in range(run.length)]
            short += ids[run.start : run.start + run.length]
        return Tokens([begin, *short, end, *[pad] * (self.length - 2 - len(short))], places)

    def word_count(self, text: str) -> int:
        """How many tokens ordinary text has."""
        return len(self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids)

    @property
    def _filler(self) -> int:
        """An ordinary token, so that the model finds its end-of-text where it is."""
        special = set(self.tokenizer.all_special_ids)
        return next(i for i in range(len(special) + 1) if i not in special)

    def encode(
        self, tokens: Sequence[Tokens], learned: Mapping[str, torch.Tensor], *, penultimate: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states `[B, L, width]` and the pooled vector `[B, P]`; gradients flow to `learned`.

        `learned` has `[N, width]` for each token that stands in `tokens`. `penultimate`: the last layer but
        one, as XL uses it.
        """
        ids = torch.tensor([t.ids for t in tokens], device=self.model.device)
        with self._injected([t.places for t in tokens], learned):
            output = self.model(ids, output_hidden_states=penultimate)
        hidden = output.hidden_states[-2] if penultimate else output.last_hidden_state
        pooled = output.text_embeds if "text_embeds" in output else output.pooler_output
        return hidden, pooled

    @contextmanager
    def _injected(
        self, places: Sequence[Sequence[Place]], learned: Mapping[str, torch.Tensor]
    ) -> Iterator[None]:
        if not learned or not any(places):
            yield
            return
        starts, matrix = _stacked({t: v.to(self.model.device) for t, v in learned.items()})
        rows = [row for row, each in enumerate(places) for _ in each]
        columns = [place.position for each in places for place in each]
        which = [starts[place.token] + place.index for each in places for place in each]

        def replace(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
            replaced = output.clone()
            replaced[rows, columns] = matrix.to(output.device, output.dtype)[which]
            return replaced

        with _INJECTING:
            handle = self.model.get_input_embeddings().register_forward_hook(replace)
            try:
                yield
            finally:
                handle.remove()


@dataclass(frozen=True, slots=True)
class _Run:
    """Tokens that stay or go together: a learned token whole, or ("") one ordinary token."""

    token: str
    start: int
    length: int


def _split(prompt: str, counts: Mapping[str, int]) -> list[str]:
    """Ordinary text and learned tokens in turn."""
    if not counts:
        return [prompt]
    names = "|".join(re.escape(name) for name in sorted(counts, key=len, reverse=True))
    return re.split(f"({names})", prompt)


def _kept(runs: Sequence[_Run], room: int) -> list[bool]:
    """What stays in `room` tokens: learned ones, then their repeats, then words, each from the left."""
    first = {run.token: at for at, run in reversed(list(enumerate(runs))) if run.token}
    if (needed := sum(runs[at].length for at in first.values())) > room:
        raise InputError(
            "style_embedding", f"has {needed} vectors, a prompt of this model only {room} tokens"
        )
    firsts = set(first.values())
    repeats = [at for at, run in enumerate(runs) if run.token and at not in firsts]
    words = [at for at, run in enumerate(runs) if not run.token]
    stays = [False] * len(runs)
    for some in (sorted(firsts), repeats, words):
        for at in some:
            if runs[at].length > room:
                break
            stays[at] = True
            room -= runs[at].length
    return stays


def _stacked(learned: Mapping[str, torch.Tensor]) -> tuple[dict[str, int], torch.Tensor]:
    """All vectors in one matrix, and where each token's begin."""
    starts: dict[str, int] = {}
    total = 0
    for token, vectors in learned.items():
        starts[token] = total
        total += vectors.shape[0]
    return starts, torch.cat(list(learned.values()))
