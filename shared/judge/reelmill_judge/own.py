"""Our own judge: small, trained on drawings of the starter model's world, by reelmill_starter.judging."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from .base import KIND, SETTINGS, Embeddings, JudgeError, Pixels, files_digest, read_settings
from .network import SIDE, Network, Seen, Shape
from .pixels import choose_device, squares
from .words import content_words

WEIGHTS: Final = "model.safetensors"
WORDS: Final = "tokenizer.json"
FORMAT: Final = 1
_TEXTS: Final = 256


def tokens(words: Any, texts: Sequence[str], longest: int) -> torch.Tensor:
    """Token numbers (N, L) of texts in the tokenizer `words`, cut at `longest`; 0 stands for nothing."""
    numbers = [[number + 1 for number in one.ids[:longest]] or [1] for one in words.encode_batch(list(texts))]
    table = torch.zeros(len(numbers), max(map(len, numbers)), dtype=torch.long)
    for row, some in zip(table, numbers, strict=True):
        row[: len(some)] = torch.tensor(some)
    return table


class OwnJudge:
    """Answers with embeddings and with facts; see `reelmill_judge.base.FactJudge`."""

    def __init__(
        self, network: Network, words: Any, settings: dict[str, Any], digest: str, device: torch.device
    ) -> None:
        self.digest = digest
        self.questions = {name: tuple(answers) for name, answers in settings["questions"].items()}
        self.style_axes: tuple[str, ...] = tuple(settings["style_axes"])
        self._network = network.eval().requires_grad_(False).to(device)
        self._words, self._device = words, device

    @classmethod
    def load(cls, directory: Path, device: str = "auto") -> Self:
        """Opens a directory with judge.json, model.safetensors and tokenizer.json. Raises JudgeError."""
        settings = read_settings(directory / SETTINGS)
        if settings.get("kind") != KIND or settings.get("format") != FORMAT:
            raise JudgeError(f"{directory / SETTINGS} is not of the kind {KIND!r}, format {FORMAT}")
        place = choose_device(device)
        tokenizers: Any = import_module("tokenizers")
        try:
            network = Network(Shape.of(settings["network"]))
            weights = load_file(directory / WEIGHTS)
            network.load_state_dict({name: weight.float() for name, weight in weights.items()})
            words = tokenizers.Tokenizer.from_file(str(directory / WORDS))
            digest = files_digest(directory, [directory / name for name in (SETTINGS, WEIGHTS, WORDS)])
            return cls(network, words, settings, digest, place)
        except (KeyError, TypeError, RuntimeError, OSError, SafetensorError) as error:
            raise JudgeError(f"{directory} cannot be opened as a judge: {error}") from error
        except Exception as error:  # tokenizers raises nothing narrower
            raise JudgeError(f"{directory / WORDS} cannot be read: {error}") from error

    @torch.inference_mode()
    def _look(self, pixels: Pixels) -> list[Seen]:
        return [self._network.eye(batch) for batch in squares(pixels, SIDE, self._device)]

    def images(self, pixels: Pixels) -> Embeddings:
        """What pictures show, `[N, D]`."""
        return self.images_and_styles(pixels)[0]

    def styles(self, pixels: Pixels) -> Embeddings:
        """How pictures are drawn, `[N, S]`."""
        return self.images_and_styles(pixels)[1]

    def images_and_styles(self, pixels: Pixels) -> tuple[Embeddings, Embeddings]:
        """Both, seen once."""
        seen, eye = self._look(pixels), self._network.eye
        contents = _rows([one.content for one in seen], eye.content.out_features)
        return contents, _rows([one.style for one in seen], eye.style.out_features)

    def style_values(self, pixels: Pixels) -> Embeddings:
        """Coordinates on `style_axes`, `[N, axes]`."""
        return _rows([seen.style_values for seen in self._look(pixels)], len(self.style_axes))

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Embeddings:
        """What texts say of content, `[N, D]`."""
        found = []
        for first in range(0, len(texts), _TEXTS):
            some = [content_words(text) for text in texts[first : first + _TEXTS]]
            numbers = tokens(self._words, some, self._network.reader.longest)
            found.append(self._network.reader(numbers.to(self._device)))
        return _rows(found, self._network.reader.content.out_features)

    def facts(self, pixels: Pixels) -> dict[str, list[str]]:
        """The likeliest answer to every question, one for each of N pictures."""
        return {
            question: [self.questions[question][n] for n in likely.argmax(axis=1)]
            for question, likely in self.beliefs(pixels).items()
        }

    def beliefs(self, pixels: Pixels) -> dict[str, NDArray[np.float32]]:
        """How likely each answer to every question is: `[N, answers]`, every row sums to 1."""
        looked = self._look(pixels)
        found: dict[str, NDArray[np.float32]] = {}
        for number, (question, allowed) in enumerate(self.questions.items()):
            likely = [seen.answers[number].float().softmax(dim=1).cpu().numpy() for seen in looked]
            found[question] = np.concatenate([np.zeros((0, len(allowed)), np.float32), *likely])
        return found


def _rows(found: list[torch.Tensor], width: int) -> Embeddings:
    if not found:
        return np.zeros((0, width), np.float32)
    rows: Embeddings = torch.cat(found).float().cpu().numpy()
    return rows
