"""Trains the UNet on cached latents, and with it, gently, the text encoder that can already read."""

import copy
import math
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

from reelmill_starter.training.adopting import NOTHING, adopted, grown
from reelmill_starter.training.latents import CAPTION_VECTORS, VALIDATION_COUNT, Cached, LatentPool
from reelmill_starter.training.parts import mixed_precision, new_text_encoder, new_unet, noise_schedule
from reelmill_starter.training.pictures import VALIDATION_START, Example, example
from reelmill_starter.training.reading import load_reader
from reelmill_starter.training.run import RunFolder, cosine, device_name, say, update_average
from reelmill_starter.training.styling import VECTOR_COUNTS, StyleVectors, styled
from reelmill_starter.training.words import encode_captions, encode_styled, load_tokenizer
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
    """The parts that are trained together. `styles` is exported beside the model, for more training."""

    def __init__(self, unet: UNet2DConditionModel, text_encoder: CLIPTextModel, styles: StyleVectors) -> None:
        super().__init__()
        self.unet = unet
        self.text_encoder = text_encoder
        self.styles = styles

    def forward(self, noisy: Tensor, times: Tensor, prompts: "Prompts") -> Tensor:
        """Predicts the velocity of `noisy` latents (N, 8, 24, 24) for `prompts`."""
        vectors = self.styles(prompts.styles, prompts.count)
        with mixed_precision(noisy.device), styled(self.text_encoder, prompts.places, vectors):
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
        cls,
        tokenizer: CLIPTokenizer,
        captions: list[str],
        examples: list[Example],
        device: torch.device,
        count: int = VECTOR_COUNTS[0],
    ) -> "Prompts":
        tokens, places = encode_styled(tokenizer, captions, count)
        styles = torch.tensor([one.style.values() for one in examples])
        return cls(tokens.to(device), places.to(device), styles.to(device), count)

    @classmethod
    def cached(cls, cached: Cached, which: int, rows: Tensor, dropped: Tensor, empty: Tensor) -> "Prompts":
        """The captions number `which` of these rows; `dropped` ones become the `empty` caption's tokens."""
        tokens = torch.where(dropped[:, None], empty, cached.tokens[rows, which].long())
        places = torch.where(dropped[:, None], -1, cached.places[rows, which].long())
        return cls(tokens, places, cached.styles[rows], CAPTION_VECTORS[which])

    def split(self, size: int) -> "list[Prompts]":
        """Parts of at most `size` captions."""
        parts = zip(*(torch.split(one, size) for one in (self.tokens, self.places, self.styles)), strict=True)
        return [Prompts(tokens, places, styles, self.count) for tokens, places, styles in parts]


