"""Teaches the text encoder to read before anything is drawn: what a caption says is read off its states.

Learned together with the UNet, reading is what takes longest: the loss on pixels tells little about words.
Taught directly it takes minutes, and captions cost nothing, for no picture has to be drawn for them.
"""

import random
import time
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import CLIPTextModel, CLIPTokenizer

from reelmill_starter.training.adopting import adopted, is_kept
from reelmill_starter.training.parts import (
    TEXT_WIDTH,
    adopted_text_encoder,
    mixed_precision,
    new_text_encoder,
)
from reelmill_starter.training.pictures import PLAIN, VALIDATION_START, Example, example
from reelmill_starter.training.run import RunFolder, cosine, part_of, say
from reelmill_starter.training.styling import VECTOR_COUNTS, StyleVectors, styled, token_length
from reelmill_starter.training.words import encode_captions, encode_styled, load_tokenizer
from reelmill_world import (
    BUILDS,
    COLOURS,
    GARMENTS,
    HAIR,
    HELD_OBJECTS,
    KINDS,
    MOODS,
    NAMED_STYLES,
    PLACED_OBJECTS,
    PLACES,
    SHOTS,
    SIDES,
    STYLE_AXES,
    TIMES,
    VERBS,
    WEATHERS,
    Figure,
)

_STAGE = "text"
_MAX_FIGURES = 2
_BATCH = 64
_RATE = 1e-3
# Numbers of examples whose pictures are never drawn for training.
_FIRST: Final = 100_000_000
_NONE = "none"


def _figure_facts(figure: Figure | None) -> dict[str, tuple[str, tuple[str, ...]]]:
    look = figure.appearance if figure else None
    return {
        "kind": (look.kind if look else _NONE, KINDS),
        "build": (look.build if look else _NONE, BUILDS),
        "hair": (look.hair if look else _NONE, HAIR),
        "garment": (look.garment if look else _NONE, GARMENTS),
        "colour": (look.colour if look else _NONE, COLOURS),
        "verb": (figure.verb if figure else _NONE, VERBS),
        "mood": (figure.mood if figure else _NONE, MOODS),
        "side": (figure.side if figure else _NONE, SIDES),
        "held": ((figure.held if figure else None) or _NONE, HELD_OBJECTS),
    }


