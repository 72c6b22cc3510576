"""Trains the UNet on cached latents, and with it, gently, the text encoder that can already read."""

import copy
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from reelmill_starter.training.adopting import NOTHING, adopted
from reelmill_starter.training.latents import VALIDATION_COUNT, LatentPool, read_shard
from reelmill_starter.training.parts import mixed_precision, new_text_encoder, new_unet, noise_schedule
from reelmill_starter.training.pictures import VALIDATION_START, Example, example
from reelmill_starter.training.reading import load_reader
from reelmill_starter.training.run import RunFolder, cosine, say, update_average
from reelmill_starter.training.styling import VECTOR_COUNTS, StyleVectors, styled
from reelmill_starter.training.words import encode_styled, load_tokenizer
from reelmill_starter.training.workers import Workers, started

_STAGE = "diffusion"


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. Ends after `images` pictures or at `until` (UTC), whichever comes first."""

    seed: int = 7
    # Pictures a step, over all workers.
    batch: int = 32
    rate: float = 8e-4
    # The text encoder's share of the learning rate: it forgets how to read at the full one.
    text_rate: float = 0.15
    images: int = 1_000_000
    until: datetime | None = None
    # The share of the training at whose end the learning rate falls to nearly nothing.
    anneal: float = 0.35
    caption_dropout: float = 0.1
    # How often vectors stand for a style in place of words.
    style_tokens: float = 0.7
    figure_weight: float = 2.0
    average_decay: float = 0.9995
    save_minutes: float = 5.0
    # Unnamed styles come in slowly until this many pictures were seen.
    named_first: int = 80_000
    # Times are powers of a uniform number: below 1, most lie late in the schedule. What a picture shows is
    # settled there, for coarse colours are seen through much noise; early times are learned quickly. The
    # power goes from the first to the second while `late_first` pictures are seen.
    time_powers: tuple[float, float] = (0.25, 0.6)
    late_first: int = 200_000


class Denoiser(torch.nn.Module):
    """The parts that are trained together. `styles` is not part of the exported model."""

    def __init__(self, unet: UNet2DConditionModel, text_encoder: CLIPTextModel, styles: StyleVectors) -> None:
        super().__init__()
        self.unet = unet
        self.text_encoder = text_encoder
        self.styles = styles

    def forward(self, noisy: Tensor, times: Tensor, prompts: "Prompts") -> Tensor:
        """Predicts the velocity of `noisy` latents (N, 6, 16, 16) for `prompts`."""
        vectors = self.styles(prompts.styles, prompts.count)
        with mixed_precision(), styled(self.text_encoder, prompts.places, vectors):
            tokens = prompts.tokens
            states = self.text_encoder(tokens).last_hidden_state
            output: Tensor = self.unet(noisy, times, states).sample
        return output.float()


@dataclass(frozen=True, slots=True)
class Prompts:
    """Captions as the text encoder takes them: see `encode_styled`. `styles` (N, axes) are coordinates."""

    tokens: Tensor
    places: Tensor
    styles: Tensor
    count: int

    @classmethod
    def of(
        cls, tokenizer: CLIPTokenizer, captions: list[str], examples: list[Example], count: int
    ) -> "Prompts":
        tokens, places = encode_styled(tokenizer, captions, count)
        return cls(tokens, places, torch.tensor([one.style.values() for one in examples]), count)

    def split(self, size: int) -> "list[Prompts]":
        """Parts of at most `size` captions."""
        parts = zip(*(torch.split(one, size) for one in (self.tokens, self.places, self.styles)), strict=True)
        return [Prompts(tokens, places, styles, self.count) for tokens, places, styles in parts]


class DiffusionTraining:
    """State of one training; `run` goes on from where the last start ended."""

    def __init__(self, folder: RunFolder, plan: Plan, workers: Workers | None = None) -> None:
        torch.manual_seed(plan.seed)
        self.folder, self.plan = folder, plan
        self.workers = workers or Workers()
        self.tokenizer = load_tokenizer(folder.path / "tokenizer")
        self.schedule = noise_schedule()
        self.model = Denoiser(new_unet(), *load_reader(folder, self.tokenizer))
        begun = adopted(folder)
        if begun:
            self.model.unet.load_state_dict(begun["unet"])
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.shared = self.workers.share(self.model)
        self.optimiser = torch.optim.AdamW(
            [
                {"params": self.model.unet.parameters(), "share": 1.0},
                {"params": self.model.text_encoder.parameters(), "share": plan.text_rate},
                {"params": self.model.styles.parameters(), "share": 1.0},
            ],
            betas=(0.9, 0.99),
            weight_decay=0.01,
            fused=True,
        )
        self.pool = LatentPool(folder)
        self.scale = 1 / self.pool.deviation()
        record = begun["record"] if begun else NOTHING
        self.step, self.images = int(record["steps"]), int(record["images"])
        self.seconds = float(record["seconds"])
        self.first_step = self.step
        self.started = datetime.now(UTC)
        self.history: list[list[float]] = list(record["history"])
        if state := folder.load(_STAGE):
            self._restore(state)

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.images, self.seconds = state["step"], state["images"], state["seconds"]
        self.scale, self.history = state["scale"], state["history"]
        self.started = datetime.fromisoformat(state["started"])
        self._say(f"diffusion: going on at step {self.step}, {self.images} pictures")

    def _save(self) -> None:
        if not self.workers.first:
            return
        self.history.append([self.images, self.seconds, self.validation_loss()])
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "started": self.started.isoformat(),
            **{name: getattr(self, name) for name in ("step", "images", "seconds", "scale", "history")},
        }
        self.folder.save(_STAGE, state)
        say(f"diffusion: saved at {self.images} pictures; validation loss {self.history[-1][2]:.4f}")

    def progress(self) -> float:
        """0 at the start, 1 at the end of the plan."""
        done: float = self.images / self.plan.images
        if self.plan.until is not None:
            span = (self.plan.until - self.started).total_seconds()
            done = max(done, (datetime.now(UTC) - self.started).total_seconds() / span)
        return done

    def run(self) -> None:
        """Trains to the end of the plan, saving every few minutes."""
        size = sum(p.numel() for p in self.model.parameters()) / 1e6
        self._say(f"diffusion: {size:.2f} M parameters, {len(self.pool)} latents")
        saved = reported = time.monotonic()
        seen, losses = self.images, 0.0
        while (progress := self.workers.agreed(self.progress())) < 1:
            start = time.monotonic()
            losses += self._train_step(progress)
            now = time.monotonic()
            self.seconds += now - start
            if self.step % 100 == 0:
                rate = (self.images - seen) / (now - reported)
                self._say(
                    f"diffusion: step {self.step}, {self.images} pictures, {rate:.1f}/s, "
                    f"loss {losses / 100:.4f}, {100 * progress:.1f} % of the plan"
                )
                seen, reported, losses = self.images, now, 0.0
                self.pool.refresh()
            if now - saved > 60 * self.plan.save_minutes:
                self._save()
                saved = time.monotonic()
            self.folder.wait_while_paused()
        if not self.history or self.history[-1][0] != self.images:
            self._save()

    def _say(self, message: str) -> None:
        if self.workers.first:
            say(message)

    def _indices(self, rng: np.random.Generator) -> np.ndarray:
        chosen: list[int] = []
        ready = min(1.0, self.images / self.plan.named_first)
        while len(chosen) < self.plan.batch:
            index = int(rng.integers(len(self.pool)))
            if example(self.plan.seed, index).style_name is not None or rng.random() < 0.2 + 0.8 * ready:
                chosen.append(index)
        return np.array(chosen)

    def _train_step(self, progress: float) -> float:
        plan = self.plan
        # Everything random comes from the step's number: resumed training goes on as if it had never stopped.
        rng = np.random.default_rng((plan.seed, self.step))
        words = random.Random(f"{plan.seed}/words/{self.step}")
        count = words.choices(VECTOR_COUNTS, (3, 1))[0]
        generator = torch.Generator().manual_seed(plan.seed * 10_000_019 + self.step)
        indices = self._indices(rng)
        latents, masks = self.pool.take(indices)
        examples = [example(plan.seed, int(index)) for index in indices]
        captions = [
            "" if words.random() < plan.caption_dropout else one.caption(words, plan.style_tokens)
            for one in examples
        ]
        mine = self.workers.mine(plan.batch)
        prompts = Prompts.of(self.tokenizer, captions[mine], examples[mine], count)
        rate = plan.rate * min(1.0, (self.step - self.first_step + 1) / 300)
        rate *= cosine((progress - 1 + plan.anneal) / plan.anneal)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        # One stratum a picture: every batch covers the schedule in the same way.
        strata = (torch.arange(plan.batch) + torch.rand(plan.batch, generator=generator)) / plan.batch
        early, late = plan.time_powers
        power = early + (late - early) * min(1.0, self.images / plan.late_first)
        times = (strata**power * 1000).long().clamp(max=999)
        noise = torch.randn(latents.shape, generator=generator)
        error = self._squared_error(
            self.shared, latents[mine] * self.scale, noise[mine], times[mine], prompts
        )
        weights = 1 + plan.figure_weight * masks
        loss = (error * weights[mine]).mean() / weights.mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        self.images += plan.batch
        if self.workers.first:
            decay = min(plan.average_decay, (self.step + 1) / (self.step + 20))
            update_average(self.average, self.model, decay)
        return float(loss.detach())

    def _squared_error(
        self, model: torch.nn.Module, latents: Tensor, noise: Tensor, times: Tensor, prompts: Prompts
    ) -> Tensor:
        noisy = self.schedule.add_noise(latents, noise, times)
        target = self.schedule.get_velocity(latents, noise, times)
        error: Tensor = (model(noisy, times, prompts) - target).square()
        return error

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Unweighted loss of the averaged model on pictures never trained on, always with the same noise."""
        stored, _ = read_shard(self.folder.path / "latents" / "validation.npz")
        latents = torch.from_numpy(stored).float() * self.scale
        examples = [example(self.plan.seed, VALIDATION_START + number) for number in range(VALIDATION_COUNT)]
        captions = [one.canonical_caption() for one in examples]
        prompts = Prompts.of(self.tokenizer, captions, examples, VECTOR_COUNTS[0])
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
        times = (torch.arange(VALIDATION_COUNT) * 1000 + 500) // VALIDATION_COUNT
        self.average.eval()
        parts = zip(
            *(torch.split(one, 32) for one in (latents, noise, times)), prompts.split(32), strict=True
        )
        losses = [self._squared_error(self.average, *part).mean() for part in parts]
        return float(torch.stack(losses).mean())


def train_diffusion(folder: RunFolder, plan: Plan, workers: int = 1) -> None:
    """Trains to the end of the plan in `workers` processes, best one a core."""
    work = partial(_work, folder, plan)
    with started(workers, work) as first:
        work(first)


def _work(folder: RunFolder, plan: Plan, workers: Workers) -> None:
    DiffusionTraining(folder, plan, workers).run()


def load_denoiser(folder: RunFolder) -> tuple[Denoiser, float]:
    """The averaged model of the last checkpoint and the scale of its latents.

    Raises FileNotFoundError where there is none.
    """
    state = folder.load(_STAGE)
    if state is None:
        raise FileNotFoundError(f"{folder.checkpoint(_STAGE)}: train the diffusion model first")
    tokenizer = load_tokenizer(folder.path / "tokenizer")
    model = Denoiser(new_unet(), new_text_encoder(tokenizer), StyleVectors(1.0))
    model.load_state_dict(state["average"])
    return model.eval().requires_grad_(False), float(state["scale"])
