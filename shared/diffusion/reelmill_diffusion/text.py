"""From prompts to what the UNet is conditioned on, with a style's vectors injected while text is encoded.

Neither tokenizer nor token matrix is changed: places where the style stands are tokenised to an ordinary
filler token, and the output of the token embedding is replaced there for that one call.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any

import torch

from .embedding import TOKEN
from .errors import InputError

_PLACEHOLDER = re.compile(re.escape(TOKEN))
_INJECTING = RLock()  # a hook on a shared module: one call at a time


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids, padded, and the positions at which the style's vectors stand, in order, repeating."""

    ids: list[int]
    places: list[int]


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

    def tokenize(self, prompt: str, vectors: int) -> Tokens:
        """`vectors` filler tokens for each `<style>`; 0: the prompt is ordinary text.

        A prompt that is too long loses ordinary words from its end; the (first) style stays.
        """
        filler = self._filler
        pieces = _PLACEHOLDER.split(prompt) if vectors else [prompt]
        ids: list[int] = []
        styled: list[bool] = []
        for number, piece in enumerate(pieces):
            if number:
                ids += [filler] * vectors
                styled += [True] * vectors
            if piece.strip():
                words = self.tokenizer(piece, add_special_tokens=False, verbose=False).input_ids
                ids += words
                styled += [False] * len(words)
        kept = _shortened(styled, self.length - 2, vectors)
        begin, end, pad = (
            self.tokenizer.bos_token_id,
            self.tokenizer.eos_token_id,
            self.tokenizer.pad_token_id,
        )
        padding = [pad] * (self.length - 2 - len(kept))
        places = [1 + new for new, old in enumerate(kept) if styled[old]]
        return Tokens([begin, *(ids[i] for i in kept), end, *padding], places)

    @property
    def _filler(self) -> int:
        """An ordinary token, so that the model finds its end-of-text where it is."""
        special = set(self.tokenizer.all_special_ids)
        return next(i for i in range(len(special) + 1) if i not in special)

    def encode(
        self, tokens: Sequence[Tokens], style: torch.Tensor | None, *, penultimate: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states `[B, L, width]` and the pooled vector `[B, P]`; gradients flow to `style`.

        `style` is `[N, width]`. `penultimate`: the last layer but one, as XL uses it.
        """
        ids = torch.tensor([t.ids for t in tokens], device=self.model.device)
        places = [t.places for t in tokens]
        with self._injected(places, style):
            output = self.model(ids, output_hidden_states=penultimate)
        hidden = output.hidden_states[-2] if penultimate else output.last_hidden_state
        pooled = output.text_embeds if "text_embeds" in output else output.pooler_output
        return hidden, pooled

    @contextmanager
    def _injected(self, places: Sequence[Sequence[int]], style: torch.Tensor | None) -> Iterator[None]:
        if style is None or not any(places):
            yield
            return
        rows = [row for row, columns in enumerate(places) for _ in columns]
        columns = [column for each in places for column in each]
        which = [k % style.shape[0] for each in places for k in range(len(each))]

        def replace(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
            replaced = output.clone()
            replaced[rows, columns] = style.to(output.device, output.dtype)[which]
            return replaced

        with _INJECTING:
            handle = self.model.get_input_embeddings().register_forward_hook(replace)
            try:
                yield
            finally:
                handle.remove()


def _shortened(styled: Sequence[bool], room: int, vectors: int) -> list[int]:
    """Positions that stay when at most `room` do: words go from the end, then whole repeats of the style."""
    if vectors > room:
        raise InputError(
            "style_embedding", f"has {vectors} vectors, a prompt of this model only {room} tokens"
        )
    places = [i for i, is_style in enumerate(styled) if is_style]
    places = places[: room // vectors * vectors] if vectors else []
    words = [i for i, is_style in enumerate(styled) if not is_style]
    return sorted(places + words[: room - len(places)])