def facts(one: Example) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What can be said of an example: for every question the answer, and all answers there are but "none"."""
    scene = one.scene
    answers: dict[str, tuple[str, tuple[str, ...]]] = {
        "place": (scene.place, PLACES),
        "time": (scene.time, TIMES),
        "weather": (scene.weather, WEATHERS),
        "shot": (scene.shot, SHOTS),
        "object": (scene.objects[0] if scene.objects else _NONE, PLACED_OBJECTS),
        "style": (one.style_name or _NONE, (PLAIN, *NAMED_STYLES)),
    }
    for number in range(_MAX_FIGURES):
        figure = scene.figures[number] if number < len(scene.figures) else None
        answers |= {f"{name} {number + 1}": fact for name, fact in _figure_facts(figure).items()}
    return answers


QUESTIONS: Final = tuple(facts(example(0, 0)))
_SIZES: Final = [1 + len(allowed) for _, allowed in facts(example(0, 0)).values()]


def targets(examples: list[Example]) -> tuple[Tensor, Tensor]:
    """Numbers of the right answers (N, questions), 0 for "none", and style values (N, axes)."""
    rows = [[(_NONE, *allowed).index(answer) for answer, allowed in facts(one).values()] for one in examples]
    styles = [list(one.style.values()) for one in examples]
    return torch.tensor(rows), torch.tensor(styles, dtype=torch.float32)


def train_text(folder: RunFolder, *, seed: int, captions: int) -> None:
    """Trains on `captions` captions in all, unless the text encoder is kept as it was adopted."""
    if is_kept(folder.load(_STAGE)):
        say("text: kept as it was adopted")
        return
    TextTraining(folder, seed=seed, captions=captions).run()


class TextTraining:
    """State of the text encoder's training; `run` goes on from where the last start ended."""

    def __init__(self, folder: RunFolder, *, seed: int, captions: int) -> None:
        torch.manual_seed(seed)
        self.folder, self.seed, self.captions = folder, seed, captions
        self.tokenizer = load_tokenizer(folder.path / "tokenizer")
        self.model = nn.ModuleDict(
            {
                "encoder": adopted_text_encoder(folder, self.tokenizer),
                "answers": nn.Linear(TEXT_WIDTH, sum(_SIZES) + len(STYLE_AXES)),
            }
        )
        self.model["styles"] = StyleVectors(token_length(self.model["encoder"]))
        if (begun := adopted(folder)) and begun.get("styles"):
            self.model["styles"].load_state_dict({name: w.float() for name, w in begun["styles"].items()})
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=_RATE, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.step, self.seconds = 0, 0.0
        if state := folder.load(_STAGE):
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.seconds = state["step"], state["seconds"]

    def run(self) -> None:
        """Trains on `captions` captions, saving every two minutes."""
        steps = -(-self.captions // _BATCH)
        saved = time.monotonic()
        while self.step < steps:
            start = time.monotonic()
            loss = self._train_step(self.step / steps)
            now = time.monotonic()
            self.seconds += now - start
            if self.step % 50 == 0:
                say(f"text: {self.step * _BATCH} of {self.captions} captions, loss {loss:.3f}")
            if now - saved > 120 or self.step == steps:
                self._save()
                saved = time.monotonic()
            self.folder.wait_while_paused()

    def _train_step(self, progress: float) -> float:
        first = _FIRST + self.step * _BATCH
        words = random.Random(f"{self.seed}/reading/{self.step}")
        examples = [example(self.seed, first + offset) for offset in range(_BATCH)]
        for group in self.optimiser.param_groups:
            group["lr"] = _RATE * min(1.0, (self.step + 1) / 100) * cosine((progress - 0.5) / 0.5)
        count = VECTOR_COUNTS[self.step % len(VECTOR_COUNTS)]
        captions = [one.caption(words, tokens=0.7) for one in examples]
        tokens, places = encode_styled(self.tokenizer, captions, count)
        answers, styles = targets(examples)
        loss = torch.zeros(())
        with styled(self.model["encoder"], places, self.model["styles"](styles, count)):
            outputs = self._read(tokens)
        for output in outputs:
            *choices, style = torch.split(output, [*_SIZES, len(STYLE_AXES)], dim=-1)
            wrong = [cross_entropy(choice, answers[:, number]) for number, choice in enumerate(choices)]
            loss = loss + torch.stack(wrong).mean() + (style - styles).square().mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    def _read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Answers read off the mean state, where the UNet's view of the text begins, and off the last."""
        with mixed_precision(tokens.device):
            states = self.model["encoder"](tokens).last_hidden_state
        states = states.float()
        return self.model["answers"](states.mean(dim=1)), self.model["answers"](states[:, -1])

    @torch.no_grad()
    def right_answers(self, count: int = 256) -> dict[str, float]:
        """For every question the share answered rightly of canonical captions never trained on, 0..1."""
        examples = [example(self.seed, VALIDATION_START + number) for number in range(count)]
        tokens = encode_captions(self.tokenizer, [one.canonical_caption() for one in examples])
        output, _ = self._read(tokens)
        *choices, _ = torch.split(output, [*_SIZES, len(STYLE_AXES)], dim=-1)
        right = targets(examples)[0]
        return {
            question: float((choice.argmax(dim=-1) == right[:, number]).float().mean())
            for number, (question, choice) in enumerate(zip(QUESTIONS, choices, strict=True))
        }

    def _save(self) -> None:
        accuracy = self.right_answers()
        state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        record = {"step": self.step, "seconds": self.seconds, "captions": self.step * _BATCH}
        self.folder.save(_STAGE, {**state, **record, "accuracy": accuracy})
        mean = sum(accuracy.values()) / len(accuracy)
        worst = min(accuracy, key=lambda question: accuracy[question])
        say(
            f"text: saved at {self.step * _BATCH} captions; {mean:.3f} of all questions answered rightly, "
            f"worst {worst!r} with {accuracy[worst]:.3f}"
        )


def load_reader(folder: RunFolder, tokenizer: CLIPTokenizer) -> tuple[CLIPTextModel, StyleVectors]:
    """The text encoder and the style vectors as trained here.

    Raises FileNotFoundError where they were not.
    """
    state = folder.load(_STAGE)
    if state is None:
        raise FileNotFoundError(f"{folder.checkpoint(_STAGE)}: train the text encoder first")
    encoder, styles = new_text_encoder(tokenizer), StyleVectors(1.0)
    encoder.load_state_dict(part_of(state["model"], "encoder"))
    styles.load_state_dict(part_of(state["model"], "styles"))
    return encoder, styles
