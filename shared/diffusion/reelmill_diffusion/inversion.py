"""Learning a style by textual inversion: N vectors of the text space train, the model stays as it is.

MovieLLM (arXiv 2403.01422, section 3.2) fixes a film's style this way: reference images drawn by the model
itself from the style text, one placeholder, both text encoders of XL. Written from the method. Two choices of
ours: the vectors begin as means of the style text's own tokens, which on small models ends nearer to the
references than a random start; and the best vectors on held-out references are kept, not the last.
"""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch

from .checkpoint import Checkpoint
from .drawing import Image
from .embedding import MAX_VECTORS, TOKEN, StyleEmbedding
from .errors import Cancelled, InputError
from .learning import LatentReferences, NoisyBatch, losses, noise_schedule
from .model import DiffusionModel

MAX_REFERENCES = 64
MAX_STEPS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionOptions:
    """How to learn. The defaults suit the starter model: well under a minute on two cores.

    `learning_rate` is in units of the token matrix's root mean square, so that one value suits every model;
    it falls to `final_rate` of itself along a cosine. `max_norm` bounds a vector's length, in units of the
    median token's: longer ones drown the rest of the prompt. Every `evaluate_every` steps the held-out loss
    is taken, and learning ends when it has not improved for `patience` evaluations.
    """

    steps: int = 100
    vectors: int = 4
    batch_size: int = 4
    learning_rate: float = 0.12
    final_rate: float = 0.2
    weight_decay: float = 0.01
    flip: bool = True
    seed: int = 0
    evaluate_every: int = 20
    patience: int = 2
    max_norm: float = 3.0


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in the style, and a prompt that says what is on it with `<style>` where the style belongs."""

    image: Image
    prompt: str


@dataclass(frozen=True, slots=True)
class Scores:
    """Denoising losses on held-out references at fixed noise: lower is nearer. `steps` were made, the kept
    vectors are those of `best_step`; `norm` is the longest vector's length in units of the median token's."""

    steps: int
    best_step: int
    no_style_loss: float
    initial_loss: float
    final_loss: float
    norm: float


@dataclass(frozen=True, slots=True)
class LearnedStyle:
    embedding: StyleEmbedding
    scores: Scores


def learn_style(
    model: DiffusionModel,
    references: Sequence[Reference],
    style_text: str,
    options: InversionOptions,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    resume: bytes | None = None,
    keep: Callable[[bytes], None] | None = None,
) -> LearnedStyle:
    """Learns the style of the references. The same inputs on the same machine give the same vectors.

    `progress(done, total)` is called after every step, `cancelled()` asked before it. `keep` gets a
    checkpoint after every evaluation; given back as `resume`, learning goes on from there to the same result
    (one of other inputs is ignored). Raises Cancelled, and InputError naming the option or `references[i]`.
    """
    _check(model, references, options)
    run = _Run(model, references, style_text, options)
    if resume is not None:
        run.restore(resume)
    for step in range(run.step, options.steps):
        if run.converged:
            break
        if cancelled is not None and cancelled():
            raise Cancelled(f"learning stopped at step {step} of {options.steps}")
        run.advance()
        if keep is not None and run.just_evaluated:
            keep(run.checkpoint().to_bytes())
        if progress is not None:
            progress(run.step, options.steps)
    return run.result()


class _Run:
    def __init__(
        self,
        model: DiffusionModel,
        references: Sequence[Reference],
        style_text: str,
        options: InversionOptions,
    ) -> None:
        self._model = model
        self._options = options
        self._data_digest = _digest(references)
        self._style_text = style_text
        self._identity = _identity(model, self._data_digest, style_text, options)
        self._schedule = noise_schedule(model)
        held_out = max(1, len(references) // 5) if len(references) > 2 else 0
        images, prompts = [r.image for r in references], [r.prompt for r in references]
        everything = LatentReferences.make(model, images, prompts, options.vectors)
        # Spread over the list, which goes place by place.
        held = {round((i + 0.5) * len(references) / held_out) for i in range(held_out)} if held_out else set()
        self._train = everything.only([i for i in range(len(references)) if i not in held])
        # With one or two references there is nothing to hold out: they judge themselves.
        self._held = everything.only(sorted(held)) if held else everything
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
        self._no_style = self._evaluate(self._held.without_style(model))
        self._initial = self._best = self._evaluate(self._held)
        self._best_step = 0
        self._best_vectors = self._copy()

    @property
    def converged(self) -> bool:
        return self._stale >= self._options.patience

    def advance(self) -> None:
        """One update."""
        options = self._options
        batch = NoisyBatch.draw(
            self._train, self._schedule, options.batch_size, options.flip, self._generator()
        )
        loss = losses(self._model, batch, dict(self.vectors)).mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for group in self._optimizer.param_groups:
            group["lr"] = options.learning_rate * group["base"] * _decay(self.step, options)
        self._optimizer.step()
        self._bound_norms()
        self.step += 1
        self.just_evaluated = self.step % options.evaluate_every == 0 or self.step == options.steps
        if self.just_evaluated:
            self._judge()

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
        loss = self._evaluate(self._held)
        if loss < self._best:
            self._best, self._best_step, self._best_vectors = loss, self.step, self._copy()
            self._stale = 0
        else:
            self._stale += 1

    @torch.no_grad()
    def _evaluate(self, references: LatentReferences) -> float:
        generator = torch.Generator("cpu").manual_seed(self._options.seed % 2**63)
        chunks = NoisyBatch.grid(references, self._schedule, max(4, self._options.batch_size), generator)
        return float(torch.cat([losses(self._model, c, dict(self.vectors)) for c in chunks]).mean())

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
        """Goes on from a checkpoint; does nothing where it is damaged or of another run."""
        saved = Checkpoint.from_bytes(data)
        if saved is None or saved.identity != self._identity:
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
        lengths = [
            float(v.norm(dim=1).max()) / self._unit[name].norm for name, v in self._best_vectors.items()
        ]
        scores = Scores(
            self.step, self._best_step, self._no_style, self._initial, self._best, round(max(lengths), 4)
        )
        metadata = {
            "model_digest": self._model.digest,
            "data_digest": self._data_digest,
            "style_text": self._style_text,
            "options": json.dumps(asdict(self._options), sort_keys=True),
            "scores": json.dumps(asdict(scores), sort_keys=True),
        }
        vectors = {name: v.cpu() for name, v in self._best_vectors.items()}
        return LearnedStyle(StyleEmbedding(vectors, TOKEN, metadata).with_digest(), scores)


def initial_vectors(model: DiffusionModel, encoder: int, style_text: str, count: int) -> torch.Tensor:
    """`[count, width]`: the style text's token vectors in `count` runs from left to right, a mean each."""
    chosen = model.encoders[encoder]
    words = chosen.tokenizer(style_text or "style", add_special_tokens=False, verbose=False).input_ids
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


def _check(model: DiffusionModel, references: Sequence[Reference], options: InversionOptions) -> None:
    if not 1 <= len(references) <= MAX_REFERENCES:
        raise InputError("references", f"{len(references)} images are not 1 to {MAX_REFERENCES}")
    for index, reference in enumerate(references):
        if TOKEN not in reference.prompt:
            raise InputError(f"references[{index}]", f"its prompt has no {TOKEN}")
    if not 1 <= options.steps <= MAX_STEPS:
        raise InputError("steps", f"{options.steps} is not 1 to {MAX_STEPS}")
    most = min(MAX_VECTORS, model.max_vectors)
    if not 1 <= options.vectors <= most:
        raise InputError("vectors", f"{options.vectors} is not 1 to {most}")


def _digest(references: Sequence[Reference]) -> str:
    """sha256 over the images and prompts."""
    whole = hashlib.sha256()
    for reference in references:
        whole.update(f"{reference.image.shape} {reference.prompt}\n".encode())
        whole.update(reference.image.tobytes())
    return whole.hexdigest()


def _identity(model: DiffusionModel, data_digest: str, style_text: str, options: InversionOptions) -> str:
    parts = [model.digest, data_digest, style_text, json.dumps(asdict(options), sort_keys=True)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