class DiffusionTraining:
    """State of one training; `run` goes on from where the last start ended."""

    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        workers: Workers | None = None,
        device: torch.device | None = None,
    ) -> None:
        torch.manual_seed(plan.seed)
        self.folder, self.plan = folder, plan
        self.device = device or torch.device("cpu")
        self.workers = workers or Workers()
        self.tokenizer = load_tokenizer(folder.path / "tokenizer")
        self.schedule = noise_schedule()
        self.model = Denoiser(new_unet(), *load_reader(folder, self.tokenizer))
        begun = adopted(folder)
        if begun:
            self.model.unet.load_state_dict(grown(begun["unet"], self.model.unet.state_dict()))
        self.model.to(self.device)
        self.model.unet.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        if self.device.type == "cuda":
            # Of no use on processors, where convolutions take nearly all the time.
            self.model.unet.compile(dynamic=False)
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
        self.pool = LatentPool(folder, self.device)
        self.empty = encode_captions(self.tokenizer, [""]).to(self.device)
        self.scale = (begun and begun.get("scale")) or 1 / self.pool.deviation()
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
        loss = self.validation_loss()
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"diffusion: the loss is {loss} at step {self.step}; the last checkpoint in "
                f"{self.folder.path} is as it was: go on from it with a lower --rate"
            )
        self.history.append([self.images, self.seconds, loss])
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "started": self.started.isoformat(),
            "batch": self.plan.batch,
            "hardware": device_name(self.device),
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
        seen, losses = self.images, torch.zeros((), device=self.device)
        while (progress := self.workers.agreed(self.progress())) < 1:
            start = time.monotonic()
            losses += self._train_step(progress)
            now = time.monotonic()
            self.seconds += now - start
            if self.step % 100 == 0:
                rate = (self.images - seen) / (now - reported)
                self._say(
                    f"diffusion: step {self.step}, {self.images} pictures, {rate:.1f}/s, "
                    f"loss {float(losses) / 100:.4f}, {len(self.pool)} latents, "
                    f"{100 * progress:.1f} % of the plan"
                )
                seen, reported = self.images, now
                losses.zero_()
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
        """Numbers of a batch; unnamed styles are rarer at first."""
        ready = min(1.0, self.images / self.plan.named_first)
        chosen = rng.integers(len(self.pool), size=8 * self.plan.batch)
        taken = self.pool.named[chosen] | (rng.random(len(chosen)) < 0.2 + 0.8 * ready)
        # Enough are left: more than a third of all styles have names.
        return chosen[taken][: self.plan.batch]

    def _train_step(self, progress: float) -> Tensor:
        plan, cached = self.plan, self.pool.all
        # Everything random comes from the step's number: resumed training goes on as if it had never stopped.
        rng = np.random.default_rng((plan.seed, self.step))
        generator = torch.Generator(self.device).manual_seed(plan.seed * 10_000_019 + self.step)
        chance = partial(torch.rand, plan.batch, generator=generator, device=self.device)
        rows = torch.from_numpy(self._indices(rng)).to(self.device)
        which = int(rng.integers(len(CAPTION_VECTORS)))
        mine = self.workers.mine(plan.batch)
        dropped = chance() < plan.caption_dropout
        prompts = Prompts.cached(cached, which, rows[mine], dropped[mine], self.empty)
        rate = plan.rate * min(1.0, (self.step - self.first_step + 1) / 300)
        rate *= cosine((progress - 1 + plan.anneal) / plan.anneal)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        # One stratum a picture: every batch covers the schedule in the same way.
        strata = (torch.arange(plan.batch, device=self.device) + chance()) / plan.batch
        early, late = plan.time_powers
        power = early + (late - early) * min(1.0, self.images / plan.late_first)
        times = (strata**power * 1000).long().clamp(max=999)
        latents = cached.latents[rows].float() * self.scale
        noise = torch.randn(latents.shape, generator=generator, device=self.device)
        error = self._squared_error(self.shared, latents[mine], noise[mine], times[mine], prompts)
        weights = 1 + plan.figure_weight * cached.masks[rows].float()[:, None]
        loss = (error * weights[mine]).mean() / weights.mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            self.optimiser.step()
        else:
            self._say(f"diffusion: step {self.step} left out: its gradient is not finite")
        self.step += 1
        self.images += plan.batch
        if self.workers.first:
            decay = min(plan.average_decay, (self.step + 1) / (self.step + 20))
            update_average(self.average, self.model, decay)
        return loss.detach()

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
        stored = Cached.read(self.folder.path / "latents" / "validation.npz").latents
        latents = stored.to(self.device).float() * self.scale
        examples = [example(self.plan.seed, VALIDATION_START + number) for number in range(VALIDATION_COUNT)]
        captions = [one.canonical_caption() for one in examples]
        prompts = Prompts.of(self.tokenizer, captions, examples, self.device)
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0)).to(self.device)
        times = (torch.arange(VALIDATION_COUNT, device=self.device) * 1000 + 500) // VALIDATION_COUNT
        self.average.eval()
        parts = zip(
            *(torch.split(one, 32) for one in (latents, noise, times)), prompts.split(32), strict=True
        )
        losses = [self._squared_error(self.average, *part).mean() for part in parts]
        return float(torch.stack(losses).mean())


def train_diffusion(
    folder: RunFolder, plan: Plan, workers: int = 1, device: torch.device | None = None
) -> None:
    """Trains to the end of the plan on `device`, or in `workers` processes on processors, best one a core."""
    work = partial(_work, folder, plan, device)
    with started(workers, work) as first:
        work(first)


def _work(folder: RunFolder, plan: Plan, device: torch.device | None, workers: Workers) -> None:
    DiffusionTraining(folder, plan, workers, device).run()


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
