"""One run of textual inversion: its state between two updates, to be kept and gone on from."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from .checkpoint import Checkpoint
from .embedding import TOKEN, StyleEmbedding, Vectors
from .errors import ModelError
from .inversion_options import InversionOptions, LearnedStyle, Reference, Scores
from .learning import LatentReferences, NoisyBatch, losses, noise_schedule
from .model import DiffusionModel


class InversionRun:
    """What `learn_style` advances step by step. Raises ModelError where the first losses are not finite."""

    def __init__(
        self,
        model: DiffusionModel,
        references: Sequence[Reference],
        style_text: str,
        options: InversionOptions,
        token: str = TOKEN,
        beside: StyleEmbedding | None = None,
    ) -> None:
        self._model = model
        self._token = token
        self._beside = {} if beside is None else beside.tokens
        self._beside_digest = "" if beside is None else beside.with_digest().digest
        self._options = options
        self._data_digest = _digest(references)
        self._style_text = style_text
        self._identity = _identity(model, self._data_digest, style_text, options, token, self._beside_digest)
        self._schedule = noise_schedule(model)
        held_out = max(1, len(references) // 5) if len(references) > 2 else 0
        images, prompts = [r.image for r in references], [r.prompt for r in references]
        fixed = {} if beside is None else beside.counts
        everything = LatentReferences.make(model, images, prompts, {**fixed, token: options.vectors})
        # Spread over the list, which goes place by place.
        held = {round((i + 0.5) * len(references) / held_out) for i in range(held_out)} if held_out else set()
        self._train = everything.only([i for i in range(len(references)) if i not in held])
        # With one or two references there is nothing to hold out: they judge themselves.
        judges = everything.only(sorted(held)) if held else everything
        self._judged = self._grid(judges)
        self._unit = {e.name: _token_scale(e.model.get_input_embeddings().weight) for e in model.encoders}
        self.vectors = {
            e.name: torch.nn.Parameter(initial_vectors(model, index, style_text, options.vectors))
            for index, e in enumerate(model.encoders)
        }
        self._optimizer = torch.optim.AdamW(
            [
                {"params": [self.vectors[name]], "lr": options.learning_rate * unit.rms, "base": unit.rms}
                for name, unit in self._unit.items()
            ],
            weight_decay=options.weight_decay,
        )
        self.step = 0
        self.just_evaluated = False
        self._stale = 0
        self._diverged_at = 0
        self._no_style = self._evaluate(self._grid(judges.without(token, model, fixed)))
        self._initial = self._best = self._evaluate(self._judged)
        if not math.isfinite(self._no_style + self._initial):
            raise ModelError(
                "the diffusion model predicts numbers that are not finite before anything is learned: its "
                f"weights are damaged or overflow in {model.unet.dtype}; float32 or bfloat16 may help"
            )
        self._best_step = 0
        self._best_vectors = self._copy()

    @property
    def stopped_because(self) -> str:
        """As in `Scores`; "" while there is more to do."""
        if self._diverged_at:
            return f"diverged at step {self._diverged_at}"
        if self.step >= self._options.steps:
            return "all steps made"
        return "no longer better" if self._stale >= self._options.patience else ""

    def advance(self) -> None:
        """One update. One that ends in numbers that are not finite is the last."""
        options = self._options
        batch = NoisyBatch.draw(
            self._train, self._schedule, options.batch_size, options.flip, self._generator()
        )
        loss = losses(self._model, batch, self._learned).mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for group in self._optimizer.param_groups:
            group["lr"] = options.learning_rate * group["base"] * _decay(self.step, options)
        self._optimizer.step()
        self._bound_norms()
        self.step += 1
        self.just_evaluated = False
        if not _finite(loss, *self.vectors.values()):
            self._diverged_at = self.step
        elif self.step % options.evaluate_every == 0 or self.step == options.steps:
            self._judge()

    @property
    def _learned(self) -> dict[str, Vectors]:
        return {**self._beside, self._token: dict(self.vectors)}

    def _generator(self) -> torch.Generator:
        """A step's own randomness, so that a resumed run goes on as if it had never stopped."""
        return torch.Generator("cpu").manual_seed((self._options.seed * 1_000_003 + self.step) % 2**63)

    @torch.no_grad()
    def _bound_norms(self) -> None:
        for name, vectors in self.vectors.items():
            norms = vectors.norm(dim=1, keepdim=True)
            longest = self._options.max_norm * self._unit[name].norm
            vectors.mul_((longest / norms.clamp_min(1e-12)).clamp_max(1.0))

    def _judge(self) -> None:
        loss = self._evaluate(self._judged)
        if not math.isfinite(loss):  # and nothing is kept of it
            self._diverged_at = self.step
            return
        self.just_evaluated = True
        if loss < self._best:
            self._best, self._best_step, self._best_vectors = loss, self.step, self._copy()
            self._stale = 0
        else:
            self._stale += 1

    def _grid(self, references: LatentReferences) -> list[NoisyBatch]:
        """What is judged: made once, the same noise at every evaluation."""
        generator = torch.Generator("cpu").manual_seed(self._options.seed % 2**63)
        return list(NoisyBatch.grid(references, self._schedule, max(4, self._options.batch_size), generator))

    @torch.no_grad()
    def _evaluate(self, batches: Sequence[NoisyBatch]) -> float:
        return float(torch.cat([losses(self._model, b, self._learned) for b in batches]).mean())

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: v.detach().clone() for name, v in self.vectors.items()}

    def checkpoint(self) -> Checkpoint:
        moments = {name: self._optimizer.state[v] for name, v in self.vectors.items()}
        return Checkpoint(
            identity=self._identity,
            numbers={
                "step": self.step,
                "stale": self._stale,
                "best": self._best,
                "best_step": self._best_step,
                "initial": self._initial,
                "no_style": self._no_style,
            },
            tensors={
                **{f"vectors.{name}": v for name, v in self._copy().items()},
                **{f"best.{name}": v for name, v in self._best_vectors.items()},
                **{f"first.{name}": m["exp_avg"] for name, m in moments.items()},
                **{f"second.{name}": m["exp_avg_sq"] for name, m in moments.items()},
            },
        )

    @torch.no_grad()
    def restore(self, data: bytes) -> None:
        """Goes on from a checkpoint; does nothing where it is damaged, of another run or not finite."""
        saved = Checkpoint.from_bytes(data)
        if saved is None or saved.identity != self._identity or not _finite(*saved.tensors.values()):
            return
        numbers, tensors = saved.numbers, saved.tensors
        self.step, self._stale = int(numbers["step"]), int(numbers["stale"])
        self._best, self._best_step = numbers["best"], int(numbers["best_step"])
        self._initial, self._no_style = numbers["initial"], numbers["no_style"]
        for name, vectors in self.vectors.items():
            vectors.copy_(tensors[f"vectors.{name}"])
            self._best_vectors[name] = tensors[f"best.{name}"].to(vectors.device)
            self._optimizer.state[vectors] = {
                "step": torch.tensor(float(self.step)),
                "exp_avg": tensors[f"first.{name}"].to(vectors.device),
                "exp_avg_sq": tensors[f"second.{name}"].to(vectors.device),
            }

    def result(self) -> LearnedStyle:
        """The best vectors so far, with everything they came from in the file's metadata."""
        lengths = [
            float(v.norm(dim=1).max()) / self._unit[name].norm for name, v in self._best_vectors.items()
        ]
        scores = Scores(
            steps=self.step,
            best_step=self._best_step,
            no_style_loss=self._no_style,
            initial_loss=self._initial,
            final_loss=self._best,
            norm=round(max(lengths), 4),
            stopped_because=self.stopped_because,
        )
        metadata = {
            "model_digest": self._model.digest,
            "data_digest": self._data_digest,
            "style_text": self._style_text,
            "steps": str(self.step),
            "options": json.dumps(asdict(self._options), sort_keys=True),
            "scores": json.dumps(asdict(scores), sort_keys=True),
        }
        if self._beside_digest:
            metadata["beside"] = self._beside_digest
        vectors = {name: v.cpu() for name, v in self._best_vectors.items()}
        return LearnedStyle(StyleEmbedding(vectors, self._token, metadata).with_digest(), scores)


def initial_vectors(model: DiffusionModel, encoder: int, style_text: str, count: int) -> torch.Tensor:
    """`[count, width]`: the style text's token vectors in `count` runs from left to right, a mean each."""
    chosen = model.encoders[encoder]
    words: list[int] = []
    for text in (style_text, "style"):  # a text may come to no tokens at all
        words = words or chosen.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    rows = (
        chosen.model.get_input_embeddings().weight[torch.tensor(words, device=model.device)].detach().float()
    )
    runs = [
        rows[i * len(rows) // count : max((i + 1) * len(rows) // count, i * len(rows) // count + 1)]
        for i in range(count)
    ]
    return torch.stack([run.mean(dim=0) for run in runs])


@dataclass(frozen=True, slots=True)
class _TokenScale:
    """How large a model's ordinary token vectors are: per number, and in length (median)."""

    rms: float
    norm: float


def _token_scale(matrix: torch.Tensor) -> _TokenScale:
    matrix = matrix.detach().float()
    return _TokenScale(float(matrix.square().mean().sqrt()), float(matrix.norm(dim=1).median()))


def _decay(step: int, options: InversionOptions) -> float:
    half_turn = math.cos(math.pi * min(1.0, step / options.steps))
    return options.final_rate + (1 - options.final_rate) * (1 + half_turn) / 2


def _finite(*tensors: torch.Tensor) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


def _digest(references: Sequence[Reference]) -> str:
    """sha256 over the images and prompts."""
    whole = hashlib.sha256()
    for reference in references:
        whole.update(f"{reference.image.shape} {reference.prompt}\n".encode())
        whole.update(reference.image.tobytes())
    return whole.hexdigest()


def _identity(
    model: DiffusionModel,
    data_digest: str,
    style_text: str,
    options: InversionOptions,
    token: str,
    beside: str,
) -> str:
    parts = [
        model.digest,
        data_digest,
        style_text,
        json.dumps(asdict(options), sort_keys=True),
        token,
        beside,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
